/**
 * A live copy of some tables. It lists them at revision R, watches from there, and lists again and compares on any doubt. A lost
 * event would be a unit that never starts, so the rules are strict:
 *
 * - Position is the last revision *applied*, never what a response's header says: etcd's header runs ahead of events not yet sent.
 * - After a break the watch is resumed one step early, at the last event known. etcd must send that same event again; if it sends
 *   another, or none, then this is not the history we know (a restored snapshot, another cluster), and the tables are listed anew.
 * - Whole revisions only, each exactly once: what is not above the position is dropped.
 *
 * One mirror watches one range, from its first table to its last, because etcd orders events only within a watch. Tables that
 * lie far apart with much traffic between them belong in two mirrors.
 */
import { hasCode, isRetryable, PlatformError } from "../cluster/errors.ts";
import type { Mirror } from "../cluster/ports.ts";
import { onAbort } from "../loop/abort.ts";
import { Backoff, type BackoffOptions } from "../loop/backoff.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { coveringRange } from "./keys.ts";
import { listRanges } from "./listing.ts";
import { type EtcdClient, inRange, type KeyRange, type WatchEvent } from "./protocol.ts";
import { RecordTable } from "./record-table.ts";
import type { TableSpecs } from "./tables.ts";

export type MirrorEvent =
  /** The tables were read as a whole; `why` says what caused it. */
  | { readonly kind: "listed"; readonly revision: bigint; readonly records: number; readonly why: string }
  | { readonly kind: "disconnected"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "resumed"; readonly revision: bigint }
  | { readonly kind: "unreadable"; readonly error: PlatformError };

export interface MirrorOptions {
  readonly onEvent?: (event: MirrorEvent) => void;
  readonly clock?: Clock;
  readonly backoff?: BackoffOptions;
}

/**
 * Starts a mirror and returns at once; it is empty and not `synced` until the store has answered, however long that takes.
 * `reached(0n, signal)` waits for that.
 */
export function openMirror<Tables>(
  client: EtcdClient,
  specs: TableSpecs<Tables>,
  options: MirrorOptions = {},
): Mirror<Tables> {
  return new LiveMirror<Tables>(client, specs, options);
}

/** The last event applied: what the store must still know when a watch is resumed. */
interface Anchor {
  readonly revision: bigint;
  readonly key: string;
  /** Undefined if it was deleted. */
  readonly value: Buffer | undefined;
}

/** How long a waiting `reached` gives the watch before the tables are listed. */
const reachPatienceMs = 200;
/** How long a resumed watch may take to send the anchor again. */
const anchorPatienceMs = 3_000;

class LiveMirror<Tables> implements Mirror<Tables> {
  readonly tables: { readonly [K in keyof Tables]: RecordTable<Tables[K]> };
  #synced = false;
  #revision = 0n;
  #clusterId = "";
  #anchor: Anchor | undefined;
  readonly #client: EtcdClient;
  readonly #options: MirrorOptions;
  readonly #clock: Clock;
  readonly #bells = new Set<() => void>();
  readonly #waiters = new Set<() => void>();
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;
  /** Set when someone has waited too long for a revision: ends the present watch so that the tables are listed. */
  #relist: (() => void) | undefined;

  constructor(client: EtcdClient, specs: TableSpecs<Tables>, options: MirrorOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const names = Object.keys(specs) as (keyof Tables)[];
    this.tables = Object.fromEntries(names.map((name) => [name, new RecordTable(specs[name])])) as {
      [K in keyof Tables]: RecordTable<Tables[K]>;
    };
    this.#running = this.#run(this.#closed.signal);
  }

  get synced(): boolean {
    return this.#synced;
  }

  get revision(): bigint {
    return this.#revision;
  }

