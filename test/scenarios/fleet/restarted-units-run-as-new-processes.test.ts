import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { livesOf } from "../../support/living-units.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";
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

  it("may be asked for in two steps, the second while the first is under way", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    await deployed.write({ "slow.service": service({ service: "ExecStop=/bin/sleep 1", fleet: onH4 }) });
    await deployed.deisctl("start", "slow.service");
    const before = await livesOf([h4]);
    await deployed.deisctl("stop", "--no-block", "slow.service");
    await eventually(async () => {
      const { stdout } = await h4.attempt(["systemctl", "is-active", "slow.service"]);
      expect(stdout.trim()).to.equal("deactivating");
    });
    await deployed.deisctl("start", "slow.service");
    await eventually(
      async () => {
        const after = await livesOf([h4]);
        expect(after).to.have.length(1);
        expect(after).not.to.deep.equal(before);
      },
      { within: 10_000 },
    );
  });
});
