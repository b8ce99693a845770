/**
 * Carries plans out. Units advance independently: one plan of a unit is under way at a time, and no unit waits for another
 * one's (but for the limit on simultaneous starts of a runtime).
 *
 * Nothing is chosen here. A plan ends at its first failed step, which is remembered as an attempt; `reconcile` decides whether to
 * try again. Every end of a plan rings the bell, so that the next pass decides from what is then true.
 */
import { describeError, isRetryable, PlatformError } from "../cluster/errors.ts";
import type { RuntimeName } from "../cluster/machine.ts";
import { Backoff, type BackoffOptions } from "../loop/backoff.ts";
import type { Clock } from "../loop/clock.ts";
import type { OnAgentEvent } from "./events.ts";
import type { Attempt, Flight, Plan, Step } from "./reconcile.ts";
import type { UnitRuntime } from "./runtime.ts";

/** A plan under way for this long is worth a report of its own. */
export const longFlightMs = 500;

export interface PerformerOptions {
  readonly runtimes: ReadonlyMap<RuntimeName, UnitRuntime>;
  /** Most starts at once on a runtime. Default: no limit. Loads and stops mostly wait for others and are never held back. */
  readonly startLimits?: ReadonlyMap<RuntimeName, number>;
  /** Takes a unit out of the traffic before it is stopped. Default: there is nothing to take it out of. */
  readonly withdraw?: (unit: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** Asks for a pass: a plan has ended, has lasted for `longFlightMs`, or may be tried again. */
  readonly ring: () => void;
  readonly onEvent: OnAgentEvent;
  /** Claims a run in the store before it is begun. Default: there is no such store, and no run is begun. */
  readonly claim?: (unit: string, run: string, signal: AbortSignal) => Promise<void>;
  /** Between two tries of a plan. Default: 1 s doubling to 60 s. */
  readonly backoff?: BackoffOptions;
}

interface Performance {
  readonly plan: Plan;
  readonly startedMs: number;
  step: Step["kind"];
  superseded: boolean;
  /** Ends the wait for the step that is under way. */
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export class Performer {
  readonly #options: PerformerOptions;
  readonly #gates = new Map<RuntimeName, Gate>();
  readonly #performances = new Map<string, Performance>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #backoffs = new Map<string, Backoff>();
  readonly #closing = new AbortController();

  constructor(options: PerformerOptions) {
    this.#options = options;
    for (const [runtime, limit] of options.startLimits ?? []) this.#gates.set(runtime, new Gate(limit));
  }

  /** The plans under way, by unit. */
  flights(): ReadonlyMap<string, Flight> {
    const flights = new Map<string, Flight>();
    for (const [unit, { plan, step, startedMs }] of this.#performances) {
      flights.set(unit, { purpose: plan.purpose, step, startedMs });
    }
    return flights;
  }

  /** What failed and was not made good since, by unit. */
  get attempts(): ReadonlyMap<string, Attempt> {
    return this.#attempts;
  }

  /** Takes up what an agent before this one tried in vain, so that it is not tried again for no reason. */
  remember(unit: string, attempt: Attempt): void {
    this.#attempts.set(unit, attempt);
  }

  /** Forgets what was tried for units that nobody knows any more. */
  retain(isKnown: (unit: string) => boolean): void {
    for (const unit of this.#attempts.keys()) if (!isKnown(unit)) this.#forget(unit);
  }

  /** Begins a plan and returns at once. A unit with a plan under way must be superseded first: a second one is refused. */
  begin(plan: Plan): void {
    if (this.#closing.signal.aborted) return;
    if (this.#performances.has(plan.unit)) throw new Error(`"${plan.unit}" has a plan under way`);
    const { clock, onEvent } = this.#options;
    const first = plan.steps[0];
    if (!first) throw new Error(`the plan for "${plan.unit}" has no step`);
    if (this.#attempts.get(plan.unit)?.purpose !== plan.purpose) this.#forget(plan.unit);
    onEvent({
      kind: "plan-begun",
      unit: plan.unit,
      reason: plan.reason,
      steps: plan.steps.map(({ kind }) => kind),
    });
    const abort = new AbortController();
    const performance: Performance = {
      plan,
      startedMs: clock.monotonic(),
      step: first.kind,
      superseded: false,
      abort,
      // The plan is entered below before its first step runs, so that its end finds it.
      done: Promise.resolve().then(() => this.#perform(performance)),
    };
    this.#performances.set(plan.unit, performance);
    this.#later(longFlightMs, abort.signal);
  }

  /**
   * Ends a unit's plan: a load or a start is no longer waited for, a stop or an unload is let end; no further step follows, but for the
   * note that a stop was one. Without it the unit would pass for one that ended by itself, and would not be started again. Idempotent.
   */
  supersede(unit: string, reason: string): void {
    const performance = this.#performances.get(unit);
    if (!performance || performance.superseded) return;
    performance.superseded = true;
    this.#options.onEvent({ kind: "plan-superseded", unit, reason });
    if (!isLetEnd(performance.step)) {
      performance.abort.abort(new Error(`superseded: ${reason}`));
    }
  }

  /** Stops waiting for everything that is under way, and resolves when nothing is. No unit is touched by this. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the agent is stopping"));
    const performances = [...this.#performances.values()];
    for (const { abort } of performances) abort.abort(this.#closing.signal.reason);
    await Promise.all(performances.map(({ done }) => done));
  }

  async #perform(performance: Performance): Promise<void> {
    const { plan, abort } = performance;
    try {
      for (const [at, step] of plan.steps.entries()) {
        const notesStop = step.kind === "acknowledge" && plan.steps[at - 1]?.kind === "stop";
        if ((performance.superseded && !notesStop) || abort.signal.aborted) return;
        performance.step = step.kind;
        if (!(await this.#step(plan, step, performance))) return;
      }
      this.#forget(plan.unit);
    } finally {
      this.#performances.delete(plan.unit);
      abort.abort();
      this.#options.ring();
    }
  }

  /** True if the step was done and the next may follow. */
  async #step(plan: Plan, step: Step, performance: Performance): Promise<boolean> {
    const { clock, onEvent } = this.#options;
    const { unit } = plan;
    const { kind, runtime } = step;
    const started = clock.monotonic();
    try {
      await this.#carryOut(unit, step, performance.abort.signal);
      onEvent({ kind: "step-done", unit, step: kind, runtime, durationMs: clock.monotonic() - started });
      return true;
    } catch (error) {
      // What was cut short has not failed.
      if (performance.abort.signal.aborted) return false;
      await this.#fail(plan, step, error, performance.abort.signal);
      return false;
    }
  }

  async #carryOut(unit: string, step: Step, signal: AbortSignal): Promise<void> {
    const runtime = this.#runtime(step.runtime);
    switch (step.kind) {
      case "load":
        return runtime.load(step.unit, signal);
      case "start": {
        const gate = this.#gates.get(step.runtime);
        return gate
          ? gate.through(() => runtime.start(step.unit, signal), signal)
          : runtime.start(step.unit, signal);
      }
      case "claim": {
        const { claim } = this.#options;
        if (!claim) throw new PlatformError("run-not-ours", "This agent cannot claim runs");
        return claim(unit, step.run, signal);
      }
      case "withdraw":
        return this.#options.withdraw?.(unit, signal);
      case "stop":
        return runtime.stop(unit, signal);
      case "unload":
        return runtime.unload(unit, signal);
      case "acknowledge":
        return runtime.acknowledge(unit, step.generation, signal);
      default:
        return step satisfies never;
    }
  }

  /** Remembers a failure, and when to try again: a removal always, a load or a start only if that can help. */
  async #fail(plan: Plan, step: Step, error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, onEvent } = this.#options;
    const { unit, purpose } = plan;
    const { kind, runtime } = step;
    const mayHelp = isRetryable(error) || (kind !== "load" && kind !== "start");
    const attempt = { purpose, problem: describeError(error), since: clock.now().toISOString() };
    if (!mayHelp) {
      this.#attempts.set(unit, { ...attempt, retryAtMs: "never" });
      onEvent({ kind: "step-failed", unit, step: kind, runtime, error });
      if (step.kind === "start") await this.#recordFailedStart(unit, step, signal);
      return;
    }
    const backoff =
      this.#backoffs.get(unit) ?? new Backoff(this.#options.backoff ?? { initialMs: 1_000, maxMs: 60_000 });
    this.#backoffs.set(unit, backoff);
    const retryInMs = backoff.next();
    this.#attempts.set(unit, { ...attempt, retryAtMs: clock.monotonic() + retryInMs });
    onEvent({ kind: "step-failed", unit, step: kind, runtime, error, retryInMs });
    this.#later(retryInMs, this.#closing.signal);
  }

  /** A start that failed for good was carried out: the next agent must not try it again. */
  async #recordFailedStart(unit: string, step: Step & { kind: "start" }, signal: AbortSignal): Promise<void> {
    try {
      await this.#runtime(step.runtime).acknowledge(unit, step.generation, signal);
    } catch (error) {
      // The failure itself is known; at worst the next agent tries this start once more.
      this.#options.onEvent({ kind: "step-failed", unit, step: "acknowledge", runtime: step.runtime, error });
    }
  }

  #forget(unit: string): void {
    this.#attempts.delete(unit);
    this.#backoffs.delete(unit);
  }

  /** Rings once `ms` have passed on the monotonic clock: timers may fire a little early, and a bell too early is a bell lost. */
  #later(ms: number, signal: AbortSignal): void {
    const { clock, ring } = this.#options;
    const due = clock.monotonic() + ms;
    const wait = async (): Promise<void> => {
      for (let left = ms; left > 0; left = due - clock.monotonic())
        await clock.sleep(Math.ceil(left), signal);
    };
    wait().then(ring, () => {
      // Cut short: whoever did that rings the bell itself, or is stopping.
    });
  }

  #runtime(name: RuntimeName): UnitRuntime {
    const runtime = this.#options.runtimes.get(name);
    if (!runtime) throw new Error(`no runtime "${name}" on this machine`);
    return runtime;
  }
}

/** True for a step that is not cut short when its plan is superseded: what it does would be half done, or not known to be done. */
function isLetEnd(step: Step["kind"]): boolean {
  return step === "stop" || step === "unload" || step === "acknowledge";
}

/** Lets a number of tasks through at once, the others in the order they came. */
class Gate {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async through<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await task();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#queue.splice(this.#queue.indexOf(enter), 1);
        reject(signal.reason);
      };
      this.#queue.push(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
