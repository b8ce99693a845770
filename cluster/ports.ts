/**
 * The seams between deciding and the world. Daemons and commands know these interfaces; the `etcd` room implements them
 * and `test/support` has in-memory twins that pass the same contract suites.
 */
import type { Cordon } from "./cordon.ts";
import type { PlatformError } from "./errors.ts";
import type { JournalRequest } from "./journal-request.ts";
import type { Machine } from "./machine.ts";
import type { Placement, Unplaced } from "./placement.ts";
import type { Answer, AnswerTo, AskedQuestion, Question } from "./question.ts";
import type { RouterRecord } from "./router-record.ts";
import type { Outcome, Run, RunClaim, Tried } from "./run.ts";
import type { TargetState, UnitRecord } from "./unit.ts";
import type { UnitState } from "./unit-state.ts";
import type { WantedMove } from "./wanted-move.ts";

/** One kind of record of a mirror, by name (the key below the table's prefix). */
export interface Table<V> {
  readonly size: number;
  get(name: string): V | undefined;
  /** etcd's mod revision of the record, or undefined if it is absent. */
  revisionOf(name: string): bigint | undefined;
  entries(): IterableIterator<[string, V]>;
  /**
   * Records that exist but do not decode, by name. A bad record hides only itself: its last good value is *not* kept, and
   * a pass must treat such a name as "unknown", never as "not wanted".
   */
  readonly unreadable: ReadonlyMap<string, PlatformError>;
}

/**
 * A copy of some tables, exact at one revision of the store and kept current by watching. Changes of one revision become
 * visible together. While the store cannot be reached the last copy stays readable and `synced` keeps its value.
 */
