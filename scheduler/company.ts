/** Units that `MachineOf=` binds together, directly or through others: they are placed together and move together. Pure. */
import { isActive } from "../cluster/run.ts";
import type { ClusterModel } from "./model.ts";
import { byName, type UnitNode } from "./nodes.ts";

/** True if `MachineOf=` binds the unit to any other. */
export function hasCompany(unit: UnitNode, model: ClusterModel): boolean {
  return (unit.demand?.requirements.machineOf.length ?? 0) > 0 || model.dependentsOf(unit).size > 0;
}

/** The unit and all that are bound to it, each behind those it asks for (a circle begins with its first name). */
export function companyOf(unit: UnitNode, model: ClusterModel): UnitNode[] {
  const found = new Set<UnitNode>([unit]);
  for (const member of found) {
    for (const peer of model.peersOf(member)) if (isMember(peer)) found.add(peer);
    for (const dependent of model.dependentsOf(member)) if (isMember(dependent)) found.add(dependent);
  }
  return leadersFirst([...found].sort(byName), model);
}

function isMember(unit: UnitNode): boolean {
  if (unit.demand === undefined || unit.demand.requirements.global || unit.troubles) return false;
  // A unit between its runs is to be placed with nobody: that would run it.
  const isToRun = unit.demand.toEnd && unit.wish?.target === "launched";
  return !isToRun || (unit.course?.run !== undefined && isActive(unit.course.run));
}

function leadersFirst(members: readonly UnitNode[], model: ClusterModel): UnitNode[] {
  const inside = new Set(members);
  const ordered = new Set<UnitNode>();
  const visiting = new Set<UnitNode>();
  const visit = (member: UnitNode): void => {
    if (ordered.has(member) || visiting.has(member)) return;
    visiting.add(member);
    for (const peer of [...model.peersOf(member)].sort(byName)) if (inside.has(peer)) visit(peer);
    ordered.add(member);
  };
  for (const member of members) visit(member);
  return [...ordered];
}
