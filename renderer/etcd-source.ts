/**
 * Keys from etcd: one listing or one mirror for all resources. The only file of this room that knows etcd.
 *
 * A selected key `K` is read as the range from `K` to `K0`, the byte behind `K/`: that is `K`, all below it, and a few siblings such as
 * `K-old`, which are left out afterwards.
 */
import type { EtcdSettings } from "../cluster/settings.ts";
import { openEtcd } from "../etcd/client.ts";
import { listRanges } from "../etcd/listing.ts";
import { type MirrorEvent, openMirror } from "../etcd/mirror.ts";
import type { EtcdClient, KeyRange } from "../etcd/protocol.ts";
import type { TableSpec } from "../etcd/tables.ts";
import { bytesOf, textOf } from "./gotmpl/index.ts";
import { fixedKeys, type KeySource, type LiveKeys, type SourceEvent } from "./source.ts";

/** Milliseconds until one reading is given up, as in confd. */
const readTimeoutMs = 3_000;

/** Connects lazily. Rejects with `certificate-unreadable`. */
export async function openEtcdSource(settings: EtcdSettings): Promise<KeySource> {
  return etcdSource(await openEtcd(settings));
}

/** The same over a connection that is there already; closing the source closes it. */
export function etcdSource(client: EtcdClient): KeySource {
  return {
    read: (keys, signal) => readOnce(client, keys, signal),
    follow: (keys, tell) => follow(client, keys, tell),
    close: () => client.close(),
  };
}

async function readOnce(client: EtcdClient, keys: readonly string[], signal: AbortSignal): Promise<LiveKeys> {
  const values = new Map<string, string>();
  if (keys.length === 0) return fixedKeys(values);
  const listing = await listRanges(client, rangesOf(keys), { signal, timeoutMs: readTimeoutMs });
  for (const entries of listing.entries) {
    for (const { key, value } of entries) values.set(bytesOf(key), value.toString("latin1"));
  }
  return fixedKeys(values, listing.header.revision);
}

function follow(client: EtcdClient, keys: readonly string[], tell: (event: SourceEvent) => void): LiveKeys {
  const specs: Record<string, TableSpec<string>> = {};
  for (const range of rangesOf(keys)) {
    specs[range.key] = { range, prefix: "", decode: (value) => value.toString("latin1") };
  }
  if (keys.length === 0) return fixedKeys(new Map());
  const mirror = openMirror<Record<string, string>>(client, specs, {
    onEvent: (event) => retell(event, tell),
  });
  const tables = Object.values(mirror.tables);
  return {
    get synced() {
      return mirror.synced;
    },
    get revision() {
      return mirror.revision;
    },
    get: (key) => {
      const name = textOf(key);
      for (const table of tables) {
        const value = table.get(name);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    *keys() {
      for (const table of tables) for (const [name] of table.entries()) yield bytesOf(name);
    },
    takeChanges: () => Object.values(mirror.takeChanges()).flatMap((names) => [...names].map(bytesOf)),
    onChange: (bell) => mirror.onChange(bell),
    close: () => mirror.close(),
  };
}

/** One range a key, none within another. */
function rangesOf(keys: readonly string[]): KeyRange[] {
  const ranges = keys.map((key) => {
    const text = textOf(key);
    return { key: text, end: text.endsWith("/") ? `${text.slice(0, -1)}0` : `${text}0` };
  });
  const sorted = ranges.sort((one, other) => (one.key < other.key ? -1 : 1));
  const disjoint: { key: string; end: string }[] = [];
  for (const range of sorted) {
    const last = disjoint.at(-1);
    if (last === undefined || range.key >= last.end) disjoint.push({ ...range });
    else if (range.end > last.end) last.end = range.end;
  }
  return disjoint;
}

function retell(event: MirrorEvent, tell: (event: SourceEvent) => void): void {
  switch (event.kind) {
    case "listed":
      tell({ kind: "source-read", revision: event.revision, keys: event.records, why: event.why });
      break;
    case "disconnected":
      tell({ kind: "source-lost", error: event.error, retryInMs: event.retryInMs });
      break;
    case "resumed":
      tell({ kind: "source-back", revision: event.revision });
      break;
    case "unreadable":
      // Text always decodes.
      break;
  }
}
