/**
 * Waits until units are as wanted: asks `judge` whenever the mirror moves, until each unit has its answer, patience ends, or the
 * operator presses Ctrl-C. It never polls, and never waits without a deadline.
 */
import type { Mirror } from "../cluster/ports.ts";
import type { Clock } from "../loop/clock.ts";
import { systemClock } from "../loop/clock.ts";
import type { Patience } from "./patience.ts";
import { UnitViews, type WatchedTables } from "./unit-views.ts";
import { type Goal, judge, type Verdict } from "./wait.ts";

/** How long an older "cannot be placed" may take to be withdrawn before it is believed. */
const settleMs = 600;

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
  #settled = false;

  constructor(request: AwaitRequest) {
    this.#request = request;
    this.#clock = request.clock ?? systemClock;
    this.#views = new UnitViews(request.mirror, request.goals.keys());
  }

  async run(): Promise<ReadonlyMap<string, Outcome>> {
    const { mirror, goals, revision, signal, patience } = this.#request;
    for (const name of goals.keys())
      this.#waiting.set(name, { kind: "waiting", missing: "the store to answer" });
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal]);
    const bell = new Bell();
    const unsubscribe = mirror.onChange(() => bell.ring());
    const lapse = this.#after(patience.totalMs, stop, () => undefined).then((lapsed) =>
      lapsed ? ("timed-out" as const) : ("interrupted" as const),
    );
    const settling = this.#after(settleMs, stop, () => {
      this.#settled = true;
      bell.ring();
    });
    const placing = this.#after(Math.min(patience.placingMs, patience.totalMs), stop, () => {
      this.#giveUp("timed-out", ({ machine }) => machine === undefined);
      bell.ring();
    });
    try {
      const nothingLeft = placing.then(() => (this.#waiting.size === 0 ? undefined : lapse));
      const end = await Promise.race([
        lapse,
        nothingLeft,
        this.#untilAllAnswered(bell, mirror.reached(revision, stop)),
      ]);
      if (end !== undefined) this.#giveUp(end, () => true);
      return this.#outcomes;
    } finally {
      ended.abort();
      unsubscribe();
      await Promise.all([lapse, settling, placing]);
    }
  }

  async #untilAllAnswered(bell: Bell, reached: Promise<void>): Promise<undefined> {
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
      const wasSettled = this.#settled;
      await bell.rung();
      const changed = this.#views.refresh();
      touched = this.#settled && !wasSettled ? [...this.#waiting.keys()] : changed;
    }
  }

  #look(name: string): void {
    const { goals, onOutcome, onProgress } = this.#request;
    const before = this.#waiting.get(name);
    const goal = goals.get(name);
    if (!before || goal === undefined) return;
    const verdict = judge(this.#views.view(name), { goal, settled: this.#settled });
    if (verdict.kind === "waiting") {
      this.#waiting.set(name, verdict);
      if (verdict.seen !== before.seen || verdict.missing !== before.missing) onProgress?.(name, verdict);
      return;
    }
    this.#waiting.delete(name);
    this.#outcomes.set(name, verdict);
    onOutcome(name, verdict);
  }

  /** Resolves to true when the time is over and `act` has run, to false when the wait ended first. */
  #after(ms: number, stop: AbortSignal, act: () => void): Promise<boolean> {
    return this.#clock.sleep(ms, stop).then(
      () => {
        act();
        return true;
      },
      () => false,
    );
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
