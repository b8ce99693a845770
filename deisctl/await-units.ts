/**
 * Waits until units are as wanted: asks `judge` whenever the mirror moves, until each unit has its answer, patience ends, or the
 * operator presses Ctrl-C. It never polls, and never waits without a deadline.
 */
import { isRunning } from "../cluster/current-state.ts";
import type { Mirror } from "../cluster/ports.ts";
import type { Clock } from "../loop/clock.ts";
import { systemClock } from "../loop/clock.ts";
import type { Patience } from "./patience.ts";
import { UnitViews, type WatchedTables } from "./unit-views.ts";
import { type Goal, judge, type UnitView, type Verdict } from "./wait.ts";

/** How long an older "cannot be placed" may take to be withdrawn before it is believed. */
const settleMs = 600;
/**
 * How long a container must have been seen running before it counts as launched. Docker calls a container running as soon as its
 * process exists, so a command that fails at once would be told as a success now and then.
 */
const proofMs = 200;

type Waiting = Extract<Verdict, { kind: "waiting" }>;

/** How waiting for one unit ended. `timed-out` and `interrupted` carry what was still missing. */
export type Outcome =
  | Exclude<Verdict, { kind: "waiting" }>
  | (Omit<Waiting, "kind"> & { readonly kind: "timed-out" | "interrupted" });

export interface AwaitRequest {
  readonly mirror: Mirror<WatchedTables>;
  /** What each unit is to become. */
  readonly goals: ReadonlyMap<string, Goal>;
  /** The store's revision after the command's own write. */
  readonly revision: bigint;
  readonly patience: Patience;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Called once per unit, in the order in which the answers come. */
  readonly onOutcome: (name: string, outcome: Outcome) => void;
  /** Called when what a unit is seen doing changes. */
  readonly onProgress?: (name: string, verdict: Waiting) => void;
  readonly clock?: Clock;
}

/** Resolves when every unit has an outcome; rejects only if the mirror itself fails. */
export async function awaitUnits(request: AwaitRequest): Promise<ReadonlyMap<string, Outcome>> {
  return await new Wait(request).run();
}

class Wait {
  readonly #request: AwaitRequest;
  readonly #clock: Clock;
  readonly #views: UnitViews;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #waiting = new Map<string, Waiting>();
  /** Names to judge again without a change of theirs in the store. */
  readonly #again = new Set<string>();
  /** Containers that are seen running: true once they have run for long enough. */
  readonly #proofs = new Map<string, boolean>();
  readonly #timers: Promise<boolean>[] = [];
  readonly #ended = new AbortController();
  readonly #stop: AbortSignal;
  readonly #bell = new Bell();
  #settled = false;

  constructor(request: AwaitRequest) {
    this.#request = request;
    this.#clock = request.clock ?? systemClock;
    this.#views = new UnitViews(request.mirror, request.goals.keys());
    this.#stop = AbortSignal.any([request.signal, this.#ended.signal]);
  }

  async run(): Promise<ReadonlyMap<string, Outcome>> {
    const { mirror, goals, revision, patience } = this.#request;
    for (const name of goals.keys())
      this.#waiting.set(name, { kind: "waiting", missing: "the store to answer" });
    const unsubscribe = mirror.onChange(() => this.#bell.ring());
    const lapse = this.#after(patience.totalMs, () => undefined).then((lapsed) =>
      lapsed ? ("timed-out" as const) : ("interrupted" as const),
    );
    void this.#after(settleMs, () => {
      this.#settled = true;
      for (const name of this.#waiting.keys()) this.#again.add(name);
    });
    const placing = this.#after(Math.min(patience.placingMs, patience.totalMs), () => {
      this.#giveUp("timed-out", ({ machine }) => machine === undefined);
    });
    try {
      const nothingLeft = placing.then(() => (this.#waiting.size === 0 ? undefined : lapse));
      const end = await Promise.race([
        lapse,
        nothingLeft,
        this.#untilAllAnswered(mirror.reached(revision, this.#stop)),
      ]);
      if (end !== undefined) this.#giveUp(end, () => true);
      return this.#outcomes;
    } finally {
      this.#ended.abort();
      unsubscribe();
      await Promise.all(this.#timers);
    }
  }

  async #untilAllAnswered(reached: Promise<void>): Promise<undefined> {
    try {
      await reached;
    } catch (error) {
      // Patience and Ctrl-C are told by the race in `run`; only the mirror's own failure is news.
      if (this.#request.signal.aborted || this.#waiting.size === 0) return await new Promise(() => undefined);
      throw error;
    }
    this.#views.refresh();
    let touched: Iterable<string> = this.#request.goals.keys();
    for (;;) {
      for (const name of touched) this.#look(name);
      if (this.#waiting.size === 0) return undefined;
      await this.#bell.rung();
      touched = new Set([...this.#views.refresh(), ...this.#again]);
      this.#again.clear();
    }
  }

  #look(name: string): void {
    const { goals, onOutcome, onProgress } = this.#request;
    const before = this.#waiting.get(name);
    const goal = goals.get(name);
    if (!before || goal === undefined) return;
    const view = this.#views.view(name);
    const verdict = judge(view, { goal, settled: this.#settled });
    if (verdict.kind === "done" && goal === "launched" && !this.#proven(name, view)) return;
    if (verdict.kind === "waiting") {
      this.#waiting.set(name, verdict);
      if (verdict.seen !== before.seen || verdict.missing !== before.missing) onProgress?.(name, verdict);
      return;
    }
    this.#waiting.delete(name);
    this.#outcomes.set(name, verdict);
    onOutcome(name, verdict);
  }

  /** True unless a container of the unit has only just been seen running; then it is judged again after `proofMs`. */
  #proven(name: string, view: UnitView): boolean {
    const proof = this.#proofs.get(name);
    if (proof !== undefined) return proof;
    if (!view.copies.some(({ state }) => state?.containerId !== undefined && isRunning(state))) return true;
    this.#proofs.set(name, false);
    void this.#after(proofMs, () => {
      this.#proofs.set(name, true);
      this.#again.add(name);
    });
    return false;
  }

  /** Resolves to true when the time is over and `act` has run and been looked at, to false when the wait ended first. */
  #after(ms: number, act: () => void): Promise<boolean> {
    const timer = this.#clock.sleep(ms, this.#stop).then(
      () => {
        act();
        this.#bell.ring();
        return true;
      },
      () => false,
    );
    this.#timers.push(timer);
    return timer;
  }

  #giveUp(kind: "timed-out" | "interrupted", on: (last: Waiting) => boolean): void {
    for (const [name, last] of [...this.#waiting]) {
      if (!on(last)) continue;
      this.#waiting.delete(name);
      const outcome: Outcome = { ...last, kind };
      this.#outcomes.set(name, outcome);
      this.#request.onOutcome(name, outcome);
    }
  }
}

/** Remembers that it rang while nobody listened. */
class Bell {
  #pending = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#pending = true;
    this.#wake?.();
  }

  async rung(): Promise<void> {
    if (!this.#pending) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#pending = false;
    this.#wake = undefined;
  }
}