export interface Mirror<Tables> {
  /** False until the first complete listing: before that nothing may be decided from it. */
  readonly synced: boolean;
  /** The store's revision that the tables reflect. */
  readonly revision: bigint;
  readonly tables: { readonly [K in keyof Tables]: Table<Tables[K]> };
  /** The names written, deleted or become unreadable since the last call, per table; everything after a first listing. */
  takeChanges(): { readonly [K in keyof Tables]: ReadonlySet<string> };
  /** Calls `bell` after each applied revision (also the first listing). Returns the function that ends this. */
  onChange(bell: () => void): () => void;
  /** Resolves once `revision` is at least this and `synced`. Rejects when `signal` aborts. */
  reached(revision: bigint, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Every table below `/deis/cluster/`. Names: unit name, machine id, `<machine>/<unit>`, app, or a question's id. */
export interface ClusterTables {
  /** By hash: the unit text as written. */
  unitFiles: string;
  units: UnitRecord;
  machines: Machine;
  /** Name: `<machine>/<key>`. What operators set at run time; see `machine-metadata.ts`. */
  metadata: string;
  placements: Placement;
  states: UnitState;
  unplaced: Unplaced;
  /** Name: `<machine>/<unit>`. */
  outcomes: Outcome;
  /** By unit. */
  runs: Run;
  /** By unit. */
  failures: Tried;
  /** By app: a unit of the cluster publishes it, whether or not one runs. */
  apps: Readonly<Record<string, unknown>>;
  /** By machine. */
  cordons: Cordon;
  /** By unit. */
  moves: WantedMove;
  questions: AskedQuestion;
  /** By id of the question. */
  answers: Answer;
  /** Name: the empty string. Value: the machine id of the scheduler's leader. */
  leader: string;
}

/** What the scheduler may write. Each write is fenced: it fails as a whole once another leader has taken over. */
export type SchedulerWrite =
  | { readonly kind: "place"; readonly placement: Placement }
  | { readonly kind: "withdraw"; readonly machine: string; readonly unit: string }
  | { readonly kind: "park"; readonly unit: string; readonly unplaced: Unplaced }
  | { readonly kind: "unpark"; readonly unit: string }
  | { readonly kind: "record-run"; readonly unit: string; readonly run: Run }
  | { readonly kind: "forget-run"; readonly unit: string }
  | { readonly kind: "record-failures"; readonly unit: string; readonly tried: Tried }
  | { readonly kind: "forget-failures"; readonly unit: string }
  /** Forget the states and outcomes that a machine which is gone had reported. */
  | { readonly kind: "sweep-states"; readonly machine: string }
  | { readonly kind: "announce-app"; readonly app: string }
  | { readonly kind: "retire-app"; readonly app: string }
  /** A wanted move is done, or cannot be done: forget it, unless it was written again since `revision`. */
  | { readonly kind: "end-move"; readonly unit: string; readonly revision: bigint }
  /** Answer a question under its lease; nothing is written if it has been withdrawn. */
  | { readonly kind: "answer"; readonly id: string; readonly lease: string; readonly answer: Answer }
  /** Forget an unreferenced unit file, unless it was written again since `revision`. */
  | { readonly kind: "collect-file"; readonly hash: string; readonly revision: bigint };

/**
 * Group-commits in the order given: up to 128 operations a transaction, a few in flight, no unit's writes reordered.
 * Rejects with code `leadership-lost` when fenced off, with a retryable error when the store cannot be reached.
 */
export interface SchedulerWriter {
  write(writes: readonly SchedulerWrite[], signal: AbortSignal): Promise<void>;
}

export type StateWrite =
  | { readonly kind: "report"; readonly unit: string; readonly state: UnitState }
  | { readonly kind: "retract"; readonly unit: string };

/** Writes the states of one machine, batched. Resolves when stored; the last write of a unit wins. */
export interface StateWriter {
  write(writes: readonly StateWrite[], signal: AbortSignal): Promise<void>;
}

export type OutcomeWrite =
  | { readonly kind: "tell"; readonly unit: string; readonly outcome: Outcome }
  | { readonly kind: "retract"; readonly unit: string };

/** Writes the outcomes of one machine. */
export interface OutcomeWriter {
  /**
   * Claims a run, so that no other machine carries it out: stored only if the unit is still placed here for this very run, and this
   * machine's own record still stands.
   * Rejects with code `run-not-ours` if it is not.
   */
  claim(unit: string, claim: RunClaim, signal: AbortSignal): Promise<void>;
  /** Resolves when stored; the last write of a unit wins. */
  write(writes: readonly OutcomeWrite[], signal: AbortSignal): Promise<void>;
}

/** Unit files by hash; they are immutable, so an adapter may cache for ever. */
export interface UnitTexts {
  /** Rejects with code `unit-file-missing` (retryable) if the store has no such text. */
  text(hash: string, signal: AbortSignal): Promise<string>;
}

/**
 * One edit of the desired state. Edits of one call are one transaction while they fit in 128 operations. An edit that names a `revision`
 * is refused with `unit-changed` unless the unit's record was written last in that one.
 */
export type UnitEdit = { readonly revision?: bigint } & UnitChange;

type UnitChange =
  /**
   * Store the text and point the unit at it. `expected` guards against a concurrent edit: the record read, or absent. Machines in `hold`
   * keep the file and restart generation that they have until they are released.
   */
  | {
      readonly kind: "submit";
      readonly name: string;
      readonly hash: string;
      readonly text: string;
      readonly target: TargetState;
      readonly expected: UnitRecord | undefined;
      readonly hold?: readonly string[];
    }
  | { readonly kind: "target"; readonly name: string; readonly target: TargetState }
  /** Ask for one restart; on the machines in `hold` once they are released. Without `hold` nobody is held any longer. */
  | { readonly kind: "restart"; readonly name: string; readonly hold?: readonly string[] }
  /** Let machines take up the file and generation they were held from. */
  | { readonly kind: "release"; readonly name: string; readonly machines: readonly string[] }
  | { readonly kind: "destroy"; readonly name: string };

/**
 * One record that was written or deleted, with what stood there before and stands there now, where that can be read: after a
 * write `after` is absent only if the new record does not decode.
 */
export type ClusterChange<K extends keyof ClusterTables = keyof ClusterTables> = K extends keyof ClusterTables
  ? {
      readonly table: K;
      readonly name: string;
      readonly revision: bigint;
      readonly deleted: boolean;
      readonly before?: ClusterTables[K];
      readonly after?: ClusterTables[K];
    }
  : never;

export type ClusterHistory<K extends keyof ClusterTables = keyof ClusterTables> =
  | { readonly kind: "change"; readonly change: ClusterChange<K> }
  /** All that had happened when the history was asked for has been told; from here on changes come as they are made. */
  | { readonly kind: "live"; readonly revision: bigint }
  /** The store forgot changes before they could be told: what follows is the difference, each record's last change only. */
  | { readonly kind: "gap"; readonly revision: bigint };

/** One key of a machine's run-time metadata. An empty value hides what the machine's settings say. */
export interface MetadataEdit {
  readonly machine: string;
  readonly key: string;
  readonly value: string;
}

/** One edit of what an operator plans with machines. */
export type PlanEdit =
  /** Close a machine to new units, or change how it is closed. It must be in the cluster, or cordoned already: `machine-not-found`. */
  | { readonly kind: "cordon"; readonly machine: string; readonly cordon: Cordon }
  /** Open it again, which also ends a drain; what has not left yet stays. Nothing happens to a machine that is open. */
  | { readonly kind: "uncordon"; readonly machine: string }
  /** Ask for a move. Rejects with `unit-not-found`, `unit-not-there` (not on `from`) or `machine-not-found` (`to`). */
  | { readonly kind: "move"; readonly unit: string; readonly move: WantedMove }
  /** Give a move up: the unit stays where it still is. Nothing happens if none is wanted. */
  | { readonly kind: "cancel-move"; readonly unit: string };

export type ClusterEdit = UnitEdit | PlanEdit;

/** The operator's side of the cluster. Every call has a deadline and rejects with a retryable error on its lapse. */
export interface ClusterStore {
  /** All named tables at one revision. */
  read<K extends keyof ClusterTables>(
    tables: readonly K[],
    signal: AbortSignal,
  ): Promise<{ readonly revision: bigint; readonly tables: { readonly [P in K]: Table<ClusterTables[P]> } }>;
  /** A live mirror of the named tables, synced when this resolves. The caller closes it. */
  follow<K extends keyof ClusterTables>(
    tables: readonly K[],
    signal: AbortSignal,
  ): Promise<Mirror<Pick<ClusterTables, K>>>;
  /**
   * The changes of the named tables in order of revision: those of the last `revisionsBack` revisions of the store (0: none; `Infinity`:
   * all), as far as the store still has them, then `live`, then what happens until `signal` aborts or the consumer stops.
   * Breaks of the connection are bridged.
   */
  history<K extends keyof ClusterTables>(
    tables: readonly K[],
    revisionsBack: number,
    signal: AbortSignal,
  ): AsyncIterable<ClusterHistory<K>>;
  /**
   * Applies the edits and resolves to the store's revision after them. `target`, `restart` and `destroy` of a unit that does not
   * exist reject with code `unit-not-found`; a `submit` whose `expected` no longer holds rejects with `unit-changed`.
   * Edits of units are applied before those of plans.
   */
  edit(edits: readonly ClusterEdit[], signal: AbortSignal): Promise<bigint>;
  /** Sets run-time metadata, whether or not the machines are there, and resolves to the store's revision after it. The last edit of a key wins. */
  setMetadata(edits: readonly MetadataEdit[], signal: AbortSignal): Promise<bigint>;
  /**
   * Asks the scheduler's leader. Rejects with what it refuses the question with (`unit-not-found`), or retryably with
   * `no-leader` or `no-answer` when nobody answers within 10 s.
   */
  ask<Q extends Question>(question: Q, signal: AbortSignal): Promise<AnswerTo<Q>>;
  close(): Promise<void>;
}

/** Settings below `/deis/<target>/<key>` (target `platform`, `router`, …), as plain text. */
export interface ConfigStore {
  /** All settings of a target, sorted by key. */
  list(target: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  get(target: string, key: string, signal: AbortSignal): Promise<string | undefined>;
  set(target: string, entries: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void>;
  /** Resolves to the keys that existed. */
  remove(target: string, keys: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}

/** An endpoint as it stands in the store. */
export interface StoredEndpoint {
  /** `host:port`. */
  readonly address: string;
  /** Id of the lease it hangs on, "0" for none (written by hand). */
  readonly lease: string;
}

/** One change of the endpoints of this machine. */
export type EndpointWrite =
  /** Write the endpoint, provided that its key still is as it was at revision `over` (0: absent). */
  | {
      readonly kind: "publish";
      readonly service: string;
      readonly name: string;
      readonly address: string;
      readonly over: bigint;
    }
  /** Delete the endpoint if it hangs on the writer's lease. */
  | { readonly kind: "withdraw"; readonly service: string; readonly name: string };

/** The name of an endpoint: `/deis/services/<service>/<name>`. */
export type EndpointName = Pick<EndpointWrite, "service" | "name">;

/** Where the units of one machine answer, as the cluster is told. */
export interface EndpointStore {
  /** A live mirror of one app's endpoints, by name, and of its health settings (`url`, `timeout`, …). The caller closes both. */
  follow(service: string): FollowedService;
  /** A live mirror of the routers, by machine. The caller closes it. */
  followRouters(): Mirror<{ routers: RouterRecord }>;
  /** The endpoints that hang on this lease. */
  onLease(lease: string, signal: AbortSignal): Promise<readonly EndpointName[]>;
  /**
   * Carries out the writes on this lease, many in one transaction. One whose condition does not hold is left out in silence: the mirror
   * tells. Resolves to the revision of the last transaction. Rejects with `lease-not-found` when the lease has ended.
   */
  write(writes: readonly EndpointWrite[], lease: string, signal: AbortSignal): Promise<bigint>;
}

export interface FollowedService {
  readonly endpoints: Mirror<{ endpoints: StoredEndpoint }>;
  readonly health: Mirror<{ settings: string }>;
}

/** The agents' own API, for what only the host knows. Both reject with `no-agent-api` where there is none to ask. */
export interface HostAgents {
  /** Chunks of text as the host sends them; ends when the log does, or never with `follow`. */
  journal(
    machine: Machine,
    unit: string,
    request: JournalRequest,
    signal: AbortSignal,
  ): AsyncIterable<string>;
  /** What `systemctl status` says there. */
  status(machine: Machine, unit: string, signal: AbortSignal): Promise<string>;
}

/** A lease as a session holds it: see `etcd/lease-session.ts`. */
export interface HeldLease {
  readonly id: string;
  /** Aborts when this process may no longer believe that it holds the lease. */
  readonly lost: AbortSignal;
}

/** What a process keeps alive so that the cluster knows of it. */
export interface Session<L extends HeldLease> {
  readonly lease: L | undefined;
  held(signal: AbortSignal): Promise<L>;
  /** What hangs on the lease is gone from the store: asks about the lease now. A change is told then, though it be found to live. */
  doubt(): void;
  onChange(listener: () => void): () => void;
}
