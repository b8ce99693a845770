import { expect } from "chai";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("Conflicts=", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

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
