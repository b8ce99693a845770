import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("Replaces=", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("of two units that name each other lets one run, the other says why it waits, and neither is pushed about", async () => {
    const { deployed } = the;
    await deployed.write({
      "left.service": service({ fleet: "Replaces=right.service" }),
      "right.service": service({ fleet: "Replaces=left.service" }),
      "other.service": service(),
    });
    const { code, stderr } = await deployed.tryDeisctl("start", "left.service", "right.service");
    expect(code).to.equal(3);
    expect(stderr).to.match(/^Cannot place "right\.service": .*"left\.service"/);
    expect(deployed.activeOn("left.service")).to.have.length(1);
    // Any further pass would move it; one is asked for by a unit that comes.
    const seen = deployed.placements;
    await deployed.deisctl("start", "other.service");
    await deployed.deisctl("destroy", "other.service");
    expect(deployed.placements).to.deep.equal(seen);
    const listed = await deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,dstate,state");
    expect(listed).to.match(/^left\.service\s+launched\s+launched\nright\.service\s+launched\s+inactive\n$/);
  });
});
