/**
 * Which of the machines that fit a unit gets it: the one with the fewest instances of its template, then the one whose
 * zones (the metadata keys of `spread_by`, in their order) hold the fewest, then the least loaded, then the one with the
 * lowest id. Machines are looked at in the order of load, only until no better one can follow. Pure.
 */

import type { Cell } from "./cell.ts";
import type { MachineNode, UnitNode } from "./nodes.ts";
import type { Template } from "./templates.ts";

interface Candidate {
  readonly machine: MachineNode;
  readonly cell: Cell;
  /** Instances of the template there. */
  readonly siblings: number;
  readonly load: number;
}

/** The best machine of the unit's pool that `admits` says yes to. */
export function choose(unit: UnitNode, admits: (machine: MachineNode) => boolean): MachineNode | undefined {
  const { demand, template } = unit;
  if (!demand) return undefined;
  let best: Candidate | undefined;
  for (const cell of demand.pool.cells.values()) {
    const found = firstOf(cell, template, admits, best);
    if (found && (!best || isBetter(found, best, template))) best = found;
  }
  return best?.machine;
}

/** Compares machines by hand, for the few cases that do not come from a pool. Negative if `a` is better. */
export function compareLoad(unit: UnitNode, a: MachineNode, b: MachineNode): number {
  const siblings = (unit.template?.on.of(a) ?? 0) - (unit.template?.on.of(b) ?? 0);
  if (siblings !== 0) return siblings;
  const pool = unit.demand?.pool;
  const load = pool ? pool.loadOf(a) - pool.loadOf(b) : 0;
  return load !== 0 ? load : a.rank - b.rank;
}

function firstOf(
  cell: Cell,
  template: Template | undefined,
  admits: (machine: MachineNode) => boolean,
  best: Candidate | undefined,
): Candidate | undefined {
  // No machine of the cell can have fewer siblings than this: one that has no more ends the walk.
  const fewest = template ? template.leastOn(cell) : 0;
  if (best && template && compareSpread(fewest, cell, best, template) > 0) return undefined;
  let found: Candidate | undefined;
  cell.walk((machine) => {
    const siblings = template?.on.of(machine) ?? 0;
    if (found && siblings >= found.siblings) return false;
    if (!admits(machine)) return false;
    found = { machine, cell, siblings, load: cell.pool.loadOf(machine) };
    return siblings === fewest;
  });
  return found;
}

function isBetter(a: Candidate, b: Candidate, template: Template | undefined): boolean {
  const spread = template ? compareSpread(a.siblings, a.cell, b, template) : 0;
  if (spread !== 0) return spread < 0;
  if (a.load !== b.load) return a.load < b.load;
  return a.machine.rank < b.machine.rank;
}

function compareSpread(siblings: number, cell: Cell, other: Candidate, template: Template): number {
  if (siblings !== other.siblings) return siblings - other.siblings;
  for (const [position, value] of cell.zone.entries()) {
    const difference =
      template.inZone(position, value) - template.inZone(position, other.cell.zone[position] ?? "");
    if (difference !== 0) return difference;
  }
  return 0;
}
