/** How long to wait before trying again. */

export interface BackoffOptions {
  /** First ceiling in ms. Default 100. */
  readonly initialMs?: number;
  /** Highest ceiling in ms. Default 10 000. */
  readonly maxMs?: number;
  /** A number in [0, 1). Default `Math.random`; a port so that tests are exact. */
  readonly random?: () => number;
}

/**
 * Exponential backoff with full jitter: uniform in (0, min(max, initial × 2^attempt)], so that many clients that lost the
 * same server do not come back together.
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 100;
    this.#maxMs = options.maxMs ?? 10_000;
    this.#random = options.random ?? Math.random;
  }

  /** Milliseconds to wait now; the ceiling doubles with each call until `reset`. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#initialMs * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.max(1, Math.round(ceiling * (1 - this.#random())));
  }

  reset(): void {
    this.#attempt = 0;
  }
}
