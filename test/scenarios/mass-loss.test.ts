import { expect } from "chai";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { measured } from "../support/measured.ts";
import { service } from "../support/sleepers.ts";

const units = [1, 2, 3, 4, 5].map((instance) => `job@${instance}.service`);
const graceSeconds = 10;

describe("two of five hosts that lose power at once", function () {
  this.timeout(90_000);
  // The first three are etcd's; the others can go without taking the store along.
  const the = useDeployedCluster({
    hosts: 5,
    images: "none",
    settings: `[scheduler]\nmass_loss_grace_seconds = ${graceSeconds}`,
  });

  before("one unit on each host", async () => {
    await the.deployed.write({ "job@.service": service() });
    await the.deployed.deisctl("start", ...units);
    await the.deployed.allActive(units);
  });

  /**
   * Cuts the power of both and resolves to the units that the scheduler holds. Leases lapse one after the other: the first machine's
   * units may have been placed elsewhere before the second tells that more is wrong than one machine.
   */
  async function cut(): Promise<readonly string[]> {
    const { deployed } = the;
    const victims = [4, 5].map((number) => deployed.cluster.host(number));
    const lost = units.filter((unit) => victims.some((host) => deployed.placedOn(unit).includes(host.name)));
    expect(lost).to.have.length(2);
    await Promise.all(victims.map((host) => host.kill()));
    return await eventually(
      () => {
        const held = lost.filter((unit) =>
          /is away; 2 of 5 machines vanished at once, so their units are held for 10 s/.test(
            deployed.records.tables.unplaced.get(unit)?.reason ?? "",
          ),
        );
        expect(held).to.not.deep.equal([]);
        return held;
      },
      { within: 15_000 },
    );
  }

  async function powerOn(): Promise<void> {
    await Promise.all([4, 5].map((number) => the.deployed.cluster.host(number).start()));
    await the.deployed.allPresent();
  }

  it("keep their units while the grace lasts, and when they return these have not moved", async () => {
    const { deployed } = the;
    const held = await cut();
    const placed = new Map(held.map((unit) => [unit, deployed.placedOn(unit)]));
    const listed = await deployed.deisctl("list-unit-files", "--fields=unit,unplaced");
    for (const unit of held)
      expect(listed).to.match(new RegExp(`${unit}\\s+its machine .* 2 of 5 machines vanished`));
    await powerOn();
    await deployed.allActive(units);
    await eventually(() => deployed.records.tables.unplaced.size === 0);
    for (const [unit, hosts] of placed) expect(deployed.placedOn(unit)).to.deep.equal(hosts);
  });

  it("lose their units to others once the grace is over", async function () {
    const { deployed } = the;
    await deployed.deisctl("stop", ...units);
    await deployed.deisctl("unload", ...units);
    await deployed.deisctl("start", ...units);
    const begun = performance.now();
    const held = await cut();
    await eventually(() => held.every((unit) => /^h[123]$/.test(deployed.activeOn(unit).join())), {
      within: 25_000,
    });
    const tookMs = performance.now() - begun;
    measured(this, `from the cut to active elsewhere, ${graceSeconds} s of it grace`, tookMs);
    expect(tookMs).to.be.greaterThan(graceSeconds * 1_000);
    await powerOn();
    await deployed.allActive(units);
  });
});
