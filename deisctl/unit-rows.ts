/** The rows of `list-units` and `list-unit-files`, from one reading of the store. Pure. */
import { currentState } from "../cluster/current-state.ts";
import type { Placement, Unplaced } from "../cluster/placement.ts";
import type { Table } from "../cluster/ports.ts";
import type { Run } from "../cluster/run.ts";
import type { TargetState, UnitRecord } from "../cluster/unit.ts";
import type { UnitState } from "../cluster/unit-state.ts";

/** One unit on one machine. */
export interface StateRow {
  readonly unit: string;
  readonly machine: string;
  readonly state: UnitState;
}

/** One unit as the cluster knows it. */
export interface UnitFileRow {
  readonly unit: string;
  readonly record: UnitRecord;
  readonly description: string;
  readonly global: boolean;
  /** What the unit really is: fleet's three states. A global unit has none of its own. */
  readonly state: TargetState | undefined;
  /** The machine it is on; undefined for a global unit, and while it is on none. */
  readonly machine: string | undefined;
  /** Why no machine can take it. */
  readonly unplaced: string | undefined;
  /** The last run of a unit that is to end. */
  readonly run: Run | undefined;
}

/** Sorted by unit, then machine. */
export function stateRows(states: Table<UnitState>): readonly StateRow[] {
  const rows: StateRow[] = [];
  for (const [key, state] of states.entries()) {
    const { machine, unit } = splitKey(key);
    rows.push({ unit, machine, state });
  }
  return rows.sort((a, b) => compare(a.unit, b.unit) || compare(a.machine, b.machine));
}

export interface UnitFileTables {
  readonly units: Table<UnitRecord>;
  readonly placements: Table<Placement>;
  readonly states: Table<UnitState>;
  readonly unplaced: Table<Unplaced>;
  readonly runs: Table<Run>;
}

/** Sorted by unit. `describe` reads a unit's file. */
export function unitFileRows(
  tables: UnitFileTables,
  describe: (name: string) => { readonly description: string; readonly global: boolean },
): readonly UnitFileRow[] {
  const placed = new Map<string, Placement>();
  for (const [, placement] of tables.placements.entries()) {
    const other = placed.get(placement.unit);
    // A unit that moves is still where it was.
    if (placement.move === "arriving" && other) continue;
    if (!other || other.move === "arriving" || placement.machine < other.machine)
      placed.set(placement.unit, placement);
  }
  return [...tables.units.entries()]
    .sort(([a], [b]) => compare(a, b))
    .map(([unit, record]) => {
      const { description, global } = describe(unit);
      const placement = global ? undefined : placed.get(unit);
      const state = placement && tables.states.get(`${placement.machine}/${unit}`);
      const unplaced = tables.unplaced.get(unit);
      return {
        unit,
        record,
        description,
        global,
        state: global ? undefined : currentState(placement, state),
        machine: placement?.machine,
        run: tables.runs.get(unit),
        unplaced: unplaced?.hash === record.hash ? unplaced.reason : undefined,
      };
    });
}

function splitKey(key: string): { machine: string; unit: string } {
  const slash = key.indexOf("/");
  return { machine: key.slice(0, slash), unit: key.slice(slash + 1) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
