import { expect } from "chai";
import { calmUnit, stopsCleanly } from "../../support/calm-unit.ts";
import { eventually } from "../../support/eventually.ts";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the daemons of a machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("stop with success while etcd cannot be reached", async function () {
    const { h4, runsOn } = await calmUnit(the.deployed);
    await the.deployed.cluster.part([4]);
    await eventually(
      async () => {
        const said = await h4.exec(["journalctl", "-u", "deis-agent", "-o", "cat", "-n", "5", "--no-pager"]);
        expect(said).to.contain("cannot reach the store");
      },
      { within: 15_000, every: 100 },
    );
    measured(this, "for both to stop", await stopsCleanly(h4));
    await runsOn();
  });
});
