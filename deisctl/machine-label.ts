/** How a machine is written in tables and messages: `f1ee0001.../10.0.0.1`. Pure. */
import type { Machine } from "../cluster/machine.ts";

export interface MachineLookup {
  get(id: string): Machine | undefined;
}

/** The first eight digits with dots after them, or the whole id. */
export function shortMachineId(id: string, full = false): string {
  return full || id.length <= 8 ? id : `${id.slice(0, 8)}...`;
}

/** `<id>/<address>`; only the id for a machine that is not there any more. */
export function machineLabel(id: string, machines: MachineLookup, full = false): string {
  const address = machines.get(id)?.address;
  const label = shortMachineId(id, full);
  return address === undefined || address === "" ? label : `${label}/${address}`;
}
