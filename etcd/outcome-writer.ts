/** What one agent tells of runs and failures. A claim is a transaction of its own, because it depends on the placement. */
import { PlatformError } from "../cluster/errors.ts";
import type { OutcomeWriter } from "../cluster/ports.ts";
import { BatchWriter } from "./batch-writer.ts";
import { decodePlacement } from "./codec.ts";
import { machineKey, outcomeKey, placementKey } from "./keys.ts";
import type { EtcdClient, Operation } from "./protocol.ts";
import { encodeOutcome } from "./run-codec.ts";

export function openOutcomeWriter(client: EtcdClient, machine: string): OutcomeWriter {
  const batches = new BatchWriter({
    commit: async (operations) => {
      await client.txn({ compare: [], success: operations }, {});
    },
    lastWins: true,
  });
  return {
    claim: async (unit, claim, signal) => {
      const keys = [placementKey(machine, unit), machineKey(machine)];
      const gets = keys.map((key): Operation => ({ kind: "get", range: { key } }));
      const { found } = await client.txn({ compare: [], success: gets }, { signal });
      const [placed, here] = [found[0]?.[0], found[1]?.[0]];
      if (!placed || !here || decodePlacement(placed.value, placed.key).run !== claim.run)
        throw notOurs(unit, claim.run);
      const key = outcomeKey(machine, unit);
      const { succeeded } = await client.txn(
        {
          // The scheduler gives the runs of a machine away once its record is gone, and by then it has seen every claim.
          compare: [
            { key: placed.key, target: "mod", is: "=", revision: placed.modRevision },
            { key: here.key, target: "create", is: "=", revision: here.createRevision },
          ],
          success: [{ kind: "put", key, value: encodeOutcome({ claim }) }],
        },
        { signal },
      );
      if (!succeeded) throw notOurs(unit, claim.run);
    },
    write: (writes, signal) =>
      batches.write(
        writes.map((write) => {
          const key = outcomeKey(machine, write.unit);
          return write.kind === "tell"
            ? { lane: key, key, operation: { kind: "put", key, value: encodeOutcome(write.outcome) } }
            : { lane: key, key, operation: { kind: "delete", range: { key } } };
        }),
        signal,
      ),
  };
}

function notOurs(unit: string, run: string): PlatformError {
  return new PlatformError(
    "run-not-ours",
    `Cannot begin the run of ${run} of "${unit}": it is not placed here`,
    {
      hint: "Nothing to do: the scheduler has decided otherwise meanwhile",
      retryable: true,
    },
  );
}
