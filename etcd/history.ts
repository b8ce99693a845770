/**
 * What happened in the cluster, change by change: first from etcd's own history, as far back as it is kept, then live.
 *
 * The state at some revision is listed, and watched from there on, so that every change is known with what stood there before. After a
 * break the watch goes on where it was; if etcd has forgotten that revision meanwhile, the state is listed anew and the difference
 * is told behind a `gap`. Unlike a mirror it keeps revisions apart.
 */
import { hasCode, isRetryable } from "../cluster/errors.ts";
import type { ClusterChange, ClusterHistory, ClusterTables } from "../cluster/ports.ts";
import { Backoff } from "../loop/backoff.ts";
import { systemClock } from "../loop/clock.ts";
import { coveringRange } from "./keys.ts";
import { type Listing, listRanges } from "./listing.ts";
import { type EtcdClient, inRange, type KeyValue, type WatchEvent } from "./protocol.ts";
import { clusterTables, type TableSpec } from "./tables.ts";

/** History counts as told when the state is that of the beginning's present and nothing came for so long. */
const quietMs = 250;

type TableName = keyof ClusterTables;

/** See `ClusterStore.history`. */
export async function* clusterHistory<K extends TableName>(
  client: EtcdClient,
  names: readonly K[],
  revisionsBack: number,
  signal: AbortSignal,
): AsyncIterable<ClusterHistory<K>> {
  const ranges = names.map((name) => clusterTables[name].range);
  const present = await listRanges(client, ranges, { signal });
  const start = await startOf(client, present.header.revision, revisionsBack, signal);
  const known = new Known(names);
  known.become(
    start === present.header.revision ? present : await listRanges(client, ranges, { signal }, start),
  );
  const queue = new Queue<readonly WatchEvent[] | { readonly failed: unknown }>();
  const backoff = new Backoff({ initialMs: 50, maxMs: 2_000 });
  let position = start;
  let live = position === present.header.revision;
  if (live) yield { kind: "live", revision: position };
  while (!signal.aborted) {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const watching = client
      .watch(
        coveringRange(ranges),
        position + 1n,
        {
          onCreated: () => backoff.reset(),
          onEvents: (_header, events) => queue.push(events),
          onProgress: () => undefined,
        },
        stop,
      )
      .catch((failed: unknown) => queue.push({ failed }));
    let failure: unknown;
    try {
      while (failure === undefined && !signal.aborted) {
        const arrived = await queue.next(live ? undefined : quietMs, signal);
        if (arrived === undefined) {
          if (signal.aborted) break;
          if (!known.equals(present)) continue;
          live = true;
          yield { kind: "live", revision: present.header.revision };
          continue;
        }
        if ("failed" in arrived) {
          failure = arrived.failed;
          break;
        }
        for (const event of arrived) {
          if (event.revision <= position) continue;
          if (!live && event.revision > present.header.revision) {
            live = true;
            yield { kind: "live", revision: present.header.revision };
          }
          const change = known.apply(event);
          if (change) yield { kind: "change", change };
        }
        const last = arrived.at(-1)?.revision ?? 0n;
        if (last > position) position = last;
      }
    } finally {
      over.abort();
      await watching;
      queue.clear();
    }
    if (signal.aborted) return;
    if (hasCode(failure, "revision-compacted")) {
      const listing = await listRanges(client, ranges, { signal });
      yield { kind: "gap", revision: listing.header.revision };
      for (const change of known.become(listing)) yield { kind: "change", change };
      position = listing.header.revision;
      if (!live) yield { kind: "live", revision: position };
      live = true;
      continue;
    }
    if (!isRetryable(failure)) throw failure;
    await systemClock.sleep(backoff.next(), signal).catch(() => undefined);
  }
}

/** The revision to begin after: `back` before the present one, or the oldest that etcd still has. */
async function startOf(
  client: EtcdClient,
  present: bigint,
  back: number,
  signal: AbortSignal,
): Promise<bigint> {
  const wanted = back >= Number(present) ? 1n : present - BigInt(back);
  if (await isKept(client, wanted, signal)) return wanted;
  // etcd tells nobody how far back it goes: look for it between what is forgotten and what is there.
  let forgotten = wanted;
  let kept = present;
  while (kept - forgotten > 1n) {
    const middle = (kept + forgotten) / 2n;
    if (await isKept(client, middle, signal)) kept = middle;
    else forgotten = middle;
  }
  return kept;
}

