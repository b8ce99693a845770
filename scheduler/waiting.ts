/**
 * Units that fit nowhere, in classes: the members of a class ask for the same and are refused by the same globs, so what
 * rejects one rejects all, and a machine that may help is tried with one of them. Pure.
 */
import type { Demand, UnitNode } from "./nodes.ts";
import type { Pattern } from "./patterns.ts";

export class WaitingClass {
  readonly units = new Set<UnitNode>();
}

export class Waiting {
  readonly #classes = new Map<Demand, Map<readonly Pattern[], WaitingClass>>();
  readonly #classOf = new Map<UnitNode, WaitingClass>();

  add(unit: UnitNode): void {
    const { demand, matchedBy } = unit;
    if (!demand || this.#classOf.has(unit)) return;
    let byPatterns = this.#classes.get(demand);
    if (!byPatterns) {
      byPatterns = new Map();
      this.#classes.set(demand, byPatterns);
    }
    let waiting = byPatterns.get(matchedBy);
    if (!waiting) {
      waiting = new WaitingClass();
      byPatterns.set(matchedBy, waiting);
    }
    waiting.units.add(unit);
    this.#classOf.set(unit, waiting);
  }

  /** To be called before the unit's demand or globs change. True if the unit was waiting. */
  remove(unit: UnitNode): boolean {
    const waiting = this.#classOf.get(unit);
    if (!waiting) return false;
    this.#classOf.delete(unit);
    waiting.units.delete(unit);
    if (waiting.units.size > 0 || !unit.demand) return true;
    const byPatterns = this.#classes.get(unit.demand);
    byPatterns?.delete(unit.matchedBy);
    if (byPatterns?.size === 0) this.#classes.delete(unit.demand);
    return true;
  }

  *classes(): IterableIterator<WaitingClass> {
    for (const byPatterns of this.#classes.values()) yield* byPatterns.values();
  }
}

/** Units with the same key are rejected by the same machines; undefined if the unit is like no other. */
export function classKey(unit: UnitNode): string | undefined {
  const { demand, matchedBy } = unit;
  if (!demand || unit.evicted) return undefined;
  return matchedBy.length === 0
    ? demand.key
    : `${demand.key} ${matchedBy.map((pattern) => pattern.number).join(" ")}`;
}
