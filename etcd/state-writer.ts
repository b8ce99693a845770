/** What one agent reports of its units, batched; of several reports of a unit that wait, only the last is written. */
import type { StateWriter } from "../cluster/ports.ts";
import { BatchWriter } from "./batch-writer.ts";
import { encodeState } from "./codec.ts";
import { stateKey } from "./keys.ts";
import type { EtcdClient } from "./protocol.ts";

export function openStateWriter(client: EtcdClient, machine: string): StateWriter {
  const batches = new BatchWriter({
    commit: async (operations) => {
      await client.txn({ compare: [], success: operations }, {});
    },
    lastWins: true,
  });
  return {
    write: (writes, signal) =>
      batches.write(
        writes.map((write) => {
          const key = stateKey(machine, write.unit);
          return write.kind === "report"
            ? { lane: key, key, operation: { kind: "put", key, value: encodeState(write.state) } }
            : { lane: key, key, operation: { kind: "delete", range: { key } } };
        }),
        signal,
      ),
  };
}
