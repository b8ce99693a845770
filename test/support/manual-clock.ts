/** A clock that stands still until a test moves it. */
import type { Clock } from "../../loop/clock.ts";

interface Sleeper {
  readonly until: number;
  wake(): void;
}

export class ManualClock implements Clock {
  #ms = 0;
  readonly #start: number;
  #sleepers: Sleeper[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start;
  }

  monotonic(): number {
    return this.#ms;
  }

  now(): Date {
    return new Date(this.#start + this.#ms);
  }

  /** How many wait on this clock: a test may wait for this to be sure that its subject sleeps. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        until: this.#ms + ms,
        wake: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Moves time on, waking sleepers in the order of their times and letting each act before the next wakes. */
  async advance(ms: number): Promise<void> {
    await settled();
    const end = this.#ms + ms;
    for (;;) {
      const next = this.#sleepers.toSorted((one, other) => one.until - other.until)[0];
      if (!next || next.until > end) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#ms = Math.max(this.#ms, next.until);
      next.wake();
      await settled();
    }
    this.#ms = end;
    await settled();
  }
}

/** Lets everything that is already due run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
