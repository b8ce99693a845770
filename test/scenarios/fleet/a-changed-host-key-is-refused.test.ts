import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { useSshFromH1 } from "../../support/ssh-servers.ts";

describe("deisctl ssh", function () {
  this.timeout(30_000);
  const the = useSharedCluster();
  const fromH1 = useSshFromH1(the);

  it("refuses a machine whose key has changed, until its old key is forgotten", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const machine = deployed.machineOf(h4);
    await fromH1.knowOnly(h4);
    expect(await fromH1.ssh("--machine", machine, "hostname")).to.include({ code: 0, stdout: "h4\n" });
    await fromH1.changeKeys(h4);
    const refused = await fromH1.ssh("--machine", machine, "hostname");
    expect(refused.stderr).to.contain("REMOTE HOST IDENTIFICATION HAS CHANGED");
    expect(refused.code).to.equal(255);
    await fromH1.knowOnly(h4);
    expect(await fromH1.ssh("--machine", machine, "hostname")).to.include({ code: 0, stdout: "h4\n" });
  });
});
