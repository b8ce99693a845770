/**
 * Where units are, by unit: the store has placements and states by machine. Kept current from the mirror's changes, so that a
 * client that polls one unit costs what one unit costs.
 */
import type { ClusterTables, Mirror, Table } from "../cluster/ports.ts";

export class UnitIndex {
  readonly #mirror: Mirror<ClusterTables>;
  readonly #machines = { placements: new Map<string, Set<string>>(), states: new Map<string, Set<string>>() };

  constructor(mirror: Mirror<ClusterTables>) {
    this.#mirror = mirror;
    mirror.onChange(() => this.#catchUp());
    this.#catchUp();
  }

  /** The machines that the unit is placed on, sorted; one that it is only arriving at comes last. */
  placedOn(unit: string): readonly string[] {
    const { placements } = this.#mirror.tables;
    const isArriving = (machine: string): number =>
      placements.get(`${machine}/${unit}`)?.move === "arriving" ? 1 : 0;
    return this.#of("placements", unit).toSorted((a, b) => isArriving(a) - isArriving(b));
  }

  /** The machines that report the unit, sorted. */
  reportedBy(unit: string): readonly string[] {
    return this.#of("states", unit);
  }

  #of(table: "placements" | "states", unit: string): readonly string[] {
    return [...(this.#machines[table].get(unit) ?? [])].sort();
  }

  #catchUp(): void {
    const changes = this.#mirror.takeChanges();
    const { placements, states } = this.#mirror.tables;
    note(this.#machines.placements, changes.placements, placements);
    note(this.#machines.states, changes.states, states);
  }
}

function note(index: Map<string, Set<string>>, names: ReadonlySet<string>, table: Table<unknown>): void {
  for (const name of names) {
    const { machine, unit } = machineAndUnit(name);
    const known = index.get(unit);
    if (table.get(name) !== undefined) {
      if (known) known.add(machine);
      else index.set(unit, new Set([machine]));
    } else if (known?.delete(machine) && known.size === 0) index.delete(unit);
  }
}

/** Both parts of a record's name, `<machine>/<unit>`. */
export function machineAndUnit(name: string): { readonly machine: string; readonly unit: string } {
  const slash = name.indexOf("/");
  return { machine: name.slice(0, slash), unit: name.slice(slash + 1) };
}
