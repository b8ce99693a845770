import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { livesOf } from "../../support/living-units.ts";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const pairs = [1, 2, 3, 4].map((pair) => [`ping@${pair}.service`, `pong@${pair}.service`] as const);

describe("pairs of units of which one names the other in MachineOf=", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("share a machine, and find a new one together when theirs loses its power", async function () {
    const { deployed } = the;
    await deployed.write({
      "ping@.service": service(),
      "pong@.service": service({ fleet: "MachineOf=ping@%i.service" }),
    });
    // The followers first by name order of the arguments: they wait for the units they name.
    await deployed.deisctl("start", ...pairs.flatMap(([ping, pong]) => [pong, ping]));
    await deployed.allActive(pairs.flat());
    const places = pairs.map(([ping, pong]) => [deployed.placedOn(ping), deployed.placedOn(pong)]);
    for (const [ping, pong] of places) expect(pong).to.deep.equal(ping);
    expect(places.flatMap(([ping]) => ping).sort(), "instances of one template are spread").to.deep.equal([
      "h1",
      "h2",
      "h3",
      "h4",
    ]);

    const victim = deployed.cluster.host(4);
    const others = deployed.hosts.filter((host) => host !== victim);
    const before = await livesOf(others);
    const lost = pairs.find(([ping]) => deployed.placedOn(ping).includes(victim.name)) ?? pairs[0];
    const cut = performance.now();
    await victim.kill();
    await eventually(
      () => lost?.every((unit) => ![victim.name, ""].includes(deployed.activeOn(unit).join())),
      { within: 30_000 },
    );
    measured(this, "from the cut to the pair active elsewhere", performance.now() - cut);
    const [ping = "", pong = ""] = lost ?? [];
    expect(deployed.placedOn(pong)).to.deep.equal(deployed.placedOn(ping));
    expect(await livesOf(others), "no other pair was touched").to.include.members([...before]);
  });
});
