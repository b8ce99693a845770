/** Time as a port: passes and sessions never touch the global clock, so tests can own it. */
import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  /** Milliseconds on a clock that never goes back. For deadlines. */
  monotonic(): number;
  /** Wall-clock time. For records that people read. */
  now(): Date;
  /** Resolves after `ms`, rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  now: () => new Date(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      // Node rejects with an AbortError of its own and hides the reason in its cause.
      signal?.throwIfAborted();
      throw error;
    }
  },
};
