/** What the scheduler writes, in few transactions, each fenced: once another leader has taken over none of them passes. */
import { PlatformError } from "../cluster/errors.ts";
import type { SchedulerWrite, SchedulerWriter } from "../cluster/ports.ts";
import { type BatchWrite, BatchWriter } from "./batch-writer.ts";
import { encodeApp, encodePlacement, encodeUnplaced } from "./codec.ts";
import { type Fence, fenceCompare } from "./election.ts";
import {
  answerKey,
  appKey,
  failuresKey,
  moveKey,
  outcomesOf,
  placementKey,
  questionKey,
  runKey,
  statesOf,
  unitFileKey,
  unplacedKey,
} from "./keys.ts";
import { type EtcdClient, prefixRange } from "./protocol.ts";
import { encodeAnswer } from "./question-codec.ts";
import { encodeRun, encodeTried } from "./run-codec.ts";

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
  return { write: (writes, signal) => batches.write(writes.flatMap(toBatchWrites), signal) };
}

function toBatchWrites(write: SchedulerWrite): readonly BatchWrite[] {
  if (write.kind !== "sweep-states") return [toBatchWrite(write)];
  return [statesOf(write.machine), outcomesOf(write.machine)].map((key) => ({
    lane: key,
    key,
    operation: { kind: "delete", range: prefixRange(key) },
  }));
}

function toBatchWrite(write: Exclude<SchedulerWrite, { kind: "sweep-states" }>): BatchWrite {
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
    case "record-run": {
      const key = runKey(write.unit);
      return { lane: write.unit, key, operation: { kind: "put", key, value: encodeRun(write.run) } };
    }
    case "forget-run": {
      const key = runKey(write.unit);
      return { lane: write.unit, key, operation: { kind: "delete", range: { key } } };
    }
    case "record-failures": {
      const key = failuresKey(write.unit);
      return { lane: write.unit, key, operation: { kind: "put", key, value: encodeTried(write.tried) } };
    }
    case "forget-failures": {
      const key = failuresKey(write.unit);
      return { lane: write.unit, key, operation: { kind: "delete", range: { key } } };
    }
    // Whoever submits the text again writes it again, and then it stays.
    case "collect-file":
      return dropUnchanged(unitFileKey(write.hash), write.revision);
    case "end-move":
      return dropUnchanged(moveKey(write.unit), write.revision);
    case "announce-app": {
      const key = appKey(write.app);
      return { lane: key, key, operation: { kind: "put", key, value: encodeApp() } };
    }
    case "retire-app": {
      const key = appKey(write.app);
      return { lane: key, key, operation: { kind: "delete", range: { key } } };
    }
    case "answer": {
      const key = answerKey(write.id);
      // A put under a lease that has ended would fail, and with it the transaction; the question's key tells if it lives.
      const asked = { key: questionKey(write.id), target: "lease", lease: write.lease } as const;
      const put = { kind: "put", key, value: encodeAnswer(write.answer), lease: write.lease } as const;
      return { lane: key, key, operation: { kind: "when", compare: [asked], success: [put] } };
    }
  }
}

/** Deletes the key unless it was written after `revision`. */
function dropUnchanged(key: string, revision: bigint): BatchWrite {
  const unchanged = { key, target: "mod", is: "<", revision: revision + 1n } as const;
  const drop = { kind: "delete", range: { key } } as const;
  return { lane: key, key, operation: { kind: "when", compare: [unchanged], success: [drop] } };
}
