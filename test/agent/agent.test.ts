import { expect } from "chai";
import fc from "fast-check";
import { PlatformError } from "../../cluster/errors.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { eventually } from "../support/eventually.ts";
import { MachineUnderTest, unitText } from "./machine-under-test.ts";

describe("an agent", () => {
  let host: MachineUnderTest;

  beforeEach(() => {
    host = new MachineUnderTest();
  });

  afterEach(async () => {
    await host.stop();
  });

  const reports = (unit: string, state: Partial<UnitState>) =>
    eventually(() => expect(host.state(unit)).to.include(state));

  /** Nothing is under way and a further pass decided nothing. */
  async function atRest(): Promise<void> {
    let calls = -1;
    let before = 0;
    await eventually(
      () => {
        const passes = host.events.filter(({ kind }) => kind === "pass-done").length;
        if (host.calls.length !== calls) before = passes;
        calls = host.calls.length;
        host.ring();
        // One of them may have begun before the last call.
        return passes >= before + 2;
      },
      { every: 20 },
    );
  }

  it("loads, starts and reports a unit that is placed here", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { load: "loaded", active: "active", sub: "running", generation: 0 });
    expect(host.steps("web.service")).to.deep.equal(["load", "start", "acknowledge"]);
  });

  it("only loads a unit whose target is loaded", async () => {
    await host.startSynced();
    host.place("web.service", unitText(), { target: "loaded" });
    await reports("web.service", { load: "loaded", active: "inactive", generation: 0 });
    expect(host.steps("web.service")).to.deep.equal(["load"]);
  });

  it("runs containers on Docker and other units on systemd", async () => {
    await host.startSynced();
    host.place("web.service", unitText("runs", 1, "container"));
    host.place("db.service", unitText());
    await reports("web.service", { active: "active" });
    await reports("db.service", { active: "active" });
    expect([...host.docker.residents.keys()]).to.deep.equal(["web.service"]);
    expect([...host.systemd.residents.keys()]).to.deep.equal(["db.service"]);
  });

  it("removes a unit that left, and retracts its state", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    host.withdraw("web.service");
    await eventually(() => host.state("web.service") === undefined && host.systemd.residents.size === 0);
  });

  it("stops a unit whose target becomes loaded and starts it when it is launched again", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    host.place("web.service", unitText(), { target: "loaded" });
    await reports("web.service", { active: "inactive" });
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    expect(host.steps("web.service")).to.deep.equal([
      "load",
      "start",
      "acknowledge",
      "stop",
      "acknowledge",
      "start",
      "acknowledge",
    ]);
  });

  for (const runtime of ["systemd", "docker"] as const) {
    it(`starts a unit on ${runtime} that is launched again while it is being stopped`, async () => {
      await host.startSynced();
      const text = runtime === "docker" ? unitText("runs", 1, "container") : unitText();
      host.place("web.service", text);
      await reports("web.service", { active: "active" });
      let stopped = (): void => undefined;
      host[runtime].hook = (step) =>
        step === "stop" ? new Promise((resolve) => (stopped = resolve)) : undefined;
      host.place("web.service", text, { target: "loaded" });
      await eventually(() =>
        host.events.some((event) => event.kind === "plan-begun" && event.steps.includes("stop")),
      );
      host.place("web.service", text);
      await eventually(() => host.events.some(({ kind }) => kind === "plan-superseded"));
      stopped();
      await eventually(() =>
        expect(host.steps("web.service").slice(-2)).to.deep.equal(["start", "acknowledge"]),
      );
      await reports("web.service", { active: "active", generation: 0 });
    });
  }

  it("tells nothing of an end between a slow stop and the start that was asked for meanwhile", async () => {
    await host.startSynced();
    const text = unitText("stops-slowly");
    host.place("web.service", text);
    await reports("web.service", { active: "active" });
    host.place("web.service", text, { target: "loaded" });
    await reports("web.service", { active: "deactivating" });
    const before = host.batches.length;
    // The unit is at rest, and its plan is not over, for two passes.
    host.systemd.hook = async (step) => {
      if (step !== "acknowledge") return;
      const passes = () => host.events.filter(({ kind }) => kind === "pass-done").length;
      const first = passes();
      await eventually(() => {
        host.ring();
        return passes() > first + 1;
      });
    };
    host.place("web.service", text);
    await reports("web.service", { active: "active" });
    const ends = host.batches
      .slice(before)
      .flat()
      .filter((write) => write.kind === "report" && write.state.exitStatus !== undefined);
    expect(ends).to.deep.equal([]);
  });

  it("restarts a unit once for each restart generation it learns of", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active", generation: 0 });
    host.place("web.service", unitText(), { generation: 1 });
    await reports("web.service", { active: "active", generation: 1 });
    await atRest();
    expect(host.steps("web.service").filter((step) => step === "stop")).to.have.length(1);
  });

  it("does not restart a unit again when another agent takes over in the middle of it", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    const held = new AbortController();
    host.systemd.hook = (step, _unit, signal) =>
      step === "acknowledge"
        ? new Promise((_, reject) => signal.addEventListener("abort", reject))
        : undefined;
    host.place("web.service", unitText(), { generation: 1 });
    await eventually(() => host.steps("web.service").includes("stop"));
    await host.stop();
    held.abort();
    host.systemd.hook = () => undefined;

    await host.startSynced();
    await reports("web.service", { active: "active", generation: 1 });
    expect(host.steps("web.service").filter((step) => step === "start")).to.have.length(2);
  });

  it("replaces a unit whose file changed, in order", async () => {
    await host.startSynced();
    host.place("web.service", unitText("runs", 1));
    await reports("web.service", { active: "active" });
    host.place("web.service", unitText("runs", 2));
    const hash = host.submit(unitText("runs", 2));
    await reports("web.service", { active: "active", hash });
    expect(host.steps("web.service").slice(3)).to.deep.equal([
      "stop",
      "unload",
      "load",
      "start",
      "acknowledge",
    ]);
  });

  it("moves a unit from systemd to Docker when its file says so", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    host.place("web.service", unitText("runs", 1, "container"));
    await eventually(() => host.docker.residents.get("web.service")?.processes === 1);
    expect(host.systemd.residents.size).to.equal(0);
  });

  it("touches nothing when it restarts", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    host.place("job.service", unitText("ends"));
    host.place("bad.service", unitText("fails"));
    host.place("idle.service", unitText(), { target: "loaded" });
    await reports("web.service", { active: "active" });
    await reports("job.service", { active: "inactive", exitStatus: 0 });
    await reports("bad.service", { active: "failed", exitStatus: 3 });
    await reports("idle.service", { active: "inactive" });
    await atRest();
    await host.stop();
    const before = host.calls.length;
    const batches = host.batches.length;
    const since = host.systemd.residents.get("web.service")?.state.since;

    await host.startSynced();
    await atRest();
    expect(host.calls.slice(before)).to.deep.equal([]);
    expect(host.batches.slice(batches)).to.deep.equal([]);
    expect(host.systemd.residents.get("web.service")?.state.since).to.equal(since);
  });

  it("keeps to what it reported of an ended unit that systemd has forgotten, and of units whose runtime is not open yet", async () => {
    await host.startSynced();
    host.place("job.service", unitText("ends"));
    host.place("bad.service", unitText("fails"));
    await reports("job.service", { active: "inactive", exitStatus: 0 });
    await reports("bad.service", { active: "failed" });
    await atRest();
    await host.stop();
    const job = host.systemd.residents.get("job.service");
    if (job) {
      const { exitStatus: _forgotten, ...rest } = job.state;
      job.state = { ...rest, since: new Date().toISOString() };
    }
    const batches = host.batches.length;

    await host.start({ authority: () => "awaited", runtimes: [] });
    host.placements.sync();
    host.reported.sync();
    await atRest();
    await host.stop();
    await host.startSynced();
    await atRest();
    expect(host.batches.slice(batches)).to.deep.equal([]);
  });

  it("retracts after a restart what it reported of a unit that is gone", async () => {
    const since = "2026-01-01T00:00:00.000Z";
    const stale = {
      load: "loaded",
      active: "active",
      sub: "running",
      hash: "0".repeat(40),
      generation: 0,
      since,
    };
    host.reported.put("stale.service", stale);
    await host.startSynced();
    await eventually(() => host.state("stale.service") === undefined);
  });

  it("writes its states again when they were swept", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    host.reported.put("web.service", undefined);
    await reports("web.service", { active: "active" });
  });

  it("does nothing before its mirror is synced", async () => {
    await host.systemd.runtime().open(new AbortController().signal);
    host.place("web.service", unitText());
    await host.start();
    host.placements.sync();
    await eventually(() => host.events.some(({ kind }) => kind === "pass-done"));
    await atRest();
    expect(host.calls).to.deep.equal([]);
    expect(host.batches).to.deep.equal([]);

    host.reported.sync();
    await reports("web.service", { active: "active" });
  });

  it("does nothing while it holds no lease, but stop what is fenced; and starts that again with the lease", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    host.place("db.service", unitText("runs", 1, "fence"));
    await reports("web.service", { active: "active" });
    await reports("db.service", { active: "active" });
    host.authority = "lost";
    host.withdraw("web.service");
    await reports("db.service", { active: "inactive" });
    await atRest();
    expect(host.systemd.residents.get("web.service")?.processes).to.equal(1);

    host.authority = "held";
    host.ring();
    await reports("db.service", { active: "active" });
    await eventually(() => !host.systemd.residents.has("web.service"));
  });

  it("leaves a unit whose placement becomes unreadable as it runs, says so, and goes on with the others", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    host.placements.put("web.service", new PlatformError("record-unreadable", 'Cannot decode "{"'));
    host.place("db.service", unitText());
    await reports("db.service", { active: "active" });
    await eventually(() => expect(host.state("web.service")?.problem).to.include('Cannot decode "{"'));
    expect(host.systemd.residents.get("web.service")?.processes).to.equal(1);
    expect(host.state("web.service")).to.include({ active: "active" });

    host.withdraw("web.service");
    await eventually(() => !host.systemd.residents.has("web.service"));
  });

  it("leaves a unit whose file is no unit file as it runs and reports it", async () => {
    await host.startSynced();
    host.place("web.service", unitText("runs", 1, "garbage"));
    await eventually(() => expect(host.state("web.service")?.problem).to.include("line 1, column 1"));
    expect(host.calls).to.deep.equal([]);
  });

  it("waits for a unit file that is not there yet", async () => {
    await host.startSynced();
    const hash = host.submit(unitText());
    host.texts.clear();
    host.place("web.service", unitText(), { hash });
    host.texts.clear();
    await eventually(() => expect(host.state("web.service")?.problem).to.include("Cannot find unit file"));
    host.submit(unitText());
    await reports("web.service", { active: "active" });
    expect(host.state("web.service")).not.to.have.property("problem");
  });

  it("reports a unit that fails to start with its problem, and does not start it again", async () => {
    await host.startSynced();
    host.place("bad.service", unitText("fails"));
    await reports("bad.service", { active: "failed", exitStatus: 3, generation: 0 });
    await atRest();
    expect(host.state("bad.service")?.problem).to.include("status 3");
    expect(host.steps("bad.service")).to.deep.equal(["load", "start", "acknowledge"]);
  });

  it("reports a unit that cannot be loaded as failed, and tries again for a restart", async () => {
    await host.startSynced();
    host.place("gone.service", unitText("missing"));
    await reports("gone.service", { active: "failed", load: "error" });
    expect(host.state("gone.service")?.problem).to.include("its image does not exist");
    await atRest();
    expect(host.steps("gone.service")).to.deep.equal(["load"]);
    host.place("gone.service", unitText("missing"), { generation: 1 });
    await reports("gone.service", { active: "failed", generation: 1 });
    expect(host.steps("gone.service")).to.deep.equal(["load", "load"]);
  });

  it("does not try again after its own restart what had failed for good", async () => {
    await host.startSynced();
    host.place("gone.service", unitText("missing"));
    await reports("gone.service", { active: "failed" });
    const reported = host.state("gone.service");
    await host.stop();
    await host.startSynced();
    await atRest();
    expect(host.steps("gone.service")).to.deep.equal(["load"]);
    expect(host.state("gone.service")).to.deep.equal(reported);
  });

  it("tries again what may succeed later, and says that it will", async () => {
    let failures = 3;
    host.systemd.hook = (step) => {
      if (step !== "load" || failures === 0) return;
      failures -= 1;
      throw new PlatformError("registry-unreachable", "Cannot pull: the registry does not answer", {
        retryable: true,
      });
    };
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    expect(host.steps("web.service")).to.deep.equal(["load", "load", "load", "load", "start", "acknowledge"]);
    const written = host.batches.flat().flatMap((write) => (write.kind === "report" ? [write.state] : []));
    expect(written[0]).to.include({ active: "activating", sub: "auto-restart" });
    expect(written[0]?.problem).to.include("the registry does not answer");
    expect(host.state("web.service")).not.to.have.property("problem");
  });

  it("lets no unit wait for one that starts slowly or fails", async () => {
    await host.startSynced();
    host.place("a-slow.service", unitText("starts-slowly"));
    host.place("b-bad.service", unitText("missing"));
    host.place("c-good.service", unitText());
    await reports("c-good.service", { active: "active" });
    await reports("a-slow.service", { active: "activating" });
  });

  it("ends a slow start when the unit is to stop", async () => {
    await host.startSynced();
    host.place("slow.service", unitText("starts-slowly"));
    await reports("slow.service", { active: "activating" });
    host.place("slow.service", unitText("starts-slowly"), { target: "loaded" });
    await reports("slow.service", { active: "inactive" });
  });

  it("ends a slow load when the unit leaves", async () => {
    let loads = 0;
    host.docker.hook = (step, _unit, signal) => {
      if (step !== "load") return;
      loads += 1;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    await host.startSynced();
    host.place("big.service", unitText("runs", 1, "container"));
    await reports("big.service", { active: "activating", sub: "load", load: "not-found" });
    host.withdraw("big.service");
    await eventually(() => host.state("big.service") === undefined);
    await atRest();
    expect(loads).to.equal(1);
  });

  it("leaves units alone while their runtime is not connected, and keeps what it reported", async () => {
    await host.startSynced();
    host.place("web.service", unitText("runs", 1, "container"));
    await reports("web.service", { active: "active" });
    host.docker.reach(false);
    host.place("other.service", unitText("runs", 1, "container"));
    host.withdraw("web.service");
    await eventually(() =>
      expect(host.state("other.service")?.problem).to.include("docker cannot be reached"),
    );
    await atRest();
    expect(host.state("web.service")).to.include({ active: "active" });
    expect(host.steps("other.service")).to.deep.equal([]);

    host.docker.reach(true);
    await reports("other.service", { active: "active" });
    await eventually(() => host.state("web.service") === undefined);
  });

  it("reports the end of a process and leaves its restart to its own policy", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    host.systemd.kill("web.service");
    await reports("web.service", { active: "failed", exitStatus: 137 });
    await atRest();
    expect(host.steps("web.service")).to.deep.equal(["load", "start", "acknowledge"]);
  });

  it("keeps its states to write while the store cannot be reached", async () => {
    await host.startSynced();
    host.storeFailure = new PlatformError("store-unreachable", "Cannot reach etcd", { retryable: true });
    host.place("web.service", unitText());
    await eventually(() => host.events.some(({ kind }) => kind === "report-failed"));
    host.storeFailure = undefined;
    await reports("web.service", { active: "active" });
  });

  it("writes one report for a unit that is placed and comes up at once", async () => {
    await host.startSynced();
    host.place("web.service", unitText());
    await reports("web.service", { active: "active" });
    await atRest();
    expect(host.batches.map((batch) => batch.length)).to.deep.equal([1]);
  });

  it("writes the states of many units in few batches", async () => {
    await host.startSynced();
    for (let at = 0; at < 100; at += 1) host.place(`web@${at}.service`, unitText());
    await eventually(
      () =>
        [...host.reported.table.records.values()].filter(({ active }) => active === "active").length === 100,
    );
    expect(host.batches.length).to.be.below(30);
  });

  it("decides nothing in a second pass, whatever was wanted before", async function () {
    this.timeout(30_000);
    const unit = fc.record({
      behaviour: fc.constantFrom("runs", "ends", "fails", "missing"),
      edition: fc.integer({ min: 1, max: 2 }),
      words: fc.constantFrom("", "container"),
      target: fc.constantFrom("loaded" as const, "launched" as const),
      generation: fc.integer({ min: 0, max: 2 }),
    });
    const round = fc.dictionary(fc.constantFrom("a.service", "b.service", "c.service"), unit);
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 4 }), async (rounds) => {
        host = new MachineUnderTest();
        await host.startSynced();
        try {
          for (const units of rounds) {
            for (const name of ["a.service", "b.service", "c.service"]) {
              const wish = units[name];
              if (wish) host.place(name, unitText(wish.behaviour, wish.edition, wish.words), wish);
              else host.withdraw(name);
            }
          }
          await atRest();
          const wanted = rounds.at(-1) ?? {};
          const here = [...host.systemd.residents.keys(), ...host.docker.residents.keys()];
          for (const name of here) expect(Object.keys(wanted)).to.include(name);
          expect(new Set(here).size, "no unit runs on both").to.equal(here.length);
          for (const [name, { behaviour, target }] of Object.entries(wanted)) {
            if (behaviour !== "runs") continue;
            await reports(name, { active: target === "launched" ? "active" : "inactive" });
          }
          const calls = host.calls.length;
          const batches = host.batches.length;
          await atRest();
          expect(host.calls.slice(calls)).to.deep.equal([]);
          expect(host.batches.slice(batches)).to.deep.equal([]);
        } finally {
          await host.stop();
        }
      }),
      { numRuns: 25 },
    );
  });
});
