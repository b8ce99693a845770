/**
 * The instances of one template and where they are, so that the next one can be put apart from them without looking at
 * every machine. Pure.
 */
import type { Cell } from "./cell.ts";
import type { MachineNode, UnitNode, Wish } from "./nodes.ts";
import type { Pattern } from "./patterns.ts";
import { zoneOf } from "./pools.ts";
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
  /** Instances by metadata key and value, on machines that are not away. Of the keys that were asked for. */
  #zones: Map<string, Map<string, number>> | undefined;
  /** By limit of `MaxPerMachine=`: the machines with instances that have it, and how many. */
  #limits: Map<number, Tally<MachineNode>> | undefined;
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
    if (this.#zones && machine.presence !== "away") {
      for (const [key, tally] of this.#zones) countUp(tally, zoneOf(machine, key));
    }
    if (this.#levels.length > 0) this.#shift(machine, level - 1, level);
  }

  leave(machine: MachineNode): void {
    const level = this.on.down(machine);
    if (this.#zones && machine.presence !== "away") {
      for (const [key, tally] of this.#zones) countDown(tally, zoneOf(machine, key));
    }
    if (this.#levels.length > 0) this.#shift(machine, level + 1, level);
  }

  /** The instances on machines that have this value of a metadata key. */
  inZone(key: string, value: string): number {
    return (this.#zones?.get(key) ?? this.#surveyZones(key)).get(value) ?? 0;
  }

  /** An instance with this limit has come to a machine. */
  limit(machine: MachineNode, limit: number): void {
    this.#limits ??= new Map();
    const tally = this.#limits.get(limit) ?? new Tally<MachineNode>();
    this.#limits.set(limit, tally);
    tally.up(machine);
  }

  /** It has left. */
  unlimit(machine: MachineNode, limit: number): void {
    const tally = this.#limits?.get(limit);
    tally?.down(machine);
    if (tally?.isEmpty) this.#limits?.delete(limit);
  }

  /** How many instances the machine may hold once one with the limit `own` is there; undefined for any number. */
  limitOn(machine: MachineNode, own: number | undefined): number | undefined {
    if (!this.#limits || this.#limits.size === 0) return own;
    let least = own;
    for (const [limit, tally] of this.#limits) {
      if ((least === undefined || limit < least) && tally.has(machine)) least = limit;
    }
    return least;
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

  #surveyZones(key: string): Map<string, number> {
    const tally = new Map<string, number>();
    for (const [machine, count] of this.on.counts()) {
      const zone = zoneOf(machine, key);
      if (machine.presence !== "away") tally.set(zone, (tally.get(zone) ?? 0) + count);
    }
    this.#zones ??= new Map();
    this.#zones.set(key, tally);
    return tally;
  }
}

function isIn(machine: MachineNode, cell: Cell): boolean {
  for (const membership of machine.memberships) if (membership.cell === cell) return true;
  return false;
}
