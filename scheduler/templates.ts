/**
 * The instances of one template and where they are, so that the next one can be put apart from them without looking at
 * every machine. Pure.
 */
import type { MachineNode, UnitNode } from "./nodes.ts";
import type { Pattern } from "./patterns.ts";
import type { Cell } from "./pools.ts";
import { countDown, countUp } from "./tally.ts";

/** How many of a cell's machines hold how many instances. */
interface Levels {
  occupied: number;
  readonly machinesAt: number[];
}

export class Template {
  readonly name: string;
  readonly units: UnitNode[] = [];
  /** Instances by machine. */
  readonly on = new Map<MachineNode, number>();
  /** Instances by position and value of the metadata keys they are spread by. */
  readonly #inZone: Map<string, number>[] = [];
  readonly #levels = new WeakMap<Cell, Levels>();
  #surveyed = false;

  /** Patterns that may match an instance, and the version of the index they were found at. */
  candidates: readonly Pattern[] = [];
  candidatesVersion = -1;

  constructor(name: string) {
    this.name = name;
  }

  arrive(machine: MachineNode): void {
    const level = countUp(this.on, machine);
    for (const [position, value] of machine.zone.entries()) countUp(this.#zoneTally(position), value);
    if (this.#surveyed) this.#shift(machine, level - 1, level);
  }

  leave(machine: MachineNode): void {
    const level = countDown(this.on, machine);
    for (const [position, value] of machine.zone.entries()) countDown(this.#zoneTally(position), value);
    if (this.#surveyed) this.#shift(machine, level + 1, level);
  }

  inZone(position: number, value: string): number {
    return this.#inZone[position]?.get(value) ?? 0;
  }

  /** The least number of instances that any machine of the cell holds. */
  leastOn(cell: Cell): number {
    let levels = this.#levels.get(cell);
    if (!levels) {
      levels = this.#survey(cell);
      this.#levels.set(cell, levels);
      this.#surveyed = true;
    }
    if (cell.size > levels.occupied) return 0;
    for (let level = 1; level < levels.machinesAt.length; level += 1) {
      if ((levels.machinesAt[level] ?? 0) > 0) return level;
    }
    return 0;
  }

  /** A machine with instances has joined or left the cell: it is counted anew when next asked for. */
  forget(cell: Cell): void {
    this.#levels.delete(cell);
  }

  #survey(cell: Cell): Levels {
    const levels: Levels = { occupied: 0, machinesAt: [] };
    for (const [machine, level] of this.on) {
      if (!machine.memberships.some((membership) => membership.cell === cell)) continue;
      levels.occupied += 1;
      levels.machinesAt[level] = (levels.machinesAt[level] ?? 0) + 1;
    }
    return levels;
  }

  #shift(machine: MachineNode, from: number, to: number): void {
    for (const { cell } of machine.memberships) {
      const levels = this.#levels.get(cell);
      if (!levels) continue;
      if (from === 0) levels.occupied += 1;
      else levels.machinesAt[from] = (levels.machinesAt[from] ?? 0) - 1;
      if (to === 0) levels.occupied -= 1;
      else levels.machinesAt[to] = (levels.machinesAt[to] ?? 0) + 1;
    }
  }

  #zoneTally(position: number): Map<string, number> {
    let tally = this.#inZone[position];
    if (!tally) {
      tally = new Map();
      this.#inZone[position] = tally;
    }
    return tally;
  }
}
