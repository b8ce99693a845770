/** `Conflicts=`: two units never share a machine if either names the other. A unit never conflicts with itself. */
import { byName, type MachineNode, type UnitNode } from "../nodes.ts";
import type { Filter } from "./filter.ts";

export const conflicts: Filter = {
  name: "conflicts",
  rejects(unit, machine) {
    for (const pattern of unit.demand?.conflicts ?? []) if (pattern.runsOn.has(machine)) return "its own";
    for (const pattern of unit.matchedBy) if (pattern.refusedOn.has(machine)) return "theirs";
    return undefined;
  },
  words(about, count, unit, machine) {
    const example = rivalOn(unit, machine);
    const whose = about === "its own" ? "which it conflicts with" : "which conflicts with it";
    if (count === 1) return `runs "${example}" ${whose}`;
    return `run units such as "${example}" ${whose}`;
  },
};

/** The first unit there, by name, that cannot share the machine with this one. */
function rivalOn(unit: UnitNode, machine: MachineNode): string {
  const rivals = machine.copies
    .map((copy) => copy.unit)
    .filter((other) => other !== unit && (refuses(unit, other) || refuses(other, unit)));
  return rivals.toSorted(byName)[0]?.name ?? "";
}

function refuses(unit: UnitNode, other: UnitNode): boolean {
  return unit.demand?.conflicts.some((pattern) => other.matchedBy.includes(pattern)) ?? false;
}
