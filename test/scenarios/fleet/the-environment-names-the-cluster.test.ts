import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("deisctl on a host", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("finds the cluster by the environment rather than by the host's settings, and by a flag rather than by both", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const [member = ""] = deployed.cluster.etcd.endpoints;
    const nowhere = "https://127.0.0.1:9";
    const machines = async (env: string, ...flags: readonly string[]) =>
      await h4.attempt(["env", env, "deisctl", "--request-timeout=2", ...flags, "list-machines", "--full"]);
    const byEnvironment = await machines(`DEISCTL_ENDPOINT=${member}`);
    for (const host of deployed.hosts) expect(byEnvironment.stdout).to.contain(deployed.machineOf(host));
    const lost = await machines(`DEISCTL_ENDPOINT=${nowhere}`);
    expect(lost.code).to.equal(1);
    expect(lost.stderr).to.contain(nowhere);
    const byFlag = await machines(`DEISCTL_ENDPOINT=${nowhere}`, "--endpoint", member);
    expect(byFlag).to.include({ code: 0, stdout: byEnvironment.stdout });
  });
});
