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

  /** Cuts the power of both and resolves when the scheduler has said what it makes of it. */
  async function cut(): Promise<readonly string[]> {
    const { deployed } = the;
    const victims = [4, 5].map((number) => deployed.cluster.host(number));
    const lost = units.filter((unit) => victims.some((host) => deployed.placedOn(unit).includes(host.name)));
    expect(lost).to.have.length(2);
    await Promise.all(victims.map((host) => host.kill()));
    await eventually(
      () => {
        for (const unit of lost)
          expect(deployed.records.tables.unplaced.get(unit)?.reason).to.match(
            /^2 of 5 machines vanished at once, so their units are held for 10 s/,
          );
      },
      { within: 15_000 },
    );
    return lost;
  }

  async function powerOn(): Promise<void> {
    await Promise.all([4, 5].map((number) => the.deployed.cluster.host(number).start()));
    await the.deployed.allPresent();
  }

  it("keep their units while the grace lasts, and when they return nothing has moved", async () => {
    const { deployed } = the;
    const placements = deployed.placements;
    const lost = await cut();
    const { stdout, stderr } = await deployed.tryDeisctl("list-unit-files", "--fields=unit,unplaced");
    for (const unit of lost)
      expect(`${stdout}${stderr}`).to.match(new RegExp(`${unit}\\s+2 of 5 machines vanished`));
    await powerOn();
    await deployed.allActive(units);
    await eventually(() => deployed.records.tables.unplaced.size === 0);
    expect(deployed.placements).to.deep.equal(placements);
  });

  it("lose their units to others once the grace is over", async function () {
    const { deployed } = the;
    const begun = performance.now();
    const lost = await cut();
    await eventually(() => lost.every((unit) => /^h[123]$/.test(deployed.activeOn(unit).join())), {
      within: 25_000,
    });
    const tookMs = performance.now() - begun;
    measured(this, `from the cut to active elsewhere, ${graceSeconds} s of it grace`, tookMs);
    expect(tookMs).to.be.greaterThan(graceSeconds * 1_000);
    await powerOn();
    await deployed.allActive(units);
  });
});
