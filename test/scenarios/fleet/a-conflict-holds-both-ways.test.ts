import { expect } from "chai";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("Conflicts=", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("of the unit that is there keeps out one that says nothing itself, until it has gone", async () => {
    const { deployed } = the;
    await deployed.write({
      "jealous.service": service({ fleet: `${onH4}\nConflicts=plain.*` }),
      "plain.service": service({ fleet: onH4 }),
    });
    await deployed.deisctl("start", "jealous.service");
    const kept = await deployed.tryDeisctl("start", "plain.service");
    expect(kept.code).to.equal(3);
    expect(kept.stderr).to.match(/^Cannot place "plain\.service": .*"jealous\.service"/);
    expect(deployed.placedOn("plain.service")).to.deep.equal([]);
    await deployed.deisctl("destroy", "jealous.service");
    await deployed.allActive(["plain.service"]);
  });

  it("of the unit that comes keeps it out, until the one that says nothing has gone", async () => {
    const { deployed } = the;
    await deployed.write({
      "jealous.service": service({ fleet: `${onH4}\nConflicts=plain.*` }),
      "plain.service": service({ fleet: onH4 }),
    });
    await deployed.deisctl("start", "plain.service");
    expect((await deployed.tryDeisctl("start", "jealous.service")).code).to.equal(3);
    await deployed.deisctl("stop", "plain.service");
    expect(deployed.placedOn("jealous.service"), "a stopped unit keeps its place").to.deep.equal([]);
    await deployed.deisctl("unload", "plain.service");
    await deployed.allActive(["jealous.service"]);
  });
});
