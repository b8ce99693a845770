/**
 * What the store knows of runs and failures on this machine: claims before a run is begun, ends and counts after. Claims and
 * reports are written one after the other, and a report that was made before a claim is not written after it.
 */
import type { Mirror, OutcomeWrite, OutcomeWriter } from "../cluster/ports.ts";
import type { Outcome, RunClaim } from "../cluster/run.ts";
import type { Clock } from "../loop/clock.ts";
import { ownUnit } from "./desired.ts";

export interface OutcomesOptions {
  readonly machine: string;
  /** What this machine has told. Names: `<unit>` or `<machine>/<unit>`. */
  readonly mirror: Mirror<{ outcomes: Outcome }>;
  readonly writer: OutcomeWriter;
}

export class Outcomes {
  readonly #options: OutcomesOptions;
  readonly #clock: Clock;
  readonly #told = new Map<string, Outcome>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: OutcomesOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get synced(): boolean {
    return this.#options.mirror.synced;
  }

  get told(): ReadonlyMap<string, Outcome> {
    return this.#told;
  }

  onChange(bell: () => void): () => void {
    return this.#options.mirror.onChange(bell);
  }

  /** Takes in what others changed: what is gone from the store, and what an agent before this one told. */
  look(): void {
    const { machine, mirror } = this.#options;
    for (const key of mirror.takeChanges().outcomes) {
      const unit = ownUnit(machine, key);
      if (unit === undefined) continue;
      const stored = mirror.tables.outcomes.get(key);
      // Our own writes come back here, older ones perhaps after newer ones.
      if (stored === undefined) this.#told.delete(unit);
      else if (!this.#told.has(unit)) this.#told.set(unit, stored);
    }
  }

  /** Claims a run. Rejects with what the writer rejects with: then the run is not begun. */
  claim(unit: string, run: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const claim: RunClaim = { run, started: this.#clock.now().toISOString() };
      await this.#options.writer.claim(unit, claim, signal);
      this.#told.set(unit, { claim });
    });
  }

  /** Writes what `decide` finds when it is this write's turn. */
  report(decide: () => readonly OutcomeWrite[], signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const writes = decide();
      if (writes.length === 0) return;
      await this.#options.writer.write(writes, signal);
      for (const write of writes) {
        if (write.kind === "tell") this.#told.set(write.unit, write.outcome);
        else this.#told.delete(write.unit);
      }
    });
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(task);
    // Whoever waits for this one is told; those behind it go on.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
