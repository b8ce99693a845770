/**
 * What every `UnitRuntime` promises (`agent/runtime.ts`), as one suite that each adapter passes, the in-memory one included.
 *
 * Everything here is what the agent can see through the port, or what an onlooker sees on the host: nothing of an adapter's inside.
 */
import { expect } from "chai";
import { notStarted, type RuntimeUnit, type UnitRuntime } from "../../agent/runtime.ts";
import { hasCode, isRetryable, PlatformError } from "../../cluster/errors.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { eventually } from "../support/eventually.ts";

/**
 * - `runs`: runs until it is stopped, and stops within 100 ms when asked to.
 * - `ends`: does its work within 100 ms and ends with exit status 0; nothing restarts it.
 * - `fails`: its process ends at once with exit status 3, and nothing restarts it.
 * - `missing`: what it should run does not exist, so that its load or its start fails.
 * - `stops-slowly`: runs; when asked to stop takes about a second to do so by itself.
 * - `starts-slowly`: takes 30 seconds until it is up. Not asked of a runtime that `startsAtOnce`.
 */
export type Behaviour = "runs" | "ends" | "fails" | "missing" | "stops-slowly" | "starts-slowly";

/** One host with the runtime to be tested on it. Made once for a suite; the suite removes the units that it loads. */
export interface RuntimeUnderTest {
  /** A new runtime on this same host, not yet opened. Two of them are the agent before and after its restart. */
  create(): UnitRuntime;
  /** A unit that behaves so, generation 0. Equal arguments give an equal unit; another `edition` gives another hash. */
  unit(name: string, behaviour: Behaviour, edition?: number): RuntimeUnit;
  /** Ends the unit's main process from outside, as `kill -9` does. */
  kill(unit: string): Promise<void>;
  /** How many processes of this unit live on the host, as an onlooker counts them. */
  processes(unit: string): Promise<number>;
  /** Breaks the runtime's connections (restarts the daemon behind it, say); they can be made again at once. */
  disconnect(): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Declares the suite. `setUp` is called once before it. `slow` is the longest time in ms that this runtime may take for one step
 * (default 10 000). `startsAtOnce`: no unit of this runtime can start slowly, so none is asked for.
 */
export function unitRuntimeContract(
  title: string,
  setUp: () => Promise<RuntimeUnderTest>,
  options: { readonly slow?: number; readonly startsAtOnce?: boolean } = {},
): void {
  const slow = options.slow ?? 10_000;

  describe(`${title} keeps the contract of a unit runtime`, function () {
    this.timeout(6 * slow);
    const signal = new AbortController().signal;
    const opened: UnitRuntime[] = [];
    let host: RuntimeUnderTest | undefined;
    let runtime: UnitRuntime;

    before(async () => {
      host = await setUp();
    });

    beforeEach(async () => {
      runtime = await open();
    });

    afterEach(async () => {
      for (const each of opened.splice(0)) {
        if (each.connected)
          await Promise.allSettled([...each.observed.keys()].map((name) => each.unload(name, signal)));
        await each.close();
      }
    });

    after(async () => {
      await host?.dispose();
    });

    function under(): RuntimeUnderTest {
      if (!host) throw new Error("the suite was not set up");
      return host;
    }

    async function open(): Promise<UnitRuntime> {
      const made = under().create();
      opened.push(made);
      await made.open(signal);
      return made;
    }

    async function running(name: string): Promise<RuntimeUnit> {
      const unit = under().unit(name, "runs");
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      return unit;
    }

    it("is connected and observes nothing on an empty host", () => {
      expect(runtime.connected).to.equal(true);
      expect([...runtime.observed.keys()]).to.deep.equal([]);
    });

    it("makes a loaded unit known, with its hash and generation, and does not run it", async () => {
      const unit = { ...under().unit("known.service", "runs"), generation: 4 };
      await runtime.load(unit, signal);

      expect(seen(runtime, unit.name)).to.include({
        load: "loaded",
        active: "inactive",
        hash: unit.hash,
        generation: 4,
      });
      expect(await under().processes(unit.name)).to.equal(0);
    });

    it("loads a unit twice without harm", async () => {
      const unit = under().unit("twice.service", "runs");
      await runtime.load(unit, signal);
      await runtime.load(unit, signal);
      expect(seen(runtime, unit.name)).to.include({ load: "loaded", active: "inactive" });
    });

    it("leaves a running unit alone when it is loaded again", async () => {
      const unit = await running("again.service");
      const { since } = seen(runtime, unit.name);
      await runtime.load(unit, signal);
      expect(seen(runtime, unit.name)).to.include({ active: "active", since });
    });

    it("has a started unit active and running when the start resolves", async () => {
      const before = Date.now();
      const unit = await running("up.service");

      const state = seen(runtime, unit.name);
      expect(state).to.include({ load: "loaded", active: "active", sub: "running", hash: unit.hash });
      expect(state.exitStatus).to.equal(undefined);
      expect(new Date(state.since).toISOString(), "RFC 3339 in UTC").to.equal(state.since);
      expect(Date.parse(state.since)).to.be.within(before - 2_000, Date.now() + 2_000);
      expect(await under().processes(unit.name)).to.be.at.least(1);
    });

    it("leaves a running unit alone when it is started again", async () => {
      const unit = await running("idempotent.service");
      const { since } = seen(runtime, unit.name);
      await runtime.start(unit, signal);
      expect(seen(runtime, unit.name)).to.include({ active: "active", since });
    });

    it("stops a unit completely and keeps it loaded", async () => {
      const unit = await running("down.service");
      await runtime.stop(unit.name, signal);

      expect(seen(runtime, unit.name)).to.include({ load: "loaded", hash: unit.hash });
      expect(seen(runtime, unit.name).active).to.be.oneOf(["inactive", "failed"]);
      expect(await under().processes(unit.name)).to.equal(0);

      await runtime.stop(unit.name, signal);
      expect(seen(runtime, unit.name).active).to.be.oneOf(["inactive", "failed"]);
    });

    it("shows the exit status of a unit that ended by itself", async () => {
      const ended = under().unit("ended.service", "ends");
      await runtime.load(ended, signal);
      await runtime.start(ended, signal);
      await eventually(() =>
        expect(seen(runtime, ended.name)).to.include({ active: "inactive", exitStatus: 0 }),
      );
    });

    it("starts a stopped unit again", async () => {
      const unit = await running("back.service");
      await runtime.stop(unit.name, signal);
      await runtime.start(unit, signal);
      expect(seen(runtime, unit.name)).to.include({ active: "active", sub: "running" });
    });

    it("lets a unit take its time to stop", async () => {
      const unit = under().unit("slow.service", "stops-slowly");
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      const started = performance.now();
      await runtime.stop(unit.name, signal);

      expect(performance.now() - started).to.be.at.least(700);
      expect(await under().processes(unit.name)).to.equal(0);
    });

    it("unloads a running unit: first it is stopped, then forgotten", async () => {
      const unit = under().unit("gone.service", "stops-slowly");
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      const started = performance.now();
      await runtime.unload(unit.name, signal);

      expect(performance.now() - started, "it was given the time to stop").to.be.at.least(700);
      expect(runtime.observed.has(unit.name)).to.equal(false);
      expect(await under().processes(unit.name)).to.equal(0);
      expect((await open()).observed.has(unit.name), "also for the next agent").to.equal(false);
    });

    it("treats stop and unload of an unknown unit as done", async () => {
      await runtime.stop("nobody.service", signal);
      await runtime.unload("nobody.service", signal);
      expect(runtime.observed.size).to.equal(0);
    });

    it("loads a unit again after it was unloaded", async () => {
      const unit = await running("phoenix.service");
      await runtime.unload(unit.name, signal);
      await running("phoenix.service");
      expect(seen(runtime, unit.name)).to.include({ active: "active", hash: unit.hash });
    });

    it("takes another text of the same unit after an unload", async () => {
      const first = await running("edition.service");
      const second = under().unit("edition.service", "runs", 2);
      expect(second.hash).not.to.equal(first.hash);
      await runtime.unload(first.name, signal);
      await runtime.load(second, signal);
      await runtime.start(second, signal);
      expect(seen(runtime, second.name)).to.include({ active: "active", hash: second.hash });
    });

    it("says why a unit did not start, and its exit status", async () => {
      const unit = under().unit("broken.service", "fails");
      await runtime.load(unit, signal);
      const error = await rejection(runtime.start(unit, signal));

      expect(error).to.be.instanceOf(PlatformError);
      expect(hasCode(error, "unit-start-failed"), String(error)).to.equal(true);
      expect(error).to.have.property("message").that.includes("broken.service").and.includes("3");
      expect(error).to.have.property("hint").that.is.a("string");
      expect(isRetryable(error)).to.equal(false);
      await eventually(() => {
        const state = seen(runtime, unit.name);
        expect(state).to.include({ load: "loaded", active: "failed", exitStatus: 3 });
        expect(state.problem).to.be.a("string");
      });
    });

    it("says why a unit could not be run at all", async () => {
      const unit = under().unit("absent.service", "missing");
      const error = await rejection(runtime.load(unit, signal).then(() => runtime.start(unit, signal)));

      expect(error).to.be.instanceOf(PlatformError);
      expect(error).to.have.property("code").that.is.oneOf(["unit-load-failed", "unit-start-failed"]);
      expect(error).to.have.property("message").that.includes("absent.service");
    });

    it("unloads a unit that has failed", async () => {
      const unit = under().unit("debris.service", "fails");
      await runtime.load(unit, signal);
      await rejection(runtime.start(unit, signal));
      await runtime.unload(unit.name, signal);
      expect(runtime.observed.has(unit.name)).to.equal(false);
    });

    it("adopts what runs here when another agent takes over, without touching it", async () => {
      const unit = { ...under().unit("heir.service", "runs"), generation: 7 };
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      const idle = under().unit("idle.service", "runs");
      await runtime.load(idle, signal);
      const before = seen(runtime, unit.name);
      await runtime.close();
      expect(await under().processes(unit.name), "closing stops nothing").to.be.at.least(1);

      const heir = await open();
      expect(seen(heir, unit.name)).to.deep.equal(before);
      expect(seen(heir, idle.name)).to.include({ active: "inactive", hash: idle.hash, generation: 0 });
      await heir.start(unit, signal);
      expect(seen(heir, unit.name).since).to.equal(before.since);
      await heir.unload(unit.name, signal);
      expect(await under().processes(unit.name)).to.equal(0);
    });

    it("keeps an acknowledged restart generation with the unit and does not touch the process", async () => {
      const unit = await running("generation.service");
      const { since } = seen(runtime, unit.name);
      await runtime.acknowledge(unit.name, 9, signal);

      expect(seen(runtime, unit.name)).to.include({ active: "active", since, generation: 9 });
      expect(seen(await open(), unit.name)).to.include({ active: "active", since, generation: 9 });
    });

    it("records the generation with which a unit is loaded and started, and that it was not started yet", async () => {
      const unit = { ...under().unit("recorded.service", "runs"), generation: notStarted };
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      expect(seen(await open(), unit.name)).to.include({ active: "active", generation: notStarted });

      await runtime.stop(unit.name, signal);
      await runtime.start({ ...unit, generation: 2 }, signal);
      expect(seen(await open(), unit.name)).to.include({ active: "active", generation: 2 });
    });

    it("sees the end of a process that was killed from outside, and rings", async () => {
      const unit = await running("victim.service");
      const rung: string[] = [];
      runtime.onChange((name) => rung.push(name));
      await under().kill(unit.name);

      await eventually(
        () => expect(seen(runtime, unit.name)).to.include({ active: "failed", exitStatus: 137 }),
        {
          within: 1_000,
        },
      );
      expect(rung).to.include(unit.name);
    });

    it("rings for the unit that changed after `observed` shows it, and no more once told to end", async () => {
      const rung: (string | undefined)[] = [];
      const end = runtime.onChange((name) => rung.push(`${name} ${runtime.observed.get(name)?.active}`));
      const unit = await running("bell.service");
      await eventually(() => expect(rung).to.include("bell.service active"));

      end();
      rung.length = 0;
      await runtime.stop(unit.name, signal);
      expect(rung).to.deep.equal([]);
    });

    it("does not let one failing unit block others", async () => {
      const good = Array.from({ length: 5 }, (_, at) => under().unit(`good@${at}.service`, "runs"));
      const bad = [under().unit("bad@1.service", "fails"), under().unit("bad@2.service", "missing")];
      const outcomes = await Promise.allSettled(
        [...good, ...bad].map(async (unit) => {
          await runtime.load(unit, signal);
          await runtime.start(unit, signal);
        }),
      );

      expect(outcomes.map(({ status }) => status)).to.deep.equal([
        ...good.map(() => "fulfilled"),
        ...bad.map(() => "rejected"),
      ]);
      for (const unit of good) expect(seen(runtime, unit.name)).to.include({ active: "active" });
      await Promise.all([...good, ...bad].map((unit) => runtime.unload(unit.name, signal)));
      expect(runtime.observed.size).to.equal(0);
    });

    if (!options.startsAtOnce) {
      it("stops waiting for a start when told to, and can stop the unit then", async () => {
        const unit = under().unit("patience.service", "starts-slowly");
        await runtime.load(unit, signal);
        const abort = new AbortController();
        const starting = rejection(runtime.start(unit, abort.signal));
        await eventually(() => expect(seen(runtime, unit.name).active).to.equal("activating"));
        abort.abort(new Error("changed our mind"));

        expect(String(await starting)).to.include("changed our mind");
        await runtime.unload(unit.name, signal);
        expect(await under().processes(unit.name)).to.equal(0);
      });
    }

    it("does nothing when the signal has aborted before", async () => {
      const unit = under().unit("never.service", "runs");
      const error = await rejection(runtime.load(unit, AbortSignal.abort(new Error("too late"))));
      expect(String(error)).to.include("too late");
      expect(runtime.observed.has(unit.name)).to.equal(false);
    });

    it("says so when the connection is lost, comes back by itself and has missed nothing", async () => {
      const unit = await running("outage.service");
      const other = await running("bystander.service");
      const flips: boolean[] = [];
      runtime.onChange(() => flips.push(runtime.connected));

      await under().disconnect();
      await eventually(() => expect(runtime.connected).to.equal(true), { within: slow });
      await under().kill(unit.name);
      await eventually(() => expect(seen(runtime, unit.name)).to.include({ active: "failed" }), {
        within: slow,
      });
      expect(seen(runtime, other.name)).to.include({ active: "active" });
      expect(flips).to.include(true);
      await runtime.unload(unit.name, signal);
    });

    it("tells how a unit is reached while it runs, and only then", async () => {
      const unit = under().unit("reached.service", "runs");
      expect(await runtime.reach(unit.name, signal)).to.equal(undefined);
      await runtime.load(unit, signal);
      expect(await runtime.reach(unit.name, signal)).to.equal(undefined);
      await runtime.start(unit, signal);
      expect(await runtime.reach(unit.name, signal)).to.have.property("kind");
      await runtime.stop(unit.name, signal);
      expect(await runtime.reach(unit.name, signal)).to.equal(undefined);
    });

    it("rejects calls after it was closed", async () => {
      const unit = under().unit("closed.service", "runs");
      await runtime.close();
      expect(runtime.connected).to.equal(false);
      expect(await rejection(runtime.load(unit, signal))).to.be.instanceOf(PlatformError);
      await runtime.close();
    });
  });
}

/** The state of a unit that must be there. */
function seen(runtime: UnitRuntime, name: string): UnitState {
  const state = runtime.observed.get(name);
  if (!state)
    throw new Error(`"${name}" is not observed; these are: ${[...runtime.observed.keys()].join(", ")}`);
  return state;
}

/** What a promise that must fail was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    () => ({ failed: false, error: undefined }),
    (error: unknown) => ({ failed: true, error }),
  );
  if (!outcome.failed) throw new Error("expected a rejection, but it resolved");
  return outcome.error;
}
