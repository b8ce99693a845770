/**
 * Up to which revision a router is drained: no request is left on an endpoint that was removed at that revision or before.
 *
 * nginx tells which removed endpoints still have requests, not since when. So an endpoint that is seen draining for the first time counts
 * as removed right behind the revision that was served when it was last looked: the answer may be too low for a moment, never too high.
 * A request that does not end (a websocket, say) holds the answer up for a bounded time.
 *
 * Deterministic: the time comes in.
 */

interface Outstanding {
  /** The last revision that is certainly free of it. */
  readonly before: bigint;
  readonly sinceMs: number;
}

export class Draining {
  readonly #patienceMs: number;
  readonly #outstanding = new Map<string, Outstanding>();
  #served = -1n;

  /** `patienceMs`: how long a removed endpoint may hold the answer up. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** `endpoints` are those that drained when `revision` was served already. Returns the revision up to which all are drained. */
  look(revision: bigint, endpoints: readonly string[], nowMs: number): bigint {
    const present = new Set(endpoints);
    for (const endpoint of this.#outstanding.keys())
      if (!present.has(endpoint)) this.#outstanding.delete(endpoint);
    for (const endpoint of present) {
      if (!this.#outstanding.has(endpoint)) {
        this.#outstanding.set(endpoint, { before: this.#served, sinceMs: nowMs });
      }
    }
    this.#served = revision;
    let drained = revision;
    for (const { before } of this.#awaited(nowMs)) if (before < drained) drained = before;
    return drained;
  }

  /** True while an endpoint holds the answer up: look again soon. */
  isAwaiting(nowMs: number): boolean {
    return this.#awaited(nowMs).length > 0;
  }

  #awaited(nowMs: number): readonly Outstanding[] {
    return [...this.#outstanding.values()].filter(({ sinceMs }) => nowMs - sinceMs < this.#patienceMs);
  }
}
