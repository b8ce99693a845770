import { expect } from "chai";
import type { DockerUnitRuntime } from "../../../agent/docker/unit-runtime.ts";
import type { RuntimeUnit } from "../../../agent/runtime.ts";
import { describeError, hasCode, hintOf, isRetryable, type PlatformError } from "../../../cluster/errors.ts";
import type { UnitState } from "../../../cluster/unit-state.ts";
import { eventually } from "../../support/eventually.ts";
import { useHost } from "../../support/host.ts";
import { containerUnit, Engine, untilStopped } from "./engine.ts";

const signal = new AbortController().signal;

describe("A unit on a real Docker engine", function () {
  this.timeout(60_000);
  const the = useHost({ images: "foundation" });
  let engine: Engine;
  let runtime: DockerUnitRuntime;

  before(async () => {
    engine = await Engine.of(the.host);
  });

  beforeEach(async () => {
    runtime = engine.runtime({ pingMs: 500 });
    await runtime.open(signal);
  });

  afterEach(async () => {
    engine.silence(false);
    await runtime.close();
    await engine.clean();
  });

  after(async () => {
    await engine.dispose();
  });

  async function run(unit: RuntimeUnit): Promise<UnitState> {
    await runtime.load(unit, signal);
    await runtime.start(unit, signal);
    return state(unit.name);
  }

  function state(name: string): UnitState {
    const seen = runtime.observed.get(name);
    if (!seen) throw new Error(`"${name}" is not observed`);
    return seen;
  }

  async function output(name: string): Promise<string[]> {
    const lines: string[] = [];
    for await (const { text } of runtime.journal(name, { follow: false }, signal)) lines.push(text);
    return lines;
  }

  async function failing(promise: Promise<unknown>): Promise<PlatformError> {
    const outcome = await promise.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (outcome === undefined) throw new Error("expected a rejection");
    return outcome as PlatformError;
  }

  it("says that an image is missing, names it, and makes no container", async () => {
    const error = await failing(
      runtime.load(containerUnit("bad.service", "Image=nobody/none:1\nPull=never"), signal),
    );
    expect(error.code).to.equal("unit-load-failed");
    expect(describeError(error)).to.include('"nobody/none:1"').and.include("Pull=never");
    expect(hintOf(error)).to.include("docker load");
    expect(await engine.inspect("bad.service")).to.equal(undefined);
  });

  it("says that a registry cannot be reached, and that another try may help", async () => {
    const error = await failing(
      runtime.load(containerUnit("far.service", "Image=localhost:1/none:1"), signal),
    );
    expect(error.code).to.equal("unit-load-failed");
    expect(hasCode(error.cause, "registry-unreachable"), describeError(error)).to.equal(true);
    expect(isRetryable(error)).to.equal(true);
  });

  it("refuses a unit file that it cannot carry out, with the line", async () => {
    const error = await failing(runtime.load(containerUnit("odd.service", "Colour=red"), signal));
    expect(error.code).to.equal("unit-load-failed");
    expect(describeError(error)).to.include("Colour");
  });

  it("says that a command does not exist", async () => {
    const error = await failing(run(containerUnit("typo.service", "Exec=no-such-command")));
    expect(error.code).to.equal("unit-start-failed");
    expect(hasCode(error.cause, "command-not-found"), describeError(error)).to.equal(true);
    expect(state("typo.service")).to.include({ active: "failed" });
    expect(state("typo.service").problem).to.include("no-such-command");
  });

  it("says which unit has the port that another one wants", async () => {
    await run(containerUnit("first.service", `${untilStopped}\nPublishPort=8099:80`));
    const error = await failing(run(containerUnit("second.service", `${untilStopped}\nPublishPort=8099:80`)));
    expect(error.code).to.equal("unit-start-failed");
    expect(hasCode(error.cause, "port-taken"), describeError(error)).to.equal(true);
    expect(describeError(error)).to.include("8099").and.include('"first.service"');
    expect(state("second.service")).to.include({ active: "failed" });
    expect(state("second.service").problem).to.include("8099");

    await runtime.unload("first.service", signal);
    await runtime.start(containerUnit("second.service", `${untilStopped}\nPublishPort=8099:80`), signal);
    expect(state("second.service")).to.include({ active: "active" });
  });

  it("gives a container the memory and processor that the unit reserves", async () => {
    const unit = containerUnit(
      "small.service",
      `Exec=sh -c "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.shares"`,
      "MemoryMax=32M\nCPUQuota=50%\nCPUWeight=200",
    );
    await run(unit);
    await eventually(() => expect(state(unit.name)).to.include({ active: "inactive", exitStatus: 0 }));
    expect(await output(unit.name)).to.deep.equal([`${32 * 1024 * 1024}`, "50000", "2048"]);
  });

  it("says that a container ran out of memory", async () => {
    const unit = containerUnit(
      "greedy.service",
      `Exec=sh -c "sleep 0.2; exec tail /dev/zero"`,
      "MemoryMax=8M",
    );
    await run(unit);
    await eventually(() => expect(state(unit.name)).to.include({ active: "failed", exitStatus: 137 }));
    expect(state(unit.name).problem).to.include("memory").and.include("8388608");
  });

  it("has Docker restart a killed container by itself, and sees it", async () => {
    const unit = containerUnit("phoenix.service", untilStopped, "Restart=always");
    const { since, containerId } = await run(unit);
    await engine.kill(unit.name);
    await eventually(() => {
      const now = state(unit.name);
      expect(now).to.include({ active: "active", sub: "running", containerId });
      expect(now.since).not.to.equal(since);
    });
  });

  it("restarts after a failure with no agent there, and the next agent adopts it", async () => {
    const unit = containerUnit("orphan.service", untilStopped, "Restart=on-failure");
    const { since } = await run(unit);
    await runtime.close();
    await engine.kill(unit.name);
    await eventually(async () => {
      const { Running, StartedAt = "" } = (await engine.inspect(unit.name))?.State ?? {};
      expect(Running).to.equal(true);
      expect(Date.parse(StartedAt)).to.be.above(Date.parse(since));
    });

    runtime = engine.runtime();
    await runtime.open(signal);
    expect(state(unit.name)).to.include({ active: "active", hash: unit.hash });
    expect(state(unit.name).since).not.to.equal(since);
  });

  it("does not restart what it was told to stop, and calls it inactive though it had to be killed", async () => {
    const unit = containerUnit("stubborn.service", "Exec=sleep 1000", "Restart=always\nTimeoutStopSec=1");
    await run(unit);
    const began = performance.now();
    await runtime.stop(unit.name, signal);
    expect(performance.now() - began).to.be.within(900, 5_000);
    expect(state(unit.name)).to.include({ active: "inactive", sub: "dead" });
    expect((await engine.inspect(unit.name))?.State).to.include({ Running: false, ExitCode: 137 });

    await runtime.close();
    runtime = engine.runtime();
    await runtime.open(signal);
    expect(state(unit.name), "also for the next agent").to.include({ active: "inactive", sub: "dead" });
  });

  it("keeps the output of a container that has ended until the unit is unloaded", async () => {
    const unit = containerUnit("last-words.service", `Exec=sh -c "echo one; echo two >&2; exit 4"`);
    await Promise.allSettled([run(unit)]);
    await eventually(() => expect(state(unit.name)).to.include({ active: "failed", exitStatus: 4 }));
    expect(await output(unit.name)).to.have.members(["one", "two"]);
    await runtime.stop(unit.name, signal);
    expect(await output(unit.name)).to.have.members(["one", "two"]);
    await runtime.unload(unit.name, signal);
    expect((await failing(output(unit.name))).code).to.equal("unit-not-found");
  });

  it("follows the output of a running unit", async () => {
    const unit = containerUnit(
      "talker.service",
      `Exec=sh -c "mkfifo /tmp/fifo; echo ready; read line < /tmp/fifo; echo \\"got $line\\"; sleep 1000"`,
    );
    await run(unit);
    const over = new AbortController();
    const heard: string[] = [];
    const listening = (async () => {
      for await (const { text } of runtime.journal(unit.name, { follow: true }, over.signal))
        heard.push(text);
    })();
    await eventually(() => expect(heard).to.deep.equal(["ready"]));
    const id = state(unit.name).containerId ?? "";
    await the.host.exec(["docker", "exec", id, "sh", "-c", "echo hällo > /tmp/fifo"]);
    await eventually(() => expect(heard).to.deep.equal(["ready", "got hällo"]));
    over.abort(new Error("heard enough"));
    expect(String(await failing(listening))).to.include("heard enough");
  });

  it("passes words, quotes and characters to the process as the unit file means them", async () => {
    const unit = containerUnit(
      "quotes@grüß.service",
      `ContainerName=quotes\nExec=printf "%%s|" "a  b" "it's" 'say "hi"' €100 %i\nEnvironment="G=grüß  Gott"`,
    );
    await run(unit);
    await eventually(async () =>
      expect(await output(unit.name)).to.deep.equal([`a  b|it's|say "hi"|€100|grüß|`]),
    );
    expect((await engine.inspect(unit.name))?.Config.Env).to.include("G=grüß  Gott");
  });

  it("reads an environment file on the host each time it makes a container", async () => {
    const unit = containerUnit(
      "env.service",
      `EnvironmentFile=/etc/env.service.env\nExec=sh -c "echo $GREETING"`,
    );
    await the.host.write("/etc/env.service.env", "GREETING=hello");
    await run(unit);
    await eventually(async () => expect(await output(unit.name)).to.deep.equal(["hello"]));
    await the.host.write("/etc/env.service.env", "GREETING=again");
    await eventually(() => expect(state(unit.name).active).to.equal("inactive"));
    await runtime.start(unit, signal);
    await eventually(async () => expect(await output(unit.name)).to.deep.equal(["again"]));
  });

  it("leaves a stranger's container of the same name alone and says whose it is", async () => {
    await the.host.exec(["docker", "run", "-d", "--name", "mine", "busybox", "sleep", "1000"]);
    const error = await failing(
      runtime.load(containerUnit("mine.service", `${untilStopped}\nContainerName=mine`), signal),
    );
    expect(error.code).to.equal("unit-load-failed");
    expect(hasCode(error.cause, "container-name-taken")).to.equal(true);
    expect(describeError(error)).to.include('"mine"').and.include("not ours");
    expect(hintOf(error)).to.include("docker rm -f mine");
    expect(runtime.observed.size).to.equal(0);
    await runtime.unload("mine.service", signal);
    expect(await the.host.exec(["docker", "inspect", "-f", "{{.State.Running}}", "mine"])).to.equal("true\n");
  });

  it("replaces its own container when it was made of another unit file", async () => {
    const name = "edition.service";
    const { containerId } = await run(containerUnit(name, `${untilStopped}\nLabel=edition=1`));
    const next = containerUnit(name, `${untilStopped}\nLabel=edition=2`);
    expect(await run(next)).to.include({ active: "active", hash: next.hash });
    expect(state(name).containerId).not.to.equal(containerId);
    expect(await the.host.exec(["docker", "ps", "-aq"])).to.match(/^\w+\n$/);
  });

  it("sees that a container was removed behind its back, and makes another when asked to start", async () => {
    const unit = containerUnit("vanishing.service", untilStopped);
    const { containerId = "" } = await run(unit);
    await the.host.exec(["docker", "rm", "-f", containerId]);
    await eventually(() => expect(runtime.observed.has(unit.name)).to.equal(false));
    await runtime.start(unit, signal);
    expect(state(unit.name)).to.include({ active: "active" });
  });

  it("makes another container when the one that a load made is gone by the start", async () => {
    const unit = containerUnit("fleeting.service", untilStopped);
    await runtime.load(unit, signal);
    await the.host.exec(["docker", "rm", "-f", state(unit.name).containerId ?? ""]);
    await runtime.start(unit, signal);
    expect(state(unit.name)).to.include({ active: "active" });
  });

  it("shows a failing health check as a problem of a unit that is up", async () => {
    const unit = containerUnit("ill.service", untilStopped);
    await run(unit);
    await runtime.unload(unit.name, signal);
    // `[Container]` has no health check yet: an image with one comes to the same.
    const health = ["--health-cmd", "echo sick; false", "--health-interval", "0.2s", "--health-retries", "1"];
    const labels = ["--label", `deis.unit=${unit.name}`, "--label", `deis.hash=${unit.hash}`];
    await the.host.exec(["docker", "run", "-d", ...health, ...labels, "busybox", "sleep", "1000"]);
    await eventually(() => expect(state(unit.name).problem ?? "").to.include("sick"));
    expect(state(unit.name)).to.include({ active: "active", sub: "running" });
  });

  it("notices a daemon that is there and says nothing, and recovers when it speaks again", async () => {
    const unit = containerUnit("frozen.service", untilStopped);
    await run(unit);
    engine.silence(true);
    await eventually(() => expect(runtime.connected).to.equal(false), { within: 10_000 });
    expect(state(unit.name), "the last known").to.include({ active: "active" });
    await engine.kill(unit.name);
    engine.silence(false);
    await eventually(() => expect(runtime.connected).to.equal(true), { within: 10_000 });
    // Docker itself learns of a death a moment late.
    await eventually(() => expect(state(unit.name)).to.include({ active: "failed", exitStatus: 137 }));
  });

  it("sees a restart of the daemon through: containers that were to be kept run, and nothing was missed", async () => {
    const kept = containerUnit("kept.service", untilStopped, "Restart=always");
    await run(kept);
    const rung: string[] = [];
    runtime.onChange((name) => rung.push(name));
    engine.events.length = 0;
    await the.host.exec(["systemctl", "restart", "docker"]);

    await eventually(
      () => {
        expect(engine.events.map(({ kind }) => kind)).to.include.members(["docker-lost", "docker-connected"]);
        expect(runtime.connected).to.equal(true);
        expect(state(kept.name)).to.include({ active: "active", sub: "running", hash: kept.hash });
      },
      { within: 30_000 },
    );
    expect(rung).to.include(kept.name);
    expect((await engine.inspect(kept.name))?.State.Running).to.equal(true);
  });

  it("rejects an open while there is no daemon, as something to try again", async () => {
    const lost = engine.runtime({ socketPath: "/nowhere/docker.sock" });
    const error = await failing(lost.open(signal));
    expect(error).to.include({ code: "docker-unreachable", retryable: true });
    await lost.close();
  });

  it("prints a status as systemctl does", async () => {
    const unit = containerUnit("shown@1.service", untilStopped, "MemoryMax=64M");
    await run(unit);
    await eventually(async () => expect(await output(unit.name)).to.deep.equal(["ready"]));
    const text = await runtime.status(unit.name, 10, signal);
    expect(text).to.match(/^● shown@1\.service\n/);
    expect(text).to.match(/\n {5}Loaded: loaded \(docker; image busybox:latest\)\n/);
    expect(text).to.match(
      /\n {5}Active: active \(running\) since \w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; \d+s ago\n/,
    );
    expect(text).to.match(/\n {2}Container: shown-1 \([0-9a-f]{12}\)\n/);
    expect(text).to.match(/\n {3}Main PID: \d+ \(sh\)\n/);
    expect(text).to.match(/\n {5}Memory: .*\(max: 64\.0M\)\n/);
    expect(text).to.match(/\n\n\w{3} \d\d \d\d:\d\d:\d\d \S+ shown@1\[\d+\]: ready\n$/);
  });
});
