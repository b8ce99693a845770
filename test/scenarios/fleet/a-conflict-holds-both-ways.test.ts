import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const onH4 = "MachineMetadata=host=h4";

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

  it("may name several patterns, on one line and on several", async () => {
    const { deployed } = the;
    await deployed.write({
      "picky@.service": service({
        fleet: `${onH4}\nConflicts=no.* web@? db@[12].service\nConflicts=cache@*`,
      }),
      ...Object.fromEntries(
        ["web@1", "db@2", "cache@7", "web@10", "db@3"].map((name) => [
          `${name}.service`,
          service({ fleet: onH4 }),
        ]),
      ),
    });
    // `web@?` means names as they are written, so that no service is meant.
    await deployed.deisctl("start", "web@10.service", "db@3.service", "web@1.service", "picky@1.service");
    expect(deployed.placedOn("picky@1.service")).to.deep.equal(["h4"]);
    for (const rival of ["db@2.service", "cache@7.service"]) {
      const { code, stderr } = await deployed.tryDeisctl("start", rival);
      expect({ rival, code }).to.deep.equal({ rival, code: 3 });
      expect(stderr).to.contain('"picky@1.service"');
    }
    await deployed.deisctl("destroy", "picky@1.service");
    await deployed.allActive(["db@2.service", "cache@7.service"]);
  });
});
