import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("Replaces=", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("takes the machine of the unit it names, which goes on elsewhere", async () => {
    const { deployed } = the;
    await deployed.write({
      "old@.service": service(),
      "new.service": service({ fleet: "Replaces=old@2.service" }),
    });
    const old = [1, 2, 3, 4].map((at) => `old@${at}.service`);
    await deployed.deisctl("start", ...old);
    const before = new Map(old.map((unit) => [unit, deployed.placedOn(unit)]));
    await deployed.deisctl("start", "new.service");
    expect(deployed.placedOn("new.service")).to.deep.equal(before.get("old@2.service"));
    await deployed.allActive([...old, "new.service"]);
    expect(deployed.placedOn("old@2.service")).to.not.deep.equal(before.get("old@2.service"));
    for (const unit of ["old@1.service", "old@3.service", "old@4.service"])
      expect(deployed.placedOn(unit), unit).to.deep.equal(before.get(unit));
  });

  it("of two units that name each other lets one run, for good, and says why not the other", async () => {
    const { deployed } = the;
    await deployed.write({
      "left.service": service({ fleet: "Replaces=right.service" }),
      "right.service": service({ fleet: "Replaces=left.service" }),
    });
    await deployed.deisctl("start", "left.service");
    const { code, stderr } = await deployed.tryDeisctl("start", "right.service");
    expect(code).to.equal(3);
    expect(stderr).to.contain('while "left.service" is placed: the two replace each other');
    const both = () => [deployed.activeOn("left.service").length, deployed.activeOn("right.service").length];
    expect(both()).to.deep.equal([1, 0]);
    // Any further pass would move them again; one is asked for by a unit that comes.
    await deployed.write({ "other.service": service() });
    await deployed.deisctl("start", "other.service");
    const seen = deployed.placements;
    await deployed.deisctl("destroy", "other.service");
    expect(deployed.placements).to.deep.equal(seen.filter((row) => !row.startsWith("other.service ")));
    const listed = await deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,dstate");
    expect(listed).to.match(/^left\.service\s+launched\nright\.service\s+launched\n$/);
    await deployed.deisctl("destroy", "left.service");
    await eventually(() => expect(both()).to.deep.equal([0, 1]));
  });
});
