/**
 * `Replaces=`: a unit must leave the machine that one which replaces it has taken. The replacing unit itself is rejected
 * nowhere. Of two units that replace each other only one is placed at a time, anywhere: the one that is there, or the first by name.
 * Instances of one template whose glob matches them all are no such two: they leave each other alone.
 */
import { byName, type MachineNode, type UnitNode } from "../nodes.ts";
import type { Filter } from "./filter.ts";

export const replaces: Filter = {
  name: "replaces",
  rejects(unit, machine) {
    const rival = rivalOf(unit);
    if (rival) return rival.name;
    for (const pattern of unit.matchedBy) {
      if (!pattern.replacedOn.has(machine)) continue;
      // Only a unit that replaces others can be in a circle, and then it matters who is there.
      if (unit.demand?.replaces.length === 0) return replaced;
      if (successorsOn(unit, machine).length > 0) return replaced;
    }
    return undefined;
  },
  words(about, count, unit, machine) {
    if (about !== replaced) return `cannot take it while "${about}" is placed: the two replace each other`;
    const successor = successorsOn(unit, machine).toSorted(byName)[0]?.name ?? "";
    return count === 1
      ? `runs "${successor}" which replaces it`
      : `run units such as "${successor}" which replace it`;
  },
};

/** What a rejection by a successor is about; any other is about a rival of that name. */
const replaced = "";

/** The units there that must go if `unit` comes. */
export function replacedBy(unit: UnitNode, machine: MachineNode): UnitNode[] {
  if (!unit.demand?.replaces.some((pattern) => pattern.runsOn.has(machine))) return [];
  return machine.copies.map((copy) => copy.unit).filter((other) => other !== unit && succeeds(unit, other));
}

/** A unit that is placed and replaces this one as this one replaces it; the first by name. */
function rivalOf(unit: UnitNode): UnitNode | undefined {
  if (!unit.demand || unit.demand.replaces.length === 0) return undefined;
  const rivals = new Set<UnitNode>();
  for (const pattern of unit.demand.replaces) {
    for (const host of pattern.runsOn.counts().keys()) {
      if (host.presence === "away") continue;
      for (const { unit: other } of host.copies) {
        if (other !== unit && areRivals(unit, other)) rivals.add(other);
      }
    }
  }
  return [...rivals].sort(byName)[0];
}

function areRivals(unit: UnitNode, other: UnitNode): boolean {
  const isSibling = unit.template !== undefined && unit.template === other.template;
  return !isSibling && names(unit, other) && names(other, unit);
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
