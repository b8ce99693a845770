/**
 * The instances of one template and where they are, so that the next one can be put apart from them without looking at
 * every machine. Pure.
 */

import type { Cell } from "./cell.ts";
import type { MachineNode, UnitNode, Wish } from "./nodes.ts";
import type { Pattern } from "./patterns.ts";
import { countDown, countUp, Tally } from "./tally.ts";

/** How many of a cell's machines hold how many instances. */
interface Levels {
  readonly cell: Cell;
  occupied: number;
  readonly machinesAt: number[];
}

export class Template {
  readonly name: string;
  readonly units: UnitNode[] = [];
  /** Instances by machine. */
  readonly on = new Tally<MachineNode>();
  /** Instances by position and value of the metadata keys they are spread by. */
  readonly #inZone: Map<string, number>[] = [];
  /** Of the cells that were asked for: nearly always one, since instances ask for the same. */
  #levels: Levels[] = [];

  /** The last wish of an instance, for the next one that wants the same. */
  wish: Wish | undefined;

  /** Patterns that may match an instance, and the version of the index they were found at. */
  candidates: readonly Pattern[] = [];
  candidatesVersion = -1;

  constructor(name: string) {
    this.name = name;
  }

  arrive(machine: MachineNode): void {
    const level = this.on.up(machine);
    for (const [position, value] of machine.zone.entries()) countUp(this.#zoneTally(position), value);
    if (this.#levels.length > 0) this.#shift(machine, level - 1, level);
  }

  leave(machine: MachineNode): void {
    const level = this.on.down(machine);
    for (const [position, value] of machine.zone.entries()) countDown(this.#zoneTally(position), value);
    if (this.#levels.length > 0) this.#shift(machine, level + 1, level);
  }

  inZone(position: number, value: string): number {
    return this.#inZone[position]?.get(value) ?? 0;
  }

  /** The least number of instances that any machine of the cell holds. */
  leastOn(cell: Cell): number {
    const levels = this.#levelsOf(cell) ?? this.#survey(cell);
    if (cell.size > levels.occupied) return 0;
    for (let level = 1; level < levels.machinesAt.length; level += 1) {
      if ((levels.machinesAt[level] ?? 0) > 0) return level;
    }
    return 0;
  }

  /** A machine with instances has joined or left the cell: it is counted anew when next asked for. */
  forget(cell: Cell): void {
    if (this.#levelsOf(cell)) this.#levels = this.#levels.filter((levels) => levels.cell !== cell);
  }

  #levelsOf(cell: Cell): Levels | undefined {
    for (const levels of this.#levels) if (levels.cell === cell) return levels;
    return undefined;
  }

  #survey(cell: Cell): Levels {
    // A cell without machines is one that no longer exists.
    this.#levels = this.#levels.filter((other) => other.cell.size > 0);
    const levels: Levels = { cell, occupied: 0, machinesAt: [] };
    this.#levels.push(levels);
    for (const [machine, level] of this.on.counts()) {
      if (!isIn(machine, cell)) continue;
      levels.occupied += 1;
      levels.machinesAt[level] = (levels.machinesAt[level] ?? 0) + 1;
    }
    return levels;
  }

  #shift(machine: MachineNode, from: number, to: number): void {
    for (const levels of this.#levels) {
      if (!isIn(machine, levels.cell)) continue;
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

function isIn(machine: MachineNode, cell: Cell): boolean {
  for (const membership of machine.memberships) if (membership.cell === cell) return true;
  return false;
}
