/**
 * The operator's side of the store: what deisctl and the API read, follow and ask for.
 *
 * An edit reads the records it concerns and writes them in one transaction that compares what it read, so two operators never overwrite
 * each other unseen; whoever comes second reads again and tries again.
 */
import { PlatformError } from "../cluster/errors.ts";
import type {
  ClusterEdit,
  ClusterStore,
  ClusterTables,
  MetadataEdit,
  Mirror,
  PlanEdit,
  Table,
  UnitEdit,
} from "../cluster/ports.ts";
import { type Held, type UnitRecord, wishOn } from "../cluster/unit.ts";
import { ask } from "./ask.ts";
import { maxOperations } from "./batch-writer.ts";
import { decodeUnit, encodeText, encodeUnit } from "./codec.ts";
import { clusterHistory } from "./history.ts";
import { metadataKey, unitFileKey, unitKey } from "./keys.ts";
import { listRanges } from "./listing.ts";
import { openMirror } from "./mirror.ts";
import { applyPlanEdit } from "./plan-edits.ts";
import type { Compare, EtcdClient, KeyValue, Operation } from "./protocol.ts";
import { RecordTable } from "./record-table.ts";
import { clusterTables, pickTables } from "./tables.ts";

/** How often an edit is tried again when others edit the same units meanwhile. */
const conflictRetries = 8;

/** The store over `client`, which the store closes with itself. */
export function openClusterStore(client: EtcdClient): ClusterStore {
  return {
    read: (tables, signal) => readTables(client, tables, signal),
    follow: (tables, signal) => follow(client, tables, signal),
    history: (tables, revisionsBack, signal) => clusterHistory(client, tables, revisionsBack, signal),
    edit: async (edits, signal) => {
      const ofUnits = edits.filter((edit) => !isPlanEdit(edit));
      const ofPlans = edits.filter(isPlanEdit);
      let revision = 0n;
      if (ofPlans.length === 0 || ofUnits.length > 0) {
        for (const chunk of splitEdits(ofUnits)) revision = await editOnce(client, chunk, signal);
      }
      for (const edit of ofPlans) revision = await applyPlanEdit(client, edit, signal);
      return revision;
    },
    setMetadata: (edits, signal) => setMetadata(client, edits, signal),
    ask: (question, signal) => ask(client, question, signal),
    close: () => client.close(),
  };
}

function isPlanEdit(edit: ClusterEdit): edit is PlanEdit {
  return (
    edit.kind === "cordon" || edit.kind === "uncordon" || edit.kind === "move" || edit.kind === "cancel-move"
  );
}

async function readTables<K extends keyof ClusterTables>(
  client: EtcdClient,
  names: readonly K[],
  signal: AbortSignal,
): Promise<{ readonly revision: bigint; readonly tables: { readonly [P in K]: Table<ClusterTables[P]> } }> {
  const ranges = names.map((name) => clusterTables[name].range);
  const { header, entries } = await listRanges(client, ranges, { signal });
  const tables: { [P in K]?: RecordTable<ClusterTables[P]> } = {};
  for (const [at, name] of names.entries()) {
    const table = new RecordTable<ClusterTables[K]>(clusterTables[name]);
    table.replace(entries[at] ?? [], true);
    tables[name] = table;
  }
  return { revision: header.revision, tables: tables as { [P in K]: RecordTable<ClusterTables[P]> } };
}

/** How long a first listing may take before the store counts as unreachable. */
const followPatienceMs = 10_000;

