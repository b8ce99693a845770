/**
 * Follows what the agents of a few machines report: those that take part in a planned move. Each has a mirror of its own, opened
 * when a move needs it and closed when no move does any more.
 */
import type { Placement } from "../cluster/placement.ts";
import type { Mirror, Table } from "../cluster/ports.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { ClusterModel } from "./model.ts";
import type { Report, Reports } from "./reports.ts";

/** States of one machine, by unit. */
export type StatesMirror = Mirror<{ readonly states: UnitState }>;

export interface StateWatchOptions {
  readonly open: (machine: string) => StatesMirror;
  /** By `<machine>/<unit>`. */
  readonly placements: Table<Placement>;
  /** Called after each change of what is followed. */
  readonly onChange: () => void;
}

export class StateWatch implements Reports {
  readonly #options: StateWatchOptions;
  readonly #mirrors = new Map<string, StatesMirror>();

  constructor(options: StateWatchOptions) {
    this.#options = options;
  }

  knows(machine: string): boolean {
    return this.#mirrors.get(machine)?.synced ?? false;
  }

  of(machine: string, unit: string): Report | undefined {
    const states = this.#mirrors.get(machine)?.tables.states;
    const state = states?.get(unit);
    const revision = states?.revisionOf(unit);
    if (!state || revision === undefined) return undefined;
    return { state, revision, placedAt: this.#options.placements.revisionOf(`${machine}/${unit}`) };
  }

  /** Follows exactly these machines from now on. */
  async follow(machines: ReadonlySet<string>): Promise<void> {
    for (const machine of machines) {
      if (this.#mirrors.has(machine)) continue;
      const mirror = this.#options.open(machine);
      mirror.onChange(this.#options.onChange);
      this.#mirrors.set(machine, mirror);
    }
    const closing: Promise<void>[] = [];
    for (const [machine, mirror] of this.#mirrors) {
      if (machines.has(machine)) continue;
      this.#mirrors.delete(machine);
      closing.push(mirror.close());
    }
    await Promise.all(closing);
  }
}

/** The machines whose reports planned moves depend on. */
export function machinesOnTheMove({ moves, draining, units }: ClusterModel): Set<string> {
  const ids = new Set<string>();
  for (const machine of draining) {
    if (machine.presence === "present" && machine.copies.length > 0) ids.add(machine.id);
  }
  for (const { arrival, copy } of moves.arriving) {
    if (arrival) ids.add(arrival.machine.id);
    if (copy) ids.add(copy.machine.id);
  }
  for (const { machine } of moves.leaving) ids.add(machine.id);
  for (const { machine } of moves.landing) ids.add(machine.id);
  for (const name of moves.wanted.keys()) {
    const copy = units.get(name)?.copy;
    if (copy) ids.add(copy.machine.id);
  }
  return ids;
}
