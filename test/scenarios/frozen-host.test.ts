import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { beatingContainer, beatingService, beatsOn } from "../support/heartbeats.ts";
import { livesOf, runningOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { container, service } from "../support/sleepers.ts";

const units = ["web.service", "job.service", "fenced-web.service", "fenced-job.service"];
const quick = "Restart=always\nTimeoutStopSec=1";

describe("a host that hangs for longer than its lease lasts", function () {
  this.timeout(90_000);
  const the = useDeployedCluster();
  let frozen: Host;

  before("put all units on one host, that leads the scheduler and etcd", async () => {
    const { deployed } = the;
    const together = "MachineOf=web.service";
    await deployed.write({
      "web.service": container({ service: quick }),
      "job.service": service({ service: quick, fleet: together }),
      "fenced-web.service": beatingContainer("fenced-web", `${together}\nFence=true`, quick),
      "fenced-job.service": beatingService("fenced-job", `${together}\nFence=true`, quick),
    });
    await deployed.deisctl("start", ...units);
    await deployed.allActive(units);
    frozen = deployed.hostWith("web.service");
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

    const [placements, lives] = [deployed.placements, await livesOf(others)];
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
    expect(await livesOf(deployed.hosts)).to.deep.equal(lives);
  });
});
