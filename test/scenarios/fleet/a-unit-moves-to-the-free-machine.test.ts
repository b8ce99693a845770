import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { livesOf } from "../../support/living-units.ts";
import { measured } from "../../support/measured.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a machine that goes", function () {
  this.timeout(90_000);
  const the = useSharedCluster();

  it("leaves its unit to the free one, and the units of the others where they are", async function () {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const [first, ...instances] = ["first.service", "apart@1.service", "apart@2.service"];
    await deployed.write({
      "apart@.service": service({ fleet: "Conflicts=apart@*" }),
      "first.service": service({ fleet: `${onH4}\nConflicts=apart@*` }),
    });
    // Three that exclude each other, one of them on h4 and then no longer bound to it.
    await deployed.deisctl("start", first);
    await deployed.deisctl("start", ...instances);
    const taken = [first, ...instances].flatMap((unit) => deployed.placedOn(unit));
    const free = deployed.hosts.map(({ name }) => name).filter((name) => !taken.includes(name));
    await deployed.write({ "first.service": service({ fleet: "Conflicts=apart@*" }) });
    await deployed.deisctl("start", "--replace", "first.service");
    expect(deployed.placedOn("first.service"), "a new file stays where it fits").to.deep.equal(["h4"]);
    const others = deployed.hosts.filter((host) => host !== h4);
    const lives = await livesOf(others);

    await h4.stop();
    const down = performance.now();
    await eventually(() => expect(deployed.activeOn("first.service")).to.deep.equal(free), {
      within: 20_000,
    });
    measured(this, "from power-off to its unit active on the free one", performance.now() - down);
    expect(await livesOf(others), "no other was touched").to.include.members([...lives]);

    await h4.start();
    await deployed.allPresent(30_000);
    expect(deployed.activeOn("first.service"), "nothing comes back by itself").to.deep.equal(free);
  });
});
