import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf, runningOn, tracesOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { container, service } from "../support/sleepers.ts";

const webs = ["web@1.service", "web@2.service"];
const routers = ["deis-router@1.service", "deis-router@2.service"];
const jobs = ["job@1.service", "job@2.service", "job@3.service"];
const units = [...webs, ...routers, ...jobs];

describe("a power cut of one of three hosts", function () {
  this.timeout(90_000);
  const the = useDeployedCluster();

  before("spread units over the hosts", async () => {
    const { deployed } = the;
    await deployed.write({
      "web@.service": container({ fleet: "Conflicts=web@*", service: "Restart=always" }),
      "job@.service": service(),
    });
    await deployed.deisctl("start", ...webs);
    await deployed.deisctl("install", "router@1", "router@2");
    await deployed.deisctl("start", "router@1", "router@2");
    await deployed.deisctl("start", ...jobs);
    await deployed.allActive(units);
  });

  /** The host that has a unit of every kind. */
  function fullHost(): Host {
    const full = the.deployed.hosts.filter((host) =>
      [webs, routers, jobs].every((kind) =>
        kind.some((unit) => the.deployed.placedOn(unit).includes(host.name)),
      ),
    );
    const [host] = full;
    if (host === undefined) throw new Error(`no host has all kinds: ${the.deployed.placements.join("; ")}`);
    return host;
  }

  async function survives(context: Mocha.Context, victim: Host): Promise<void> {
    const { deployed } = the;
    const others = deployed.hosts.filter((host) => host !== victim);
    const lost = units.filter((unit) => deployed.placedOn(unit).includes(victim.name));
    const before = await livesOf(others);

    const cut = performance.now();
    await victim.kill();
    await eventually(
      () =>
        lost.every(
          (unit) => !deployed.activeOn(unit).includes(victim.name) && deployed.activeOn(unit).length === 1,
        ),
      { within: 30_000 },
    );
    const tookMs = performance.now() - cut;
    measured(context, `from the cut to ${lost.length} units active elsewhere`, tookMs);

    await deployed.allActive(units);
    expect(await livesOf(others), "what ran elsewhere runs on untouched").to.include.members([...before]);
    expect(tookMs).to.be.lessThan(15_000);

    const placements = deployed.placements;
    const back = performance.now();
    await victim.start();
    await deployed.allPresent();
    measured(context, "from power to being a machine again", performance.now() - back);
    await eventually(async () => expect(await tracesOn(victim)).to.deep.equal([]), {
      within: 20_000,
      every: 100,
    });
    measured(context, "until nothing stale is left", performance.now() - back);
    expect(await deployed.deisctl("list-machines", "--no-legend")).to.contain(victim.address);
    expect(deployed.placements, "nothing else moves").to.deep.equal(placements);
    await eventually(() => units.every((unit) => deployed.activeOn(unit).length === 1));
    const running = await Promise.all(deployed.hosts.map((host) => runningOn(host)));
    expect(running.flat().sort()).to.deep.equal([...units].sort());
  }

  it("moves its units, among them the scheduler's leader, and it comes back empty", async function () {
    const victim = fullHost();
    const [other] = the.deployed.hosts.filter((host) => host !== victim);
    if (other) await the.deployed.storeLeadFrom(other);
    await the.deployed.leadFrom(victim);
    await survives(this, victim);
  });

  it("moves its units when it led the scheduler and etcd as well", async function () {
    const victim = fullHost();
    await the.deployed.storeLeadFrom(victim);
    await the.deployed.leadFrom(victim);
    await survives(this, victim);
  });
});
