import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { container, service } from "../support/sleepers.ts";

const units = ["web@1.service", "web@2.service", "job@1.service", "job@2.service", "job@3.service"];

describe("the loss of the leading scheduler", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  before("spread units over the hosts", async () => {
    await the.deployed.write({ "web@.service": container(), "job@.service": service() });
    await the.deployed.deisctl("start", ...units);
    await the.deployed.allActive(units);
  });

  /** Each unit's placement with the revision that wrote it: equal only if nobody wrote it again. */
  function placementRevisions(): readonly string[] {
    const { placements } = the.deployed.records.tables;
    return [...placements.entries()].map(([key]) => `${key} ${placements.revisionOf(key)}`).sort();
  }

  /** Loses the leader by `lose`, and resolves to the ms until another leads. What ran and was placed must be as before. */
  async function loses(lose: (leader: Host) => Promise<unknown>, starting: string): Promise<number> {
    const { deployed } = the;
    const leader = deployed.leader;
    if (leader === undefined) throw new Error("nobody leads");
    const term = deployed.records.tables.leader.revisionOf("");
    const [lives, placements] = [await livesOf(deployed.hosts), placementRevisions()];
    const lost = performance.now();
    const [tookMs, , started] = await Promise.all([
      eventually(
        () => {
          const now = deployed.records.tables.leader.revisionOf("");
          return now !== undefined && now !== term;
        },
        { within: 20_000, every: 2 },
      ).then(() => performance.now() - lost),
      lose(leader),
      deployed.tryDeisctl("start", starting),
    ]);
    expect(started.code, started.stderr).to.equal(0);
    await deployed.allActive([...units, starting]);
    expect(placementRevisions()).to.include.members([...placements]);
    expect(await livesOf(deployed.hosts)).to.include.members([...lives]);
    return tookMs;
  }

  it("by an orderly stop is a matter of milliseconds, moves nothing, and a unit started meanwhile starts", async function () {
    let stopped: Host | undefined;
    const tookMs = await loses(async (leader) => {
      stopped = leader;
      await leader.exec(["systemctl", "stop", "deis-scheduler"]);
    }, "job@4.service");
    expect(the.deployed.leader).to.not.equal(stopped);
    await stopped?.exec(["systemctl", "start", "deis-scheduler"]);
    measured(this, "from systemctl stop to the next leader", tookMs);
    expect(tookMs).to.be.lessThan(3_000);
  });

  it("by SIGKILL moves nothing, and a unit started meanwhile starts under the next leader", async function () {
    const tookMs = await loses(
      (leader) => leader.exec(["systemctl", "kill", "-s", "KILL", "deis-scheduler"]),
      "job@5.service",
    );
    measured(this, "from SIGKILL to the next leader", tookMs);
    expect(tookMs).to.be.lessThan(9_000);
  });
});
