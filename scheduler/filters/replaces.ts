/**
 * `Replaces=`: a unit must leave the machine that one which replaces it has taken. The replacing unit itself is rejected
 * nowhere. Two units that replace each other leave each other alone.
 */
import { byName, type MachineNode, type UnitNode } from "../nodes.ts";
import type { Filter } from "./filter.ts";

export const replaces: Filter = {
  name: "replaces",
  rejects(unit, machine) {
    for (const pattern of unit.matchedBy) {
      if (!pattern.replacedOn.has(machine)) continue;
      // Only a unit that replaces others can be in a circle, and then it matters who is there.
      if (unit.demand?.replaces.length === 0) return "replaced";
      if (successorsOn(unit, machine).length > 0) return "replaced";
    }
    return undefined;
  },
  words(_about, count, unit, machine) {
    const successor = successorsOn(unit, machine).toSorted(byName)[0]?.name ?? "";
    return count === 1
      ? `runs "${successor}" which replaces it`
      : `run units such as "${successor}" which replace it`;
  },
};

/** The units there that must go if `unit` comes. */
export function replacedBy(unit: UnitNode, machine: MachineNode): UnitNode[] {
  if (!unit.demand?.replaces.some((pattern) => pattern.runsOn.has(machine))) return [];
  return machine.copies.map((copy) => copy.unit).filter((other) => other !== unit && succeeds(unit, other));
}

function successorsOn(unit: UnitNode, machine: MachineNode): UnitNode[] {
  return machine.copies.map((copy) => copy.unit).filter((other) => other !== unit && succeeds(other, unit));
}

/** True if `unit` replaces `other` and is not replaced by it in turn. */
function succeeds(unit: UnitNode, other: UnitNode): boolean {
  return names(unit, other) && !names(other, unit);
}

function names(unit: UnitNode, other: UnitNode): boolean {
  return unit.demand?.replaces.some((pattern) => other.matchedBy.includes(pattern)) ?? false;
}
