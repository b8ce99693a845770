import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { beatingContainer, beatsOn } from "../support/heartbeats.ts";
import { livesOf, runningOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { container, service } from "../support/sleepers.ts";

const units = ["web.service", "once.service", "job.service", "fenced.service"];

describe("a reboot", function () {
  this.timeout(90_000);
  const the = useDeployedCluster();
  let host: Host;

  before("put all units on one host", async () => {
    const { deployed } = the;
    const together = "MachineOf=web.service";
    await deployed.write({
      "web.service": container({ service: "Restart=always" }),
      "once.service": container({ fleet: together }),
      "job.service": service({ fleet: together }),
      "fenced.service": beatingContainer(
        "fenced",
        `${together}\nFence=true`,
        "Restart=always\nTimeoutStopSec=1",
      ),
    });
    await deployed.deisctl("start", ...units);
    await deployed.allActive(units);
    host = deployed.hostWith("web.service");
  });

  /** Lets the host come up again by `again`: each unit then runs once, wherever, and nothing else was touched. */
  async function comesBack(context: Mocha.Context, again: () => Promise<void>): Promise<void> {
    const { deployed } = the;
    const others = deployed.hosts.filter((other) => other !== host);
    const lives = await livesOf(others);
    const begun = performance.now();
    await again();
    await deployed.allPresent();
    await eventually(
      async () => {
        const running = await Promise.all(deployed.hosts.map((each) => runningOn(each)));
        expect(running.flat().sort()).to.deep.equal([...units].sort());
        for (const unit of units) expect(deployed.activeOn(unit)).to.deep.equal(deployed.placedOn(unit));
      },
      { within: 30_000, every: 50 },
    );
    measured(context, `until all ${units.length} units were back`, performance.now() - begun);
    expect(await livesOf(others)).to.include.members([...lives]);
    const now = deployed.hostWith("fenced.service");
    const [last, [first = 0]] = [(await beatsOn(host, "fenced")).at(-1) ?? 0, await beatsOn(now, "fenced")];
    expect(now === host || last < first, "the fenced unit never ran twice").to.equal(true);
  }

  it("of a host ends with each of its units running once", async function () {
    await comesBack(this, () => host.reboot());
  });

  it("after a power cut shorter than the lease ends with each of its units running once", async function () {
    host = the.deployed.hostWith("web.service");
    await comesBack(this, async () => {
      await host.kill();
      await host.start();
    });
  });
});
