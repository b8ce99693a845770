import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { livesOf, livesOn } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a machine that goes", function () {
  this.timeout(90_000);
  const the = useSharedCluster();

  it("and comes as another one, with a machine id of its own, costs exactly its own units a move", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    await deployed.write({ "apart@.service": service({ fleet: "Conflicts=apart@*" }) });
    const units = [1, 2, 3, 4].map((at) => `apart@${at}.service`);
    await deployed.deisctl("start", ...units);
    const others = deployed.hosts.filter((host) => host !== h4);
    const lives = await livesOf(others);
    const id = deployed.machineOf(h4);
    try {
      await h4.stop();
      await h4.write("/etc/machine-id", `${"f".repeat(31)}0\n`);
      deployed.alsoKnown("f".repeat(31).concat("0"), h4);
      await h4.start();
      await eventually(async () => expect(await livesOn(h4)).to.have.length(1), {
        within: 30_000,
        every: 50,
      });
      await deployed.allActive(units);
      expect(await livesOf(others), "three stay where they are").to.deep.equal(lives);
      expect(await deployed.deisctl("list-machines", "--full", "--no-legend")).to.not.contain(id);
    } finally {
      await deployed.deisctl("destroy", "*");
      await h4.stop();
      await h4.write("/etc/machine-id", `${id}\n`);
      await h4.start();
      await eventually(() => expect(deployed.machineIds).to.include(id).and.have.length(4), {
        within: 30_000,
      });
    }
  });
});
