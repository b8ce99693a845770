/** Settings as plain text below `/deis/<target>/`, where Deis v1's components and users look for them. */
import type { ConfigStore } from "../cluster/ports.ts";
import { maxOperations } from "./batch-writer.ts";
import { decodeText, encodeText } from "./codec.ts";
import { settingKey, settingsPrefix } from "./keys.ts";
import { listRanges } from "./listing.ts";
import { type EtcdClient, type Operation, prefixRange } from "./protocol.ts";

export function openConfigStore(client: EtcdClient): ConfigStore {
  return {
    async list(target, signal) {
      const prefix = settingsPrefix(target);
      const { entries } = await listRanges(client, [prefixRange(prefix)], { signal });
      return new Map(
        (entries[0] ?? []).map(({ key, value }) => [key.slice(prefix.length), decodeText(value, key)]),
      );
    },

    async get(target, key, signal) {
      const { entries } = await client.range({ key: settingKey(target, key) }, { signal });
      return entries[0] && decodeText(entries[0].value, entries[0].key);
    },

    async set(target, settings, signal) {
      const puts = [...settings].map(
        ([key, value]): Operation => ({
          kind: "put",
          key: settingKey(target, key),
          value: encodeText(value),
        }),
      );
      for (const success of chunks(puts)) await client.txn({ compare: [], success }, { signal });
    },

    async remove(target, keys, signal) {
      const removed: string[] = [];
      for (const some of chunks([...new Set(keys)])) {
        const ranges = some.map((key) => ({ key: settingKey(target, key) }));
        const gets = ranges.map((range): Operation => ({ kind: "get", range }));
        const { found } = await client.txn({ compare: [], success: gets }, { signal });
        const existing = some.filter((_key, at) => (found[at]?.length ?? 0) > 0);
        const deletes = existing.map(
          (key): Operation => ({ kind: "delete", range: { key: settingKey(target, key) } }),
        );
        if (deletes.length > 0) await client.txn({ compare: [], success: deletes }, { signal });
        removed.push(...existing);
      }
      return removed;
    },
  };
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += maxOperations) yield items.slice(at, at + maxOperations);
}
