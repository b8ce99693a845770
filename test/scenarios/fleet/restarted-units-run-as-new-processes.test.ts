import { expect } from "chai";
import { livesOf } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { threeUnits, writeThreeUnits } from "../../support/unit-rounds.ts";

describe("restart", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("of three running units leaves each running where it was, as another process", async () => {
    const { deployed } = the;
    await writeThreeUnits(deployed);
    await deployed.deisctl("start", ...threeUnits);
    const places = deployed.placements;
    const before = await livesOf(deployed.hosts);
    await deployed.deisctl("restart", ...threeUnits);
    const after = await livesOf(deployed.hosts);
    expect(after).to.have.length(3);
    expect(after.filter((life) => before.includes(life))).to.deep.equal([]);
    expect(deployed.placements).to.deep.equal(places);
  });
});
