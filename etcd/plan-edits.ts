/**
 * Cordons and wanted moves as an operator edits them. An edit that can make no sense is refused; what ceases to make sense a moment
 * later is the scheduler's to notice.
 */
import { PlatformError } from "../cluster/errors.ts";
import type { PlanEdit } from "../cluster/ports.ts";
import type { WantedMove } from "../cluster/wanted-move.ts";
import { encodeCordon, encodeWantedMove } from "./codec.ts";
import { cordonKey, machineKey, moveKey, placementKey, unitKey } from "./keys.ts";
import type { EtcdClient, Operation } from "./protocol.ts";

/** Applies the edit and resolves to the store's revision after it. Rejects as `PlanEdit` says. */
export async function applyPlanEdit(
  client: EtcdClient,
  edit: PlanEdit,
  signal: AbortSignal,
): Promise<bigint> {
  switch (edit.kind) {
    case "cordon": {
      const key = cordonKey(edit.machine);
      // A host that is away may be cordoned already, and its cordon changed; one that never was is a slip of the pen.
      const [machine, cordon] = await exist(client, [machineKey(edit.machine), key], signal);
      if (!machine && !cordon) throw noMachine(`cordon "${edit.machine}"`);
      return write(client, { kind: "put", key, value: encodeCordon(edit.cordon) }, signal);
    }
    case "uncordon":
      return write(client, { kind: "delete", range: { key: cordonKey(edit.machine) } }, signal);
    case "move":
      await checkMove(client, edit.unit, edit.move, signal);
      return write(
        client,
        { kind: "put", key: moveKey(edit.unit), value: encodeWantedMove(edit.move) },
        signal,
      );
    case "cancel-move":
      return write(client, { kind: "delete", range: { key: moveKey(edit.unit) } }, signal);
  }
}

async function checkMove(
  client: EtcdClient,
  unit: string,
  { from, to }: WantedMove,
  signal: AbortSignal,
): Promise<void> {
  const keys = [unitKey(unit), placementKey(from, unit), ...(to === undefined ? [] : [machineKey(to)])];
  const [known, placed, target = true] = await exist(client, keys, signal);
  if (!known) {
    throw new PlatformError("unit-not-found", `Cannot move "${unit}": there is no such unit`, {
      hint: "See `deisctl list-units` and `deisctl list-unit-files`",
    });
  }
  if (!placed) {
    throw new PlatformError("unit-not-there", `Cannot move "${unit}" from "${from}": it is not there`, {
      hint: "See where it is with `deisctl list-units --full`",
    });
  }
  if (!target) throw noMachine(`move "${unit}" to "${to}"`);
}

async function exist(client: EtcdClient, keys: readonly string[], signal: AbortSignal): Promise<boolean[]> {
  const success = keys.map((key): Operation => ({ kind: "get", range: { key } }));
  const { found } = await client.txn({ compare: [], success }, { signal });
  return keys.map((_, at) => (found[at] ?? []).length > 0);
}

async function write(client: EtcdClient, operation: Operation, signal: AbortSignal): Promise<bigint> {
  const { header } = await client.txn({ compare: [], success: [operation] }, { signal });
  return header.revision;
}

function noMachine(attempted: string): PlatformError {
  return new PlatformError("machine-not-found", `Cannot ${attempted}: no such machine is in the cluster`, {
    hint: "Take the full id from `deisctl list-machines --full`",
  });
}
