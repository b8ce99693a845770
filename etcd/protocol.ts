/**
 * etcd's version 3 API as this room speaks it: strings for keys, `bigint` for revisions, unions for requests.
 *
 * `EtcdClient` is the narrow waist: everything else in the room is written against it, `client.ts` implements it over gRPC and
 * `test/support` in memory. Facts: etcd.io/docs/v3.4/learning/api.
 */

/** One key, or the half-open interval [key, end). Keys compare as bytes. */
export interface KeyRange {
  readonly key: string;
  readonly end?: string;
}

/** State of the store when it answered. */
export interface Header {
  readonly clusterId: string;
  readonly revision: bigint;
  readonly raftTerm: bigint;
}

export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** Decimal id of the lease the key hangs on, "0" for none. */
  readonly lease: string;
}

export interface RangePage {
  readonly header: Header;
  readonly entries: readonly KeyValue[];
  /** True when `limit` cut the answer short. */
  readonly more: boolean;
}

/** A condition of a transaction. An absent key has create and mod revision 0 and lease "0". */
export type Compare =
  | {
      readonly key: string;
      readonly target: "create" | "mod";
      readonly is: "=" | "<";
      readonly revision: bigint;
    }
  | { readonly key: string; readonly target: "lease"; readonly lease: string };

export type Operation =
  | { readonly kind: "put"; readonly key: string; readonly value: Buffer; readonly lease?: string }
  | { readonly kind: "delete"; readonly range: KeyRange }
  | { readonly kind: "get"; readonly range: KeyRange }
  /** A transaction inside a transaction: conditional on its own, counted as one operation. */
  | { readonly kind: "when"; readonly compare: readonly Compare[]; readonly success: readonly Operation[] };

/** Each list may hold 128 entries (etcd's default), 127 if one of them is a `when`; no key may be written twice. */
export interface Txn {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure?: readonly Operation[];
}

export interface TxnResult {
  readonly header: Header;
  readonly succeeded: boolean;
  /** One element per operation of the branch taken: what `get` found, or nothing. */
  readonly found: readonly (readonly KeyValue[])[];
  /**
   * True when an earlier attempt of this call went unanswered: it may have been applied, so a comparison that failed may have failed
   * because of our own write.
   */
  readonly retried: boolean;
}

export type WatchEvent =
  | { readonly kind: "put"; readonly key: string; readonly entry: KeyValue; readonly revision: bigint }
  | { readonly kind: "delete"; readonly key: string; readonly revision: bigint };

export interface WatchHandler {
  /** The server has accepted the watch. Events may have been missed if its revision is lower than expected. */
  onCreated(header: Header): void;
  /** All events of one or more whole revisions, ascending. */
  onEvents(header: Header, events: readonly WatchEvent[]): void;
  /** Every event up to this revision has been delivered. */
  onProgress(header: Header): void;
}

/** Every call ends: at its deadline with `store-unreachable`, or with the reason of `signal`. */
export interface CallLimits {
  readonly signal?: AbortSignal;
  /** Milliseconds for all attempts together. Default 5 000. */
  readonly timeoutMs?: number;
}

export interface EtcdClient {
  readonly endpoints: readonly string[];
  range(
    range: KeyRange,
    options: CallLimits & { readonly revision?: bigint; readonly limit?: number },
  ): Promise<RangePage>;
  /** Retried when unanswered: the operations must be idempotent or guarded by `compare`. */
  txn(txn: Txn, limits: CallLimits): Promise<TxnResult>;
  /**
   * Delivers events from `fromRevision` on until `signal` aborts, then resolves. Rejects with `revision-compacted`, or retryably when
   * the stream is lost. A member that falls silent is noticed within about 5 s. Never reconnects by itself.
   */
  watch(range: KeyRange, fromRevision: bigint, handler: WatchHandler, signal: AbortSignal): Promise<void>;
  /** Idempotent for one id. Resolves to the TTL in seconds that the server chose. */
  grantLease(id: string, ttlSeconds: number, limits: CallLimits): Promise<number>;
  /** One attempt, no retries, so that the caller knows the send time. Resolves to the TTL in seconds, 0 if the lease has ended. */
  keepAlive(id: string, limits: CallLimits): Promise<number>;
  /** Idempotent: a lease that has ended counts as revoked. */
  revokeLease(id: string, limits: CallLimits): Promise<void>;
  /** Seconds granted and left, or undefined if the lease has ended. */
  timeToLive(
    id: string,
    limits: CallLimits,
  ): Promise<{ readonly granted: number; readonly left: number } | undefined>;
  /** The keys that hang on a lease, sorted; none if it has ended. */
  leaseKeys(id: string, limits: CallLimits): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The range of all keys that start with `prefix`, which must not be empty nor end in U+10FFFF. */
export function prefixRange(prefix: string): KeyRange {
  const last = prefix.codePointAt(prefix.length - 1) ?? 0;
  return { key: prefix, end: prefix.slice(0, -1) + String.fromCodePoint(last + 1) };
}

/** True if `key` lies in `range`. For keys of ASCII, which all of ours are, code units compare as bytes do. */
export function inRange(range: KeyRange, key: string): boolean {
  return range.end === undefined ? key === range.key : key >= range.key && key < range.end;
}