async function isKept(client: EtcdClient, revision: bigint, signal: AbortSignal): Promise<boolean> {
  try {
    await client.range({ key: "/deis/cluster" }, { revision, limit: 1, signal });
    return true;
  } catch (error) {
    if (hasCode(error, "revision-compacted")) return false;
    throw error;
  }
}

interface Entry<K extends TableName> {
  readonly revision: bigint;
  readonly value: ClusterTables[K] | undefined;
}

/** The last state that was told, by key. */
class Known<K extends TableName> {
  readonly #specs: readonly (readonly [K, TableSpec<ClusterTables[K]>])[];
  readonly #entries = new Map<string, Entry<K>>();

  constructor(names: readonly K[]) {
    this.#specs = names.map((name) => [name, clusterTables[name]] as const);
  }

  /** Takes one event in; undefined if it concerns none of our tables. */
  apply(event: WatchEvent): ClusterChange<K> | undefined {
    return event.kind === "put" ? this.#put(event.entry) : this.#delete(event.key, event.revision);
  }

  /** Takes a listing in and returns what is different in it, in order of revision. */
  become({ header, entries }: Listing): readonly ClusterChange<K>[] {
    const listed = new Map(entries.flat().map((entry) => [entry.key, entry]));
    const changes: (ClusterChange<K> | undefined)[] = [];
    for (const key of [...this.#entries.keys()]) {
      if (!listed.has(key)) changes.push(this.#delete(key, header.revision));
    }
    for (const entry of listed.values()) {
      if (this.#entries.get(entry.key)?.revision !== entry.modRevision) changes.push(this.#put(entry));
    }
    return changes
      .filter((change) => change !== undefined)
      .sort((a, b) => (a.revision < b.revision ? -1 : a.revision > b.revision ? 1 : 0));
  }

  /** True if a listing shows exactly the records we know, each of the same revision. */
  equals({ entries }: Listing): boolean {
    const flat = entries.flat();
    return (
      flat.length === this.#entries.size &&
      flat.every(({ key, modRevision }) => this.#entries.get(key)?.revision === modRevision)
    );
  }

  #put(entry: KeyValue): ClusterChange<K> | undefined {
    const found = this.#specOf(entry.key);
    if (!found) return undefined;
    const [table, spec] = found;
    const before = this.#entries.get(entry.key)?.value;
    const after = decoded(spec, entry);
    this.#entries.set(entry.key, { revision: entry.modRevision, value: after });
    return change(table, entry.key, spec.prefix, entry.modRevision, false, before, after);
  }

  #delete(key: string, revision: bigint): ClusterChange<K> | undefined {
    const found = this.#specOf(key);
    const entry = this.#entries.get(key);
    if (!found || !entry) return undefined;
    this.#entries.delete(key);
    return change(found[0], key, found[1].prefix, revision, true, entry.value, undefined);
  }

  #specOf(key: string): readonly [K, TableSpec<ClusterTables[K]>] | undefined {
    return this.#specs.find(([, { range }]) => inRange(range, key));
  }
}

function decoded<V>(spec: TableSpec<V>, entry: KeyValue): V | undefined {
  try {
    return spec.decode(entry.value, entry.key, entry.lease);
  } catch (error) {
    if (hasCode(error, "record-unreadable")) return undefined;
    throw error;
  }
}

function change<K extends TableName>(
  table: K,
  key: string,
  prefix: string,
  revision: bigint,
  deleted: boolean,
  before: ClusterTables[K] | undefined,
  after: ClusterTables[K] | undefined,
): ClusterChange<K> {
  const made = {
    table,
    name: key.slice(prefix.length),
    revision,
    deleted,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
  // One table's name with that table's records: TypeScript cannot follow a union through a type parameter.
  return made as unknown as ClusterChange<K>;
}

/** What arrived and was not taken yet. */
class Queue<T> {
  #items: T[] = [];
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  clear(): void {
    this.#items = [];
  }

  /** The next item; undefined when none comes within `patienceMs`, or `signal` aborts. */
  async next(patienceMs: number | undefined, signal: AbortSignal): Promise<T | undefined> {
    if (this.#items.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = patienceMs === undefined ? undefined : setTimeout(resolve, patienceMs);
        const wake = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener("abort", wake, { once: true });
      });
      this.#wake = undefined;
    }
    return this.#items.shift();
  }
}
