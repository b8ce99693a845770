import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a unit names its machine", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("by a template's instance: MachineMetadata=host=%i, and an instance that no machine fits says so", async () => {
    const { deployed } = the;
    await deployed.write({ "on@.service": service({ fleet: "MachineMetadata=host=%i" }) });
    await deployed.deisctl("start", "on@h1", "on@h2", "on@h3");
    for (const name of ["h1", "h2", "h3"])
      expect(deployed.placedOn(`on@${name}.service`)).to.deep.equal([name]);
    const { code, stderr } = await deployed.tryDeisctl("start", "--block-attempts=1", "on@nowhere");
    expect(code).to.equal(3);
    expect(stderr).to.match(/^Cannot place "on@nowhere\.service": 4 machines .*lack metadata "host=nowhere"/);
  });
});
