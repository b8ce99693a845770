/** A cordoned machine gets no new unit. What is there, or on its way there, stays. */
import { copyOn, type MachineNode, type UnitNode } from "../nodes.ts";
import type { Filter } from "./filter.ts";

export const cordon: Filter = {
  name: "cordon",
  rejects(unit, machine) {
    if (!machine.cordon || isThere(unit, machine)) return undefined;
    return machine.cordon.reason ?? "";
  },
  words: (about, count) => `${count === 1 ? "is" : "are"} cordoned${about === "" ? "" : ` (${about})`}`,
};

function isThere(unit: UnitNode, machine: MachineNode): boolean {
  return unit.arrival?.machine === machine || copyOn(unit, machine) !== undefined;
}
