/** Waiting in tests: for a condition, never for a time. */
import { setTimeout as delay } from "node:timers/promises";

export interface EventuallyOptions {
  /** Milliseconds until the last failure is thrown. Default 5 000. */
  readonly within?: number;
  /** Milliseconds between two looks. Default 10. */
  readonly every?: number;
}

/** Repeats `look` until it neither throws nor returns false, and returns what it returned. Throws its last error on lapse. */
export async function eventually<T>(look: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { within = 5_000, every = 10 } = options;
  const deadline = performance.now() + within;
  for (;;) {
    let failure: unknown;
    try {
      const seen = await look();
      if (seen !== false) return seen;
      failure = new Error(`the condition did not hold within ${within} ms`);
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= deadline) throw failure;
    await delay(every);
  }
}
