/** What the scheduler writes, in few transactions, each fenced: once another leader has taken over none of them passes. */
import { PlatformError } from "../cluster/errors.ts";
import type { SchedulerWrite, SchedulerWriter } from "../cluster/ports.ts";
import { type BatchWrite, BatchWriter } from "./batch-writer.ts";
import { encodePlacement, encodeUnplaced } from "./codec.ts";
import { type Fence, fenceCompare } from "./election.ts";
import { placementKey, statesOf, unitFileKey, unplacedKey } from "./keys.ts";
import { type EtcdClient, prefixRange } from "./protocol.ts";

export function openSchedulerWriter(client: EtcdClient, fence: Fence): SchedulerWriter {
  const batches = new BatchWriter({
    commit: async (operations) => {
      const { succeeded } = await client.txn({ compare: [fenceCompare(fence)], success: operations }, {});
      if (!succeeded) {
        throw new PlatformError("leadership-lost", "Cannot write placements: another scheduler leads", {
          hint: "Nothing to do: the new leader decides from the same state",
        });
      }
    },
  });
  return { write: (writes, signal) => batches.write(writes.map(toBatchWrite), signal) };
}

function toBatchWrite(write: SchedulerWrite): BatchWrite {
  switch (write.kind) {
    case "place": {
      const { machine, unit } = write.placement;
      const key = placementKey(machine, unit);
      return { lane: unit, key, operation: { kind: "put", key, value: encodePlacement(write.placement) } };
    }
    case "withdraw": {
      const key = placementKey(write.machine, write.unit);
      return { lane: write.unit, key, operation: { kind: "delete", range: { key } } };
    }
    case "park": {
      const key = unplacedKey(write.unit);
      return {
        lane: write.unit,
        key,
        operation: { kind: "put", key, value: encodeUnplaced(write.unplaced) },
      };
    }
    case "unpark": {
      const key = unplacedKey(write.unit);
      return { lane: write.unit, key, operation: { kind: "delete", range: { key } } };
    }
    case "sweep-states": {
      const key = statesOf(write.machine);
      return { lane: key, key, operation: { kind: "delete", range: prefixRange(key) } };
    }
    case "collect-file": {
      const key = unitFileKey(write.hash);
      // Whoever submits the text again writes it again, and then it stays.
      const unchanged = { key, target: "mod", is: "<", revision: write.revision + 1n } as const;
      const drop = { kind: "delete", range: { key } } as const;
      return { lane: key, key, operation: { kind: "when", compare: [unchanged], success: [drop] } };
    }
  }
}
