import { expect } from "chai";
import { calmUnit } from "../../support/calm-unit.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the daemons of a machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("keep their listeners and process over a reload of the settings", async () => {
    const { h4, runsOn } = await calmUnit(the.deployed);
    const main = async () => await h4.exec(["systemctl", "show", "-P", "MainPID", "deis-agent"]);
    const before = await main();
    for (let round = 0; round < 3; round += 1) {
      await h4.exec(["systemctl", "reload", "deis-agent"]);
      const status = await the.deployed.deisctl("status", "calm");
      expect(status).to.contain("Active: active (running)");
    }
    expect(await main()).to.equal(before);
    const said = await h4.exec(["journalctl", "-u", "deis-agent", "-o", "cat", "-n", "20", "--no-pager"]);
    expect(said).to.not.match(/api not served|EADDRINUSE/);
    await runsOn();
  });
});
