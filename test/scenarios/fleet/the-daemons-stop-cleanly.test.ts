/** Where fleet unloaded every unit on an orderly stop, ours touches none: on purpose. */
import { calmUnit, stopsCleanly } from "../../support/calm-unit.ts";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the daemons of a machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("stop with success, and no unit with them", async function () {
    const { h4, runsOn } = await calmUnit(the.deployed);
    measured(this, "for both to stop", await stopsCleanly(h4));
    await runsOn();
  });
});
