/** Units that are to end, cluster timers, and units that move when they fail: on hosts that are restarted, cut off and lost. */
import { expect } from "chai";
import type { Run } from "../../cluster/run.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { measured } from "../support/measured.ts";

describe("units that are to end, on three hosts", function () {
  this.timeout(120_000);
  const the = useDeployedCluster();

  const run = (unit: string): Run | undefined => the.deployed.records.tables.runs.get(unit);

  /** The lines that a unit wrote into a file of its own, on all hosts that are up. */
  async function lines(file: string): Promise<readonly string[]> {
    const hosts = the.deployed.hosts.filter(({ state }) => state === "running");
    const texts = await Promise.all(
      hosts.map(async (host) => (await host.attempt(["cat", `/var/tmp/${file}`])).stdout),
    );
    return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  }

  const job = (file: string, then: string, fleet: string): string =>
    `[Service]\nType=oneshot\nExecStart=/bin/sh -c "date +%%s.%%N >> /var/tmp/${file}; ${then}"\n[X-Fleet]\n${fleet}\n`;

  before("write the units", async () => {
    await the.deployed.write({
      "job.service": job("job", "true", "RunOnce=true"),
      "bad.service": job("bad", "exit 3", "RunOnce=true"),
      "long.service": `[Service]\nExecStart=/bin/sh -c "echo begun >> /var/tmp/long; exec sleep 600"\n[X-Fleet]\nRunOnce=true\n`,
      "box.service": `[Container]\nImage=busybox\nPull=never\nExec=sh -c "echo done >> /out/box"\nVolume=/var/tmp:/out\n[X-Fleet]\nRunOnce=true\n`,
      "tick.service": job("tick", "true", "OnCalendar=*:*:0/4"),
      "moves.service": `[Service]\nExecStart=/bin/sh -c "test -e /var/tmp/good && exec sleep infinity; exit 1"\nRestart=on-failure\nRestartSec=300ms\nStartLimitIntervalSec=0\n[X-Fleet]\nMoveAfterFailures=2\n`,
    });
  });

  it("run once, are told as finished or failed, and stay where they ran", async function () {
    const begun = performance.now();
    expect((await the.deployed.tryDeisctl("start", "job")).code).to.equal(0);
    measured(this, "until deisctl knew that the job has finished", performance.now() - begun);
    expect(run("job.service")).to.include({ status: "finished", exitStatus: 0 });
    const { code, stderr } = await the.deployed.tryDeisctl("start", "bad");
    expect(code).to.equal(1);
    expect(stderr).to.contain("status 3");
    await eventually(() => expect(run("bad.service")).to.include({ status: "failed", exitStatus: 3 }));
    expect(the.deployed.placedOn("job.service")).to.have.length(1);
    expect([await lines("job"), await lines("bad")].map(({ length }) => length)).to.deep.equal([1, 1]);
  });

  it("are run again by a restart, and by nothing else", async () => {
    const { deployed } = the;
    await deployed.deisctl("start", "job");
    await Promise.all(deployed.hosts.map((host) => host.exec(["systemctl", "restart", "deis-agent"])));
    await deployed.allPresent();
    const first = run("job.service")?.run;
    await deployed.deisctl("restart", "job");
    await eventually(() => expect(run("job.service")).to.include({ status: "finished", generation: 1 }));
    expect(run("job.service")?.run).to.not.equal(first);
    expect(await lines("job")).to.have.length(2);
  });

  it("may be containers", async () => {
    const { deployed } = the;
    expect((await deployed.tryDeisctl("start", "box")).code).to.equal(0);
    expect(run("box.service")).to.include({ status: "finished", exitStatus: 0 });
    const host = deployed.hostWith("box.service");
    await host.exec(["systemctl", "restart", "deis-agent"]);
    await deployed.allPresent();
    expect(await lines("box")).to.deep.equal(["done"]);
    expect((await deployed.tryDeisctl("restart", "box")).code).to.equal(0);
    await eventually(() => expect(run("box.service")).to.include({ status: "finished", generation: 1 }));
    expect(await lines("box")).to.deep.equal(["done", "done"]);
    await deployed.deisctl("destroy", "box");
  });

  it("are not run again when their host is lost, unless it was lost in their midst", async function () {
    const { deployed } = the;
    await deployed.deisctl("start", "long");
    await eventually(() => expect(run("long.service")).to.include({ status: "running" }));
    const victim = deployed.hostWith("long.service");
    await deployed.deisctl("restart", "job");
    await eventually(() => expect(run("job.service")).to.include({ status: "finished", generation: 2 }));
    const before = (await lines("job")).length;
    const lost = performance.now();
    await victim.kill();
    await eventually(
      () => expect(deployed.activeOn("long.service")).to.have.length(1).and.not.include(victim.name),
      {
        within: 30_000,
      },
    );
    measured(this, "from the loss to the run begun elsewhere", performance.now() - lost);
    expect(await lines("long")).to.deep.equal(["begun"]);
    await victim.start();
    await deployed.allPresent(40_000);
    expect(await lines("job")).to.have.length(before);
    expect(run("job.service")).to.include({ status: "finished", generation: 2 });
    await deployed.deisctl("destroy", "long", "job", "bad");
    await eventually(() => expect([...deployed.records.tables.runs.entries()]).to.deep.equal([]));
    await eventually(() => expect([...deployed.records.tables.outcomes.entries()]).to.deep.equal([]));
  });

  it("run once at each tick of their calendar, whoever leads", async function () {
    const { deployed } = the;
    const { code, stderr } = await deployed.tryDeisctl("start", "tick");
    expect(code).to.equal(0);
    expect(stderr).to.match(/^(Unit tick.service: it waits for its first tick; the next is due at \S+\n)?$/);
    await eventually(async () => expect(await lines("tick")).to.have.length.at.least(2), { within: 20_000 });
    const { leader } = deployed;
    await leader?.exec(["systemctl", "kill", "--signal=KILL", "deis-scheduler"]);
    await leader?.exec(["systemctl", "restart", "deis-agent"]);
    const until = (await lines("tick")).length + 4;
    await eventually(async () => expect(await lines("tick")).to.have.length.at.least(until), {
      within: 40_000,
    });
    const starts = (await lines("tick")).map(Number).sort((a, b) => a - b);
    const ticks = starts.map((seconds) => Math.floor(seconds / 4));
    expect(ticks, "each tick has one run at most").to.deep.equal([...new Set(ticks)]);
    const late = starts.map((seconds) => (seconds % 4) * 1_000).sort((a, b) => a - b);
    measured(this, "from a tick to its run, median", late[Math.floor(late.length / 2)] ?? 0);
    expect(deployed.placedOn("tick.service"), "it stays where it ran").to.have.length(1);
    await deployed.deisctl("stop", "tick");
    await eventually(() => expect(run("tick.service")).to.equal(undefined));
    await deployed.deisctl("destroy", "tick");
  });

  it("move on after so many failures, until they are on a host where they do not fail", async function () {
    const { deployed } = the;
    // It is loaded, not started, so that it is known where it will be: on a host where it fails.
    await deployed.deisctl("load", "moves");
    const [first] = deployed.placedOn("moves.service");
    const good = deployed.hosts.find(({ name }) => name !== first);
    if (!good) throw new Error("it is on every host");
    await good.exec(["touch", "/var/tmp/good"]);
    const begun = performance.now();
    await deployed.tryDeisctl("start", "moves", "--no-block");
    await eventually(() => expect(deployed.activeOn("moves.service")).to.deep.equal([good.name]), {
      within: 60_000,
    });
    measured(this, "until it was on the host where it does not fail", performance.now() - begun);
    const placed = deployed.records.tables.placements.get(`${deployed.machineOf(good)}/moves.service`);
    expect(placed?.reason).to.match(/moved from \S+, because it failed 2 times on /);
    await deployed.deisctl("destroy", "moves");
  });
});
