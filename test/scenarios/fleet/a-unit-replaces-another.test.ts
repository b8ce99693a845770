import { expect } from "chai";
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
});