async function follow<K extends keyof ClusterTables>(
  client: EtcdClient,
  names: readonly K[],
  signal: AbortSignal,
): Promise<Mirror<Pick<ClusterTables, K>>> {
  let last: unknown;
  const mirror = openMirror<Pick<ClusterTables, K>>(client, pickTables(names), {
    onEvent: (event) => {
      if (event.kind === "disconnected") last = event.error;
    },
  });
  const patience = new AbortController();
  const lapse = () =>
    patience.abort(
      last ??
        new PlatformError("store-unreachable", `No answer from etcd at ${client.endpoints.join(", ")}`, {
          hint: "Check that etcd runs and answers there",
          retryable: true,
        }),
    );
  const timer = setTimeout(lapse, followPatienceMs);
  const stop = () => patience.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    await mirror.reached(0n, patience.signal);
    return mirror;
  } catch (error) {
    await mirror.close();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function setMetadata(
  client: EtcdClient,
  edits: readonly MetadataEdit[],
  signal: AbortSignal,
): Promise<bigint> {
  const values = new Map(edits.map(({ machine, key, value }) => [metadataKey(machine, key), value]));
  const puts = [...values].map(([key, value]): Operation => ({ kind: "put", key, value: encodeText(value) }));
  let revision = 0n;
  for (let at = 0; at < puts.length; at += maxOperations) {
    const { header } = await client.txn(
      { compare: [], success: puts.slice(at, at + maxOperations) },
      { signal },
    );
    revision = header.revision;
  }
  return revision;
}

/** Runs of edits whose transaction stays within etcd's limit: two operations for a submit, one for any other. */
function* splitEdits(edits: readonly UnitEdit[]): Generator<readonly UnitEdit[]> {
  let chunk: UnitEdit[] = [];
  let room = maxOperations;
  for (const edit of edits) {
    const size = edit.kind === "submit" ? 2 : 1;
    if (size > room) {
      yield chunk;
      chunk = [];
      room = maxOperations;
    }
    chunk.push(edit);
    room -= size;
  }
  yield chunk;
}

/** What an attempt meant to leave behind, to recognise it when its answer was lost. */
type Outcome = ReadonlyMap<string, UnitRecord | undefined>;

async function editOnce(
  client: EtcdClient,
  edits: readonly UnitEdit[],
  signal: AbortSignal,
): Promise<bigint> {
  const names = [...new Set(edits.map((edit) => edit.name))];
  let unconfirmed: Outcome | undefined;
  for (let attempt = 0; ; attempt += 1) {
    // New units need no look first: the transaction itself tells if one of them is there.
    const now = attempt === 0 && areAllNew(edits) ? nothing : await readUnits(client, names, signal);
    if (unconfirmed && sameOutcome(unconfirmed, now.records)) return now.revision;
    for (const { name, revision } of edits) {
      if (revision !== undefined && now.entries.get(name)?.modRevision !== revision)
        throw changedMeanwhile(name);
    }
    const { outcome, texts } = applyEdits(edits, now.records);
    const operations = toOperations(outcome, texts, now.records);
    if (operations.length === 0) return now.revision;
    const compare = names.map(
      (name): Compare => ({
        key: unitKey(name),
        target: "mod",
        is: "=",
        revision: now.entries.get(name)?.modRevision ?? 0n,
      }),
    );
    const result = await client.txn({ compare, success: operations }, { signal });
    if (result.succeeded) return result.header.revision;
    if (result.retried) unconfirmed = outcome;
    if (attempt === conflictRetries) {
      throw new PlatformError("unit-changed", `Cannot edit ${quoteSome(names)}: others keep changing it`, {
        hint: "Try again",
        retryable: true,
      });
    }
  }
}

function areAllNew(edits: readonly UnitEdit[]): boolean {
  return (
    edits.length > 0 &&
    edits.every(
      (edit) => edit.kind === "submit" && edit.expected === undefined && edit.revision === undefined,
    )
  );
}

async function readUnits(client: EtcdClient, names: readonly string[], signal: AbortSignal) {
  const gets = names.map((name): Operation => ({ kind: "get", range: { key: unitKey(name) } }));
  const { header, found } = await client.txn({ compare: [], success: gets }, { signal });
  const entries = new Map<string, KeyValue>();
  for (const [at, name] of names.entries()) {
    const entry = found[at]?.[0];
    if (entry) entries.set(name, entry);
  }
  return { revision: header.revision, entries, records: lazyRecords(entries) };
}

/** Decodes when asked: a destroy must work on a record that cannot be read. */
interface UnitRecords {
  exists(name: string): boolean;
  get(name: string): UnitRecord | undefined;
}

/** What is there before the first submit of some units. */
const nothing = { revision: 0n, entries: new Map<string, KeyValue>(), records: lazyRecords(new Map()) };

function lazyRecords(entries: ReadonlyMap<string, KeyValue>): UnitRecords {
  return {
    exists: (name) => entries.has(name),
    get: (name) => {
      const entry = entries.get(name);
      return entry && decodeUnit(entry.value, entry.key);
    },
  };
}

/** The records after the edits, one after the other, and the texts they bring. Throws `unit-not-found` and `unit-changed`. */
function applyEdits(
  edits: readonly UnitEdit[],
  before: UnitRecords,
): { readonly outcome: Outcome; readonly texts: ReadonlyMap<string, string> } {
  const outcome = new Map<string, UnitRecord | undefined>();
  const texts = new Map<string, string>();
  const exists = (name: string) =>
    outcome.has(name) ? outcome.get(name) !== undefined : before.exists(name);
  const current = (name: string) => (outcome.has(name) ? outcome.get(name) : before.get(name));
  const existing = (name: string, attempted: string): UnitRecord => {
    const record = current(name);
    if (!record) throw notFound(name, attempted);
    return record;
  };
  for (const edit of edits) {
    const { name } = edit;
    switch (edit.kind) {
      case "submit": {
        const record = current(name);
        if (!sameRecord(record, edit.expected)) throw changedMeanwhile(name);
        texts.set(edit.hash, edit.text);
        outcome.set(name, {
          hash: edit.hash,
          target: edit.target,
          generation: record?.generation ?? 0,
          ...(record ? heldOn(record, edit.hold ?? []) : {}),
        });
        break;
      }
      case "target":
        outcome.set(name, { ...existing(name, "set the target state of"), target: edit.target });
        break;
      case "restart": {
        const record = existing(name, "restart");
        const { hash, target, generation } = record;
        outcome.set(name, {
          hash,
          target,
          generation: generation + 1,
          ...heldOn(record, edit.hold ?? []),
        });
        break;
      }
      case "release": {
        const { held = [], ...record } = existing(name, "release");
        const kept = held.flatMap((earlier) => {
          const machines = earlier.machines.filter((machine) => !edit.machines.includes(machine));
          return machines.length === 0 ? [] : [{ ...earlier, machines }];
        });
        outcome.set(name, kept.length === 0 ? record : { ...record, held: kept });
        break;
      }
      case "destroy":
        if (!exists(name)) throw notFound(name, "destroy");
        outcome.set(name, undefined);
        break;
    }
  }
  return { outcome, texts };
}

/** What machines keep: the file and generation each has now, those that have the same together. */
function heldOn(record: UnitRecord, machines: readonly string[]): Pick<UnitRecord, "held"> {
  const held = new Map<string, Held>();
  for (const machine of [...new Set(machines)].sort()) {
    const { hash, generation } = wishOn(record, machine);
    const key = `${hash}/${generation}`;
    held.set(key, { hash, generation, machines: [...(held.get(key)?.machines ?? []), machine] });
  }
  return held.size === 0 ? {} : { held: [...held.values()] };
}

function toOperations(
  outcome: Outcome,
  texts: ReadonlyMap<string, string>,
  before: UnitRecords,
): Operation[] {
  const operations: Operation[] = [];
  // Written even if it is there: the write tells a leader that is about to collect the text that it is wanted again.
  for (const [hash, text] of texts) {
    operations.push({ kind: "put", key: unitFileKey(hash), value: encodeText(text) });
  }
  for (const [name, record] of outcome) {
    const key = unitKey(name);
    if (!record) {
      if (before.exists(name)) operations.push({ kind: "delete", range: { key } });
    } else if (!before.exists(name) || !sameRecord(before.get(name), record)) {
      operations.push({ kind: "put", key, value: encodeUnit(record) });
    }
  }
  return operations;
}

function sameOutcome(outcome: Outcome, records: UnitRecords): boolean {
  return [...outcome].every(([name, record]) =>
    record ? records.exists(name) && sameRecord(records.get(name), record) : !records.exists(name),
  );
}

function sameRecord(one: UnitRecord | undefined, other: UnitRecord | undefined): boolean {
  if (!one || !other) return one === other;
  return (
    one.hash === other.hash &&
    one.target === other.target &&
    one.generation === other.generation &&
    JSON.stringify(one.held) === JSON.stringify(other.held)
  );
}

function notFound(name: string, attempted: string): PlatformError {
  return new PlatformError("unit-not-found", `Cannot ${attempted} "${name}": there is no such unit`, {
    hint: "See `deisctl list-units` and `deisctl list-unit-files`",
  });
}

function changedMeanwhile(name: string): PlatformError {
  return new PlatformError("unit-changed", `Cannot edit "${name}": someone else changed it meanwhile`, {
    hint: "Look at it with `deisctl cat` and try again",
  });
}

function quoteSome(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  return names.length > 3 ? `${shown.join(", ")} and ${names.length - 3} more` : shown.join(", ");
}
