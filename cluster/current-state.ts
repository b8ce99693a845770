/** What a unit is in fleet's three words, derived from what was decided and what is seen. Pure. */
import type { Placement } from "./placement.ts";
import type { TargetState } from "./unit.ts";
import type { UnitState } from "./unit-state.ts";

/**
 * fleet's derived state: placed and reported is `loaded`, and `launched` once its start was asked for, until it has stopped. `launched`
 * does not mean active: a unit that failed or ended stays launched. Global units have no state of their own.
 */
export function currentState(placement: Placement | undefined, state: UnitState | undefined): TargetState {
  if (!placement || !state) return "inactive";
  return placement.target === "launched" || isRunning(state) ? "launched" : "loaded";
}

const running: ReadonlySet<string> = new Set(["active", "reloading", "activating", "deactivating"]);

/** True while a process of the unit may be alive. */
export function isRunning(state: UnitState): boolean {
  return running.has(state.active);
}