  takeChanges(): { readonly [K in keyof Tables]: ReadonlySet<string> } {
    const names = Object.keys(this.tables) as (keyof Tables)[];
    return Object.fromEntries(names.map((name) => [name, this.tables[name].takeChanged()])) as {
      [K in keyof Tables]: ReadonlySet<string>;
    };
  }

  onChange(bell: () => void): () => void {
    const own = () => bell();
    this.#bells.add(own);
    return () => this.#bells.delete(own);
  }

  async reached(revision: bigint, signal: AbortSignal): Promise<void> {
    const there = () => this.#synced && this.#revision >= revision;
    const over = new AbortController();
    const stop = () => over.abort(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let patienceMs = reachPatienceMs; !there(); ) {
        if (this.#closed.signal.aborted) throw closedFailure();
        const turned = await this.#turned(patienceMs, over.signal);
        if (turned || !this.#synced) continue;
        // The revision may have touched none of our keys, and then no event will ever tell: look.
        this.#relist?.();
        patienceMs = Math.min(5_000, patienceMs * 2);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      over.abort();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(closedFailure());
    this.#wake();
    await this.#running;
  }

  /** True as soon as something was applied, false after a while without. */
  async #turned(patienceMs: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const stop = () => over.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    let wake: () => void = () => undefined;
    const woken = new Promise<boolean>((resolve) => {
      wake = () => resolve(true);
    });
    this.#waiters.add(wake);
    try {
      const waited = this.#clock.sleep(patienceMs, over.signal).then(() => false);
      waited.catch(() => undefined);
      const turned = await Promise.race([woken, waited]);
      signal.throwIfAborted();
      return turned;
    } finally {
      this.#waiters.delete(wake);
      signal.removeEventListener("abort", stop);
      over.abort();
    }
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 50, maxMs: 2_000, ...this.#options.backoff });
    let doubt: string | undefined = "start";
    while (!signal.aborted) {
      try {
        const fresh = doubt !== undefined;
        if (doubt !== undefined) await this.#list(doubt, signal);
        doubt = undefined;
        let alive = false;
        doubt = await this.#follow(fresh, signal, () => {
          alive = true;
          backoff.reset();
        });
        // A store that raises doubt as soon as it was listed must not be listed in a tight circle.
        if (fresh && !alive) await this.#clock.sleep(backoff.next(), signal);
      } catch (error) {
        if (signal.aborted) return;
        const retryInMs = backoff.next();
        this.#emit({ kind: "disconnected", error, retryInMs });
        if (!isRetryable(error)) doubt ??= "the watch failed";
        if (this.#anchor === undefined) doubt ??= "nothing is known to resume at";
        await this.#clock.sleep(retryInMs, signal).catch(() => undefined);
      }
    }
  }

  /** Reads all tables and applies the difference. */
  async #list(why: string, signal: AbortSignal): Promise<void> {
    const names = Object.keys(this.tables) as (keyof Tables)[];
    const ranges = names.map((name) => this.tables[name].spec.range);
    const { header, entries } = await listRanges(this.#client, ranges, { signal });
    const sameHistory = header.clusterId === this.#clusterId && why !== anotherHistory;
    let records = 0;
    let newest: Anchor | undefined;
    for (const [at, name] of names.entries()) {
      const listed = entries[at] ?? [];
      records += listed.length;
      this.tables[name].replace(listed, sameHistory && header.revision >= this.#revision);
      for (const { key, value, modRevision } of listed) {
        if (newest === undefined || modRevision > newest.revision)
          newest = { key, value, revision: modRevision };
      }
    }
    this.#anchor = newest;
    this.#clusterId = header.clusterId;
    this.#revision = header.revision;
    this.#synced = true;
    this.#emit({ kind: "listed", revision: header.revision, records, why });
    for (const name of names)
      for (const error of this.tables[name].unreadable.values()) this.#emit({ kind: "unreadable", error });
    this.#applied();
  }

  /** Watches until the stream breaks (throws) or there is reason to list again (returns it). */
  async #follow(fresh: boolean, signal: AbortSignal, onAlive: () => void): Promise<string | undefined> {
    const names = Object.keys(this.tables) as (keyof Tables)[];
    const range = coveringRange(names.map((name) => this.tables[name].spec.range));
    const over = new AbortController();
    // The signal may have come while the listing was told.
    const off = onAbort(signal, () => over.abort());
    let doubt: string | undefined;
    const relist = (why: string) => {
      doubt ??= why;
      over.abort();
    };
    this.#relist = () => relist("a revision was awaited");
    let anchor = fresh ? undefined : this.#anchor;
    const patience = new AbortController();
    const confirm = () => {
      patience.abort();
      anchor = undefined;
      onAlive();
      this.#emit({ kind: "resumed", revision: this.#revision });
    };
    try {
      await this.#client.watch(
        range,
        anchor?.revision ?? this.#revision + 1n,
        {
          onCreated: (header) => {
            if (header.clusterId !== this.#clusterId) return relist(anotherHistory);
            // Perhaps the member only lags; a listing, which waits for it to catch up, tells.
            if (header.revision < (anchor?.revision ?? this.#revision))
              return relist("the revision went back");
            if (!anchor) return confirm();
            this.#clock.sleep(anchorPatienceMs, patience.signal).then(
              () => relist(anotherHistory),
              () => undefined,
            );
          },
          onEvents: (_header, events) => {
            if (over.signal.aborted) return;
            if (anchor) {
              if (!holds(events, anchor)) return relist(anotherHistory);
              confirm();
            }
            this.#apply(events, range);
          },
          onProgress: (header) => {
            if (anchor || over.signal.aborted || header.revision <= this.#revision) return;
            this.#revision = header.revision;
            this.#applied();
          },
        },
        over.signal,
      );
      return doubt;
    } catch (error) {
      if (doubt !== undefined) return doubt;
      if (hasCode(error, "revision-compacted")) return "etcd compacted the revisions that were missed";
      throw error;
    } finally {
      patience.abort();
      this.#relist = undefined;
      off();
    }
  }

  /** Applies whole revisions in order, ringing once for all of them. */
  #apply(events: readonly WatchEvent[], range: KeyRange): void {
    const tables = Object.values(this.tables) as RecordTable<unknown>[];
    let newest = this.#revision;
    for (const event of events) {
      if (event.revision <= this.#revision || !inRange(range, event.key)) continue;
      newest = event.revision;
      this.#anchor = { revision: event.revision, key: event.key, value: writtenValue(event) };
      const table = tables.find(({ spec }) => inRange(spec.range, event.key));
      if (!table) continue;
      if (event.kind === "delete") table.delete(event.key);
      else table.put(event.entry);
      const error = table.unreadable.get(event.key.slice(table.spec.prefix.length));
      if (error) this.#emit({ kind: "unreadable", error });
    }
    if (newest === this.#revision) return;
    this.#revision = newest;
    this.#applied();
  }

  #applied(): void {
    this.#wake();
    for (const bell of this.#bells) bell();
  }

  #emit(event: MirrorEvent): void {
    this.#options.onEvent?.(event);
  }
}

const anotherHistory = "the store's history is another one";

function writtenValue(event: WatchEvent): Buffer | undefined {
  return event.kind === "put" ? event.entry.value : undefined;
}

/** True if the first revision among `events` is the anchor's and contains it. */
function holds(events: readonly WatchEvent[], anchor: Anchor): boolean {
  if (events[0]?.revision !== anchor.revision) return false;
  const found = events.find((event) => event.revision === anchor.revision && event.key === anchor.key);
  if (!found) return false;
  const value = writtenValue(found);
  return value === undefined || anchor.value === undefined
    ? value === anchor.value
    : value.equals(anchor.value);
}

function closedFailure(): PlatformError {
  return new PlatformError("store-closed", "The mirror was closed");
}
