/**
 * What a copy takes up on its machine: room, a place among the instances of its template, and a say in what else may come.
 * A copy counts from the time it is placed until it is withdrawn, except while its unit is idle between two runs. Pure.
 */
import { maxLoad } from "./cell.ts";
import type { Copy, MachineNode } from "./nodes.ts";

/** To be called when the copy has come; what its unit asks for must be the same until `uncount`. */
export function count({ unit, machine }: Copy): void {
  const { demand } = unit;
  if (unit.course?.idle) return;
  for (const pattern of unit.matchedBy) pattern.runsOn.up(machine);
  unit.template?.arrive(machine);
  if (!demand) return;
  if (demand.requirements.maxPerMachine !== undefined) {
    unit.template?.limit(machine, demand.requirements.maxPerMachine);
  }
  for (const pattern of demand.conflicts) pattern.refusedOn.up(machine);
  for (const pattern of demand.prefersNot) pattern.dislikedOn.up(machine);
  for (const pattern of demand.replaces) pattern.replacedOn.up(machine);
  machine.memoryBytes += demand.resources.memoryBytes;
  machine.cpuMillis += demand.resources.cpuMillis;
  weigh(machine);
}

/** To be called before the copy goes, or what its unit asks for changes. */
export function uncount({ unit, machine }: Copy): void {
  const { demand } = unit;
  if (unit.course?.idle) return;
  for (const pattern of unit.matchedBy) pattern.runsOn.down(machine);
  unit.template?.leave(machine);
  if (!demand) return;
  if (demand.requirements.maxPerMachine !== undefined) {
    unit.template?.unlimit(machine, demand.requirements.maxPerMachine);
  }
  for (const pattern of demand.conflicts) pattern.refusedOn.down(machine);
  for (const pattern of demand.prefersNot) pattern.dislikedOn.down(machine);
  for (const pattern of demand.replaces) pattern.replacedOn.down(machine);
  machine.memoryBytes -= demand.resources.memoryBytes;
  machine.cpuMillis -= demand.resources.cpuMillis;
  weigh(machine);
}

/** Computes the machine's load anew: to be called when what is reserved there, or its capacity, has changed. */
export function weigh(machine: MachineNode): void {
  const capacity = machine.machine?.capacity;
  const memory = capacity && capacity.memoryBytes > 0 ? machine.memoryBytes / capacity.memoryBytes : 0;
  const cpu = capacity && capacity.cpuMillis > 0 ? machine.cpuMillis / capacity.cpuMillis : 0;
  machine.share = Math.max(memory, cpu);
  machine.load = Math.min(maxLoad, Math.round(machine.share * maxLoad));
}

/** Puts a machine whose load may have become less back into its place in the ranking. */
export function lighten(machine: MachineNode): void {
  for (const membership of machine.memberships) membership.cell.lighten(membership);
}

/** What templates remember of the machine's cells is out of date. */
export function forgetSurveys(machine: MachineNode): void {
  for (const { cell } of machine.memberships) {
    for (const { unit } of machine.copies) unit.template?.forget(cell);
  }
}
