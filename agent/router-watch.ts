/**
 * Waiting until the live routers have acknowledged a change of the endpoints.
 *
 * The routers are mirrored only while someone waits (and a moment longer, for whoever comes next): a standing watch of every agent on
 * every router would make each acknowledgement cost as much as the cluster is large. Every wait is bounded: a router that hangs delays a
 * stop, it does not prevent it.
 */
import type { Mirror } from "../cluster/ports.ts";
import type { RouterRecord } from "../cluster/router-record.ts";
import { onAbort } from "../loop/abort.ts";
import type { Clock } from "../loop/clock.ts";

export interface RouterWatchOptions {
  readonly follow: () => Mirror<{ routers: RouterRecord }>;
  readonly clock: Clock;
}

export interface Acknowledgement {
  /** How many live routers there were. */
  readonly routers: number;
  /** Those that had not acknowledged when the time was over, sorted; `store` if the routers could not be read. */
  readonly late: readonly string[];
}

/** How long the mirror outlives the last wait. */
const lingerMs = 10_000;

export class RouterWatch {
  readonly #options: RouterWatchOptions;
  #mirror: Mirror<{ routers: RouterRecord }> | undefined;
  #users = 0;
  #lingering = new AbortController();

  constructor(options: RouterWatchOptions) {
    this.#options = options;
  }

  /**
   * Resolves once every live router but those of `except` has come to `revision`, or after `withinMs`; at once if there is no router. A
   * router that goes away is not waited for. Rejects with the reason of `signal`.
   */
  async acknowledged(
    what: "revision" | "drained",
    revision: bigint,
    options: { readonly withinMs: number; readonly except?: readonly string[]; readonly signal: AbortSignal },
  ): Promise<Acknowledgement> {
    const { withinMs, except = [], signal } = options;
    signal.throwIfAborted();
    const mirror = this.#enter();
    const over = new AbortController();
    const off = onAbort(signal, () => over.abort(signal.reason));
    const late = () => behind(mirror, what, revision).filter((router) => !except.includes(router));
    let end: (() => void) | undefined;
    try {
      const done = new Promise<void>((resolve) => {
        const check = () => mirror.synced && late().length === 0 && resolve();
        end = mirror.onChange(check);
        check();
      });
      await Promise.race([done, this.#options.clock.sleep(withinMs, over.signal)]);
      return { routers: mirror.tables.routers.size, late: mirror.synced ? late() : ["store"] };
    } finally {
      end?.();
      off();
      over.abort();
      this.#leave();
    }
  }

  async close(): Promise<void> {
    this.#lingering.abort();
    const mirror = this.#mirror;
    this.#mirror = undefined;
    await mirror?.close();
  }

  #enter(): Mirror<{ routers: RouterRecord }> {
    this.#lingering.abort();
    this.#users += 1;
    this.#mirror ??= this.#options.follow();
    return this.#mirror;
  }

  #leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#lingering = new AbortController();
    this.#options.clock.sleep(lingerMs, this.#lingering.signal).then(
      () => this.close(),
      () => undefined, // someone else waits, or it is closed already
    );
  }
}

/** The routers that have not come so far. One whose record cannot be read tells nothing, and nobody can wait for it. */
function behind(
  mirror: Mirror<{ routers: RouterRecord }>,
  what: "revision" | "drained",
  revision: bigint,
): readonly string[] {
  return [...mirror.tables.routers.entries()]
    .filter(([, router]) => router[what] < revision)
    .map(([machine]) => machine)
    .sort();
}
