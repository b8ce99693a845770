import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("status", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("of a loaded unit says so, in systemctl's words and with its exit code", async () => {
    const { deployed } = the;
    await deployed.write({ "idle.service": service() });
    await deployed.deisctl("load", "idle.service");
    const { code, stdout } = await deployed.tryDeisctl("status", "idle");
    expect(stdout).to.contain("Loaded: loaded").and.contain("Active: inactive (dead)");
    expect(code).to.equal(3);
  });
});
