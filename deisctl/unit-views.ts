/**
 * The part of a cluster mirror that speaks about a few units, kept current at a cost that follows what changed, not the size
 * of the cluster.
 */
import type { ClusterTables, Mirror } from "../cluster/ports.ts";
import type { UnitCopy, UnitView } from "./wait.ts";

/** The tables from which a unit can be judged and a machine named. */
export const watchedTables = [
  "units",
  "machines",
  "placements",
  "states",
  "unplaced",
  "runs",
  "leader",
] as const;
export type WatchedTables = Pick<ClusterTables, (typeof watchedTables)[number]>;

export class UnitViews {
  readonly #mirror: Mirror<WatchedTables>;
  /** For each unit: the machines that ever had a placement or a state of it while we looked. */
  readonly #machinesOf: ReadonlyMap<string, Set<string>>;

  constructor(mirror: Mirror<WatchedTables>, names: Iterable<string>) {
    this.#mirror = mirror;
    this.#machinesOf = new Map([...names].map((name) => [name, new Set<string>()]));
    const { placements, states } = mirror.tables;
    for (const table of [placements, states]) for (const [key] of table.entries()) this.#note(key);
  }

  /** Takes the mirror's changes in and returns those of our units that they touch. */
  refresh(): ReadonlySet<string> {
    const changes = this.#mirror.takeChanges();
    const touched = new Set<string>();
    for (const key of [...changes.placements, ...changes.states]) {
      const unit = this.#note(key);
      if (unit !== undefined) touched.add(unit);
    }
    for (const unit of [...changes.units, ...changes.unplaced, ...changes.runs])
      if (this.#machinesOf.has(unit)) touched.add(unit);
    return touched;
  }

  /** Remembers the machine of a placement or state, and returns the unit if it is one of ours. */
  #note(key: string): string | undefined {
    const slash = key.indexOf("/");
    const unit = key.slice(slash + 1);
    const machines = this.#machinesOf.get(unit);
    if (!machines) return undefined;
    machines.add(key.slice(0, slash));
    return unit;
  }

  view(name: string): UnitView {
    const { units, placements, states, unplaced, runs } = this.#mirror.tables;
    const copies: UnitCopy[] = [];
    for (const machine of [...(this.#machinesOf.get(name) ?? [])].sort()) {
      const key = `${machine}/${name}`;
      const placement = placements.get(key);
      const state = states.get(key);
      const stateRevision = states.revisionOf(key);
      if (!placement && !state) continue;
      copies.push({
        machine,
        ...(placement ? { placement } : {}),
        ...(state ? { state } : {}),
        ...(stateRevision === undefined ? {} : { stateRevision }),
      });
    }
    const record = units.get(name);
    const recordRevision = units.revisionOf(name);
    const parked = unplaced.get(name);
    const unplacedRevision = unplaced.revisionOf(name);
    const run = runs.get(name);
    const runRevision = runs.revisionOf(name);
    return {
      copies,
      ...(record ? { record } : {}),
      ...(recordRevision === undefined ? {} : { recordRevision }),
      ...(parked ? { unplaced: parked } : {}),
      ...(unplacedRevision === undefined ? {} : { unplacedRevision }),
      ...(run ? { run } : {}),
      ...(runRevision === undefined ? {} : { runRevision }),
    };
  }
}
