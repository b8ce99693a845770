import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const everywhere = ["h1", "h2", "h3", "h4"];

describe("a global unit", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("that conflicts with one that is there starts nowhere, and everywhere once that one has gone", async () => {
    const { deployed } = the;
    await deployed.write({
      "first.service": service({ fleet: "Global=true" }),
      "second.service": service({ fleet: "Global=true\nConflicts=first.service" }),
    });
    await deployed.deisctl("start", "first.service");
    const { code, stderr } = await deployed.tryDeisctl("start", "second.service");
    expect(code).to.equal(3);
    expect(stderr).to.contain('"first.service"');
    expect(deployed.activeOn("first.service")).to.deep.equal(everywhere);
    expect(deployed.placedOn("second.service")).to.deep.equal([]);
    await deployed.deisctl("destroy", "first.service");
    await eventually(() => expect(deployed.activeOn("second.service")).to.deep.equal(everywhere));
  });
});
