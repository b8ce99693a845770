/**
 * etcd in memory: the same client interface, revisions, transactions, watches and leases, without a server. The contract suites hold it
 * to the behaviour of the real one. Leases do not lapse by themselves: a test says when (`expireLease`).
 */
import { PlatformError } from "../../cluster/errors.ts";
import {
  type Compare,
  type EtcdClient,
  type Header,
  inRange,
  type KeyRange,
  type KeyValue,
  type Operation,
  type TxnResult,
  type WatchEvent,
  type WatchHandler,
} from "../../etcd/protocol.ts";

interface Watcher {
  readonly range: KeyRange;
  readonly handler: WatchHandler;
  readonly fail: (error: unknown) => void;
}

export class MemoryEtcd {
  #revision = 1n;
  #reachable = true;
  #compacted = 0n;
  readonly #entries = new Map<string, KeyValue>();
  readonly #history: WatchEvent[] = [];
  readonly #leases = new Map<string, number>();
  readonly #watchers = new Set<Watcher>();

  /** The store's current revision. */
  get revision(): bigint {
    return this.#revision;
  }

  /** All keys with their values as text, sorted: what `etcdctl get --prefix ""` would print. */
  dump(): ReadonlyMap<string, string> {
    return new Map(this.#sorted({ key: "", end: "\uffff" }).map(({ key, value }) => [key, value.toString()]));
  }

  /** Applies operations as one revision, past all codecs and also while the store is cut off, and returns that revision. */
  commit(operations: readonly Operation[]): bigint {
    this.#commit(operations);
    return this.#revision;
  }

  /** Writes one key. */
  put(key: string, value: string): void {
    this.commit([{ kind: "put", key, value: Buffer.from(value) }]);
  }

  delete(key: string): void {
    this.commit([{ kind: "delete", range: { key } }]);
  }

  /** From now on every call fails as against a store that cannot be reached, and watches break. */
  cut(): void {
    this.#reachable = false;
    for (const watcher of [...this.#watchers]) watcher.fail(unreachable());
  }

  resume(): void {
    this.#reachable = true;
  }

  /** Forgets history before the present revision. */
  compact(): void {
    this.#compacted = this.#revision;
  }

  /** Ends a lease as its lapse would: everything that hangs on it goes. */
  expireLease(id: string): void {
    this.#leases.delete(id);
    const keys = [...this.#entries.values()].filter((entry) => entry.lease === id).map(({ key }) => key);
    if (keys.length > 0) this.#commit(keys.map((key) => ({ kind: "delete", range: { key } })));
  }

  /** A client of this store; each has its own life. */
  client(): EtcdClient {
    const closed = new AbortController();
    const answer = async <T>(signal: AbortSignal | undefined, act: () => T): Promise<T> => {
      await Promise.resolve();
      signal?.throwIfAborted();
      if (!this.#reachable || closed.signal.aborted) throw unreachable();
      return act();
    };
    return {
      endpoints: ["memory"],
      range: (range, options) =>
        answer(options.signal, () => {
          if (options.revision && options.revision < this.#compacted) throw compacted(options.revision);
          const all = this.#at(range, options.revision ?? 0n);
          const entries = options.limit ? all.slice(0, options.limit) : all;
          return { header: this.#header(), entries, more: entries.length < all.length };
        }),
      txn: (txn, { signal }) =>
        answer(signal, (): TxnResult => {
          const succeeded = txn.compare.every((each) => this.#holds(each));
          const operations = succeeded ? txn.success : (txn.failure ?? []);
          if (operations.length > (operations.some(({ kind }) => kind === "when") ? 127 : 128))
            throw tooMany();
          const found = this.#commit(operations);
          return { header: this.#header(), succeeded, found, retried: false };
        }),
      watch: (range, fromRevision, handler, signal) =>
        this.#watch(range, fromRevision, handler, signal, closed.signal),
      grantLease: (id, ttlSeconds, { signal }) =>
        answer(signal, () => {
          this.#leases.set(id, ttlSeconds);
          return ttlSeconds;
        }),
      keepAlive: (id, { signal }) => answer(signal, () => this.#leases.get(id) ?? 0),
      revokeLease: (id, { signal }) => answer(signal, () => this.expireLease(id)),
      timeToLive: (id, { signal }) =>
        answer(signal, () => {
          const granted = this.#leases.get(id);
          return granted === undefined ? undefined : { granted, left: granted - 1 };
        }),
      leaseKeys: (id, { signal }) =>
        answer(signal, () =>
          this.#sorted({ key: "", end: "\uffff" }).flatMap(({ key, lease }) => (lease === id ? [key] : [])),
        ),
      close: async () => {
        closed.abort();
      },
    };
  }

  async #watch(
    range: KeyRange,
    fromRevision: bigint,
    handler: WatchHandler,
    signal: AbortSignal,
    closed: AbortSignal,
  ): Promise<void> {
    await Promise.resolve();
    if (signal.aborted) return;
    if (!this.#reachable || closed.aborted) throw unreachable();
    if (fromRevision < this.#compacted) {
      throw compacted(fromRevision);
    }
    let watcher: Watcher | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        watcher = { range, handler, fail: reject };
        signal.addEventListener("abort", () => resolve(), { once: true });
        closed.addEventListener("abort", () => reject(unreachable()), { once: true });
        handler.onCreated(this.#header());
        const missed = this.#history.filter(
          (event) => event.revision >= fromRevision && inRange(range, event.key),
        );
        if (missed.length > 0) handler.onEvents(this.#header(), missed);
        this.#watchers.add(watcher);
      });
    } finally {
      if (watcher) this.#watchers.delete(watcher);
    }
  }

  /** Applies operations as one revision and returns what its `get`s found. */
  #commit(operations: readonly Operation[]): KeyValue[][] {
    const events: WatchEvent[] = [];
    const found = this.#apply(operations, this.#revision + 1n, events);
    if (events.length > 0) {
      this.#revision += 1n;
      this.#history.push(...events);
      for (const { range, handler } of [...this.#watchers]) {
        const seen = events.filter((event) => inRange(range, event.key));
        if (seen.length > 0) handler.onEvents(this.#header(), seen);
      }
    }
    return found;
  }

  #apply(operations: readonly Operation[], revision: bigint, events: WatchEvent[]): KeyValue[][] {
    return operations.map((operation) => {
      switch (operation.kind) {
        case "get":
          return this.#sorted(operation.range);
        case "put": {
          const { key, value, lease = "0" } = operation;
          if (lease !== "0" && !this.#leases.has(lease)) throw noLease(lease);
          const createRevision = this.#entries.get(key)?.createRevision ?? revision;
          const entry = { key, value, lease, createRevision, modRevision: revision };
          this.#entries.set(key, entry);
          events.push({ kind: "put", key, entry, revision });
          return [];
        }
        case "delete":
          for (const { key } of this.#sorted(operation.range)) {
            this.#entries.delete(key);
            events.push({ kind: "delete", key, revision });
          }
          return [];
        case "when":
          if (operation.compare.every((each) => this.#holds(each))) {
            this.#apply(operation.success, revision, events);
          }
          return [];
        default:
          return operation satisfies never;
      }
    });
  }

  #holds(compare: Compare): boolean {
    const entry = this.#entries.get(compare.key);
    if (compare.target === "lease") return (entry?.lease ?? "0") === compare.lease;
    const revision = (compare.target === "create" ? entry?.createRevision : entry?.modRevision) ?? 0n;
    return compare.is === "=" ? revision === compare.revision : revision < compare.revision;
  }

  #sorted(range: KeyRange): KeyValue[] {
    const entries = [...this.#entries.values()].filter(({ key }) => inRange(range, key));
    return entries.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  /** The entries as of a revision: the present ones unless history says otherwise. */
  #at(range: KeyRange, revision: bigint): KeyValue[] {
    if (revision === 0n || revision >= this.#revision) return this.#sorted(range);
    const then = new Map<string, KeyValue>();
    for (const event of this.#history) {
      if (event.revision > revision) break;
      if (event.kind === "put") then.set(event.key, event.entry);
      else then.delete(event.key);
    }
    const entries = [...then.values()].filter(({ key }) => inRange(range, key));
    return entries.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  #header(): Header {
    return { clusterId: "1", revision: this.#revision, raftTerm: 1n };
  }
}

function compacted(revision: bigint): PlatformError {
  return new PlatformError("revision-compacted", `Revision ${revision} was compacted`);
}

function unreachable(): PlatformError {
  return new PlatformError("store-unreachable", "Cannot reach the store in memory: it was cut off", {
    retryable: true,
  });
}

function tooMany(): PlatformError {
  return new PlatformError("store-rejected", "etcdserver: too many operations in txn request");
}

function noLease(id: string): PlatformError {
  return new PlatformError("lease-not-found", `Cannot write on lease ${id}: it has ended`);
}
