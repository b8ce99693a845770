/**
 * Which of the machines that fit a unit gets it: the one with the fewest units that `PrefersNot=` would rather avoid, then the
 * one whose values of the `SpreadBy=` keys hold the fewest instances of its template, then the one that itself holds the
 * fewest, then the one whose zones (the metadata keys of `spread_by`, in their order) do, then the least loaded, then the one with
 * the lowest id. Machines are looked at in the order of load, only until no better one can follow. Pure.
 */
import type { Cell } from "./cell.ts";
import type { MachineNode, UnitNode } from "./nodes.ts";
import { zoneOf } from "./pools.ts";
import type { Template } from "./templates.ts";

interface Candidate {
  readonly machine: MachineNode;
  readonly cell: Cell;
  /** Units there that `PrefersNot=` would avoid. */
  readonly disliked: number;
  /** Instances of the template there. */
  readonly siblings: number;
  readonly load: number;
}

/** The best machine of the unit's pool that `admits` says yes to. */
export function choose(unit: UnitNode, admits: (machine: MachineNode) => boolean): MachineNode | undefined {
  const { demand, template } = unit;
  if (!demand) return undefined;
  const wary = isWary(unit);
  let best: Candidate | undefined;
  for (const cell of demand.pool.cells.values()) {
    const found = firstOf(cell, unit, wary, admits, best);
    if (found && (!best || isBetter(found, best, template))) best = found;
  }
  return best?.machine;
}

/** Compares machines by hand, for the few cases that do not come from a pool. Negative if `a` is better. */
export function compareMachines(unit: UnitNode, a: MachineNode, b: MachineNode): number {
  const apart = compareApart(unit, a, b);
  if (apart !== 0) return apart;
  const pool = unit.demand?.pool;
  const load = pool ? pool.loadOf(a) - pool.loadOf(b) : 0;
  return load !== 0 ? load : a.rank - b.rank;
}

/** As `compareMachines`, but by all that comes before the load: whom the unit would be with, and how far apart from its like. */
export function compareApart(unit: UnitNode, a: MachineNode, b: MachineNode): number {
  const disliked = dislikedOn(unit, a) - dislikedOn(unit, b);
  const { template } = unit;
  if (disliked !== 0 || !template) return disliked;
  const { zoneKeys = [], needs } = unit.demand?.pool ?? {};
  const own = needs?.spreadBy.length ?? 0;
  const byKeys = (keys: readonly string[]): number => {
    for (const key of keys) {
      const difference = template.inZone(key, zoneOf(a, key)) - template.inZone(key, zoneOf(b, key));
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return (
    byKeys(zoneKeys.slice(0, own)) || template.on.of(a) - template.on.of(b) || byKeys(zoneKeys.slice(own))
  );
}

/** How many units there `PrefersNot=` would rather avoid, its own or theirs. */
export function dislikedOn(unit: UnitNode, machine: MachineNode): number {
  let count = 0;
  for (const pattern of unit.demand?.prefersNot ?? []) count += pattern.runsOn.of(machine);
  for (const pattern of unit.matchedBy) count += pattern.dislikedOn.of(machine);
  return count;
}

/** True if there may be a machine that `PrefersNot=` would rather avoid. */
export function isWary({ demand, matchedBy }: UnitNode): boolean {
  for (const pattern of demand?.prefersNot ?? []) if (!pattern.runsOn.isEmpty) return true;
  for (const pattern of matchedBy) if (!pattern.dislikedOn.isEmpty) return true;
  return false;
}

function firstOf(
  cell: Cell,
  unit: UnitNode,
  wary: boolean,
  admits: (machine: MachineNode) => boolean,
  best: Candidate | undefined,
): Candidate | undefined {
  const { template } = unit;
  // No machine of the cell can have fewer siblings than this: one that has no more ends the walk.
  const fewest = template ? template.leastOn(cell) : 0;
  if (best?.disliked === 0 && template && compareSpread(fewest, cell, best, template) > 0) return undefined;
  let found: Candidate | undefined;
  cell.walk((machine) => {
    const siblings = template?.on.of(machine) ?? 0;
    const disliked = wary ? dislikedOn(unit, machine) : 0;
    if (found) {
      if (disliked > found.disliked) return false;
      if (disliked === found.disliked && siblings >= found.siblings) return false;
    }
    if (!admits(machine)) return false;
    found = { machine, cell, disliked, siblings, load: cell.pool.loadOf(machine) };
    return disliked === 0 && siblings === fewest;
  });
  return found;
}

function isBetter(a: Candidate, b: Candidate, template: Template | undefined): boolean {
  if (a.disliked !== b.disliked) return a.disliked < b.disliked;
  const spread = template ? compareSpread(a.siblings, a.cell, b, template) : 0;
  if (spread !== 0) return spread < 0;
  if (a.load !== b.load) return a.load < b.load;
  return a.machine.rank < b.machine.rank;
}

function compareSpread(siblings: number, cell: Cell, other: Candidate, template: Template): number {
  const { zoneKeys, needs } = cell.pool;
  const own = needs.spreadBy.length;
  const byKey = compareZones(cell, other, template, 0, own);
  if (byKey !== 0) return byKey;
  return siblings - other.siblings || compareZones(cell, other, template, own, zoneKeys.length);
}

function compareZones(cell: Cell, other: Candidate, template: Template, from: number, to: number): number {
  for (let position = from; position < to; position += 1) {
    const key = cell.pool.zoneKeys[position] ?? "";
    const difference =
      template.inZone(key, cell.zone[position] ?? "") - template.inZone(key, other.cell.zone[position] ?? "");
    if (difference !== 0) return difference;
  }
  return 0;
}
