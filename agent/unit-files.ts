/**
 * The unit files that this machine's placements name, fetched in the background and kept for as long as they are named.
 *
 * A pass never waits for a text: it takes what is known, and the arrival of a text rings the bell. Texts are immutable, so each
 * is fetched once.
 */
import { isRetryable, PlatformError } from "../cluster/errors.ts";
import type { UnitTexts } from "../cluster/ports.ts";
import { Backoff, type BackoffOptions } from "../loop/backoff.ts";
import type { Clock } from "../loop/clock.ts";
import type { KnownTexts, UnitFacts } from "./desired.ts";
import type { OnAgentEvent } from "./events.ts";

export interface UnitFilesOptions {
  readonly texts: UnitTexts;
  /** Reads what the agent needs from a text; throws a `PlatformError` for a text that is no unit file. */
  readonly read: (text: string) => UnitFacts;
  readonly clock: Clock;
  readonly ring: () => void;
  readonly onEvent: OnAgentEvent;
  /** Between two tries to fetch a text. Default: 500 ms doubling to 30 s. */
  readonly backoff?: BackoffOptions;
}

export class UnitFiles {
  readonly #options: UnitFilesOptions;
  readonly #known = new Map<string, UnitFacts | PlatformError>();
  readonly #fetching = new Map<string, AbortController>();
  #closed = false;
  #changed = false;

  constructor(options: UnitFilesOptions) {
    this.#options = options;
  }

  get known(): KnownTexts {
    return this.#known;
  }

  /** True if anything has become known, or unknown, since this was last asked. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Names all hashes that are needed now: what is missing is fetched, what is no longer named is forgotten. */
  need(hashes: ReadonlySet<string>): void {
    if (this.#closed) return;
    for (const hash of this.#known.keys()) if (!hashes.has(hash)) this.#changed = this.#known.delete(hash);
    for (const [hash, abort] of this.#fetching) if (!hashes.has(hash)) abort.abort();
    for (const hash of hashes) {
      const isUnderWay = this.#fetching.get(hash)?.signal.aborted === false;
      if (isUnderWay || this.#known.has(hash)) continue;
      const abort = new AbortController();
      this.#fetching.set(hash, abort);
      void this.#fetch(hash, abort.signal).finally(() => {
        if (this.#fetching.get(hash) === abort) this.#fetching.delete(hash);
      });
    }
  }

  close(): void {
    this.#closed = true;
    for (const abort of this.#fetching.values()) abort.abort();
  }

  #learn(hash: string, facts: UnitFacts | PlatformError): void {
    this.#known.set(hash, facts);
    this.#changed = true;
  }

  async #fetch(hash: string, signal: AbortSignal): Promise<void> {
    const { texts, read, clock, ring, onEvent } = this.#options;
    const backoff = new Backoff(this.#options.backoff ?? { initialMs: 500, maxMs: 30_000 });
    while (!signal.aborted) {
      try {
        const text = await texts.text(hash, signal);
        if (signal.aborted) return;
        this.#learn(hash, read(text));
        return ring();
      } catch (error) {
        if (signal.aborted) return;
        this.#learn(hash, unreadable(hash, error));
        const retryInMs = backoff.next();
        if (!isRetryable(error)) {
          onEvent({ kind: "text-unavailable", hash, error });
          return ring();
        }
        onEvent({ kind: "text-unavailable", hash, error, retryInMs });
        ring();
        await clock.sleep(retryInMs, signal).catch(() => undefined);
      }
    }
  }
}

function unreadable(hash: string, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  return new PlatformError("unit-file-unreadable", `Cannot read unit file "${hash}"`, { cause: error });
}
