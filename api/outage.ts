/**
 * Tells an outage of the store from a hiccup: a mirror reconnects within a second when a member of etcd goes, and until then what it
 * has is no older than that.
 */
import { PlatformError } from "../cluster/errors.ts";

/** How long the store may be out of sight before nothing is answered. */
const graceMs = 2_000;

export class Outage {
  readonly #monotonic: () => number;
  #since: number | undefined;
  #cause: unknown;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** The connection was lost. Idempotent. */
  began(cause: unknown): void {
    this.#since ??= this.#monotonic();
    this.#cause = cause;
  }

  /** The connection is there again. */
  ended(): void {
    this.#since = undefined;
  }

  /** Why nothing can be answered, or undefined. */
  get problem(): PlatformError | undefined {
    if (this.#since === undefined) return undefined;
    const awayMs = this.#monotonic() - this.#since;
    if (awayMs < graceMs) return undefined;
    return new PlatformError(
      "store-unreachable",
      `The store has been away for ${Math.round(awayMs / 1_000)} s`,
      {
        cause: this.#cause,
        hint: "Units run on; check etcd with `etcdctl endpoint health`",
        retryable: true,
      },
    );
  }
}
