import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { fenced, plain, startTogether } from "../support/fenced-units.ts";
import { beatsOn } from "../support/heartbeats.ts";
import { livesOf, runningOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";

const units = [...plain, ...fenced];

describe("a host that hangs for longer than its lease lasts", function () {
  this.timeout(90_000);
  const the = useDeployedCluster();
  let frozen: Host;

  before("put all units on one host, that leads the scheduler and etcd", async () => {
    const { deployed } = the;
    frozen = await startTogether(deployed);
    await deployed.storeLeadFrom(frozen);
    await deployed.leadFrom(frozen);
  });

  it("loses its units to others, and drops its own copies when it goes on", async function () {
    const { deployed } = the;
    const others = deployed.hosts.filter((host) => host !== frozen);
    const begun = performance.now();
    await frozen.freeze();
    await eventually(
      () => units.every((unit) => ![frozen.name, ""].includes(deployed.activeOn(unit).join())),
      { within: 30_000 },
    );
    measured(this, "from the hang to active elsewhere", performance.now() - begun);

    const plainLives = async (hosts: readonly Host[]) =>
      (await livesOf(hosts)).filter((life) => plain.some((unit) => life.includes(` ${unit} `)));
    const [placements, lives] = [deployed.placements, await plainLives(others)];
    const thawed = performance.now();
    const thawedAt = Date.now();
    frozen.thaw();
    await eventually(async () => expect(await runningOn(frozen)).to.deep.equal([]), {
      within: 20_000,
      every: 50,
    });
    measured(this, "from its end to no stale copy", performance.now() - thawed);
    // Nothing can stop a process that nobody could reach: but its agent does so before it asks anybody.
    for (const unit of ["fenced-web", "fenced-job"]) {
      const lastMs = Math.max(0, ((await beatsOn(frozen, unit)).at(-1) ?? 0) - thawedAt);
      measured(this, `of ${unit} after the hang`, lastMs);
      expect(lastMs).to.be.lessThan(3_000);
    }
    await deployed.allPresent();
    await deployed.allActive(units);
    expect(deployed.placements, "the leader of before decided nothing").to.deep.equal(placements);
    expect(await plainLives(deployed.hosts)).to.deep.equal(lives);
    // An etcd leader that hung may have the others' leases revoked when it goes on, before it learns that it leads no more (etcd's
    // issue 15247): their agents then stop what is fenced, as they must, and start it again.
    for (const unit of fenced) {
      const running = (await Promise.all(deployed.hosts.map(runningOn))).flat();
      expect(running.filter((name) => name === unit)).to.deep.equal([unit]);
    }
  });
});
