/** How long to wait before trying again. */
/**
 * Exponential backoff with full jitter: uniform in (0, min(max, initial × 2^attempt)], so that many clients that lost the
 * same server do not come back together.
 */
export class Backoff {
    #initialMs;
    #maxMs;
    #random;
    #attempt = 0;
    constructor(options = {}) {
        this.#initialMs = options.initialMs ?? 100;
        this.#maxMs = options.maxMs ?? 10_000;
        this.#random = options.random ?? Math.random;
    }
    /** Milliseconds to wait now; the ceiling doubles with each call until `reset`. */
    next() {
        const ceiling = Math.min(this.#maxMs, this.#initialMs * 2 ** this.#attempt);
        this.#attempt += 1;
        return Math.max(1, Math.round(ceiling * (1 - this.#random())));
    }
    reset() {
        this.#attempt = 0;
    }
}
//# sourceMappingURL=backoff.js.map