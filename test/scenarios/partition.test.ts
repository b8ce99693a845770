import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { fenced, plain, startTogether } from "../support/fenced-units.ts";
import { beatsOn } from "../support/heartbeats.ts";
import { livesOf, runningOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";

const units = [...plain, ...fenced];

describe("a host that is silently parted from the others", function () {
  this.timeout(90_000);
  const the = useDeployedCluster();
  let parted: Host;

  before("put all units on one host, that leads the scheduler", async () => {
    const { deployed } = the;
    parted = await startTogether(deployed);
    await deployed.leadFrom(parted);
    const [other = parted] = deployed.hosts.filter((host) => host !== parted);
    await deployed.storeLeadFrom(other);
  });

  it("loses its units to others, and stops its fenced ones before their new copies start", async function () {
    const { deployed } = the;
    const cut = performance.now();
    const cutAt = Date.now();
    await deployed.cluster.part([parted.number]);
    await eventually(
      () => units.every((unit) => ![parted.name, ""].includes(deployed.activeOn(unit).join())),
      { within: 30_000 },
    );
    measured(this, "from the cut to active elsewhere", performance.now() - cut);

    expect(await runningOn(parted), "what is not fenced runs on").to.have.members([...plain]);
    for (const unit of ["fenced-web", "fenced-job"]) {
      const last = (await beatsOn(parted, unit)).at(-1) ?? 0;
      const elsewhere = deployed.hostWith(`${unit}.service`);
      const [first = 0] = await beatsOn(elsewhere, unit);
      expect(last, `${unit} stopped on ${parted.name} before it began on ${elsewhere.name}`).to.be.lessThan(
        first,
      );
      measured(this, `until ${unit} stopped`, last - cutAt);
      measured(this, "without it", first - last);
    }
  });

  it("drops its stale copies when it is back, and every unit runs once", async function () {
    const { deployed } = the;
    const others = deployed.hosts.filter((host) => host !== parted);
    const [placements, lives] = [deployed.placements, await livesOf(others)];
    const healed = performance.now();
    await deployed.cluster.heal();
    await deployed.allPresent();
    await eventually(async () => expect(await runningOn(parted)).to.deep.equal([]), {
      within: 20_000,
      every: 50,
    });
    measured(this, "from healing to no stale copy", performance.now() - healed);
    await deployed.allActive(units);
    expect(deployed.placements).to.deep.equal(placements);
    expect(await livesOf(deployed.hosts)).to.deep.equal(lives);
  });
});
