/**
 * Pools: the machines that could ever take units with the same fixed needs (metadata, runtime), ranked by load.
 *
 * A pool is split into cells, one for each combination of the metadata that instances are spread by (one cell without
 * such settings). A cell is a heap by load whose keys may be too low: a machine that gets more load is put right only
 * when it is next looked at, so a placement costs nothing in pools that do not ask. A machine that gets less load is put
 * right at once. Pure.
 */
import type { RuntimeName } from "../cluster/machine.ts";
import type { MachineNode } from "./nodes.ts";

export type MetadataNeeds = ReadonlyMap<string, readonly string[]>;

/** A machine's place in one cell. */
export interface Membership {
  readonly machine: MachineNode;
  readonly cell: Cell;
  /** The machine's rank, here because comparing is what a heap does most. */
  rank: number;
  /** Its load when last looked at: never above the real one. */
  key: number;
  at: number;
}

export class Cell {
  readonly pool: Pool;
  readonly zone: readonly string[];
  readonly #heap: Membership[] = [];

  constructor(pool: Pool, zone: readonly string[]) {
    this.pool = pool;
    this.zone = zone;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(machine: MachineNode): Membership {
    const membership: Membership = {
      machine,
      cell: this,
      rank: machine.rank,
      key: this.pool.loadOf(machine),
      at: this.#heap.length,
    };
    this.#heap.push(membership);
    this.#up(membership);
    return membership;
  }

  remove(membership: Membership): void {
    const last = this.#heap.pop();
    if (!last || last === membership) return;
    last.at = membership.at;
    this.#heap[last.at] = last;
    this.#up(last);
    this.#down(last);
  }

  /** To be called when a machine's load has gone down; a rise is noticed by itself. */
  lighten(membership: Membership): void {
    const key = this.pool.loadOf(membership.machine);
    if (key >= membership.key) return;
    membership.key = key;
    this.#up(membership);
  }

  /** Machines in order of load, then id, until `visit` returns true. Nothing may be placed during the walk. */
  walk(visit: (machine: MachineNode) => boolean): void {
    const first = this.#settleFirst();
    if (!first || visit(first.machine)) return;
    const frontier = new Frontier();
    this.#open(frontier, 0);
    for (;;) {
      const step = frontier.pop();
      if (!step) return;
      const { membership, key } = step;
      const load = this.pool.loadOf(membership.machine);
      if (!step.opened) this.#open(frontier, membership.at);
      if (load === key) {
        if (visit(membership.machine)) return;
      } else {
        frontier.push({ membership, key: load, opened: true });
      }
    }
  }

  /** Puts the top of the heap right. */
  #settleFirst(): Membership | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (!first) return undefined;
      const load = this.pool.loadOf(first.machine);
      if (load === first.key) return first;
      first.key = load;
      this.#down(first);
    }
  }

  #open(frontier: Frontier, at: number): void {
    for (let child = 2 * at + 1; child <= 2 * at + 2; child += 1) {
      const membership = this.#heap[child];
      if (membership) frontier.push({ membership, key: membership.key, opened: false });
    }
  }

  #up(membership: Membership): void {
    const heap = this.#heap;
    let at = membership.at;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (!parent || !before(membership, parent)) break;
      heap[at] = parent;
      parent.at = at;
      at = parentAt;
    }
    heap[at] = membership;
    membership.at = at;
  }

  #down(membership: Membership): void {
    const heap = this.#heap;
    let at = membership.at;
    for (;;) {
      const left = heap[2 * at + 1];
      if (!left) break;
      const right = heap[2 * at + 2];
      const child = right && before(right, left) ? right : left;
      if (!before(child, membership)) break;
      const childAt = child.at;
      heap[at] = child;
      child.at = at;
      at = childAt;
    }
    heap[at] = membership;
    membership.at = at;
  }
}

/** Every machine that meets some needs which do not change with what runs where. */
export class Pool {
  readonly key: string;
  readonly metadata: MetadataNeeds;
  readonly runtime: RuntimeName;
  /** Ranked by the reserved share of the machine, rather than by the number of units on it. */
  readonly byShare: boolean;
  readonly cells = new Map<string, Cell>();
  users = 0;

  constructor(key: string, metadata: MetadataNeeds, runtime: RuntimeName, byShare: boolean) {
    this.key = key;
    this.metadata = metadata;
    this.runtime = runtime;
    this.byShare = byShare;
  }

  loadOf(machine: MachineNode): number {
    return this.byShare ? machine.share : machine.copies.length;
  }

  /** True if the machine, as it announces itself, belongs here. */
  takes(machine: MachineNode): boolean {
    const announced = machine.machine;
    if (!announced?.runtimes.includes(this.runtime)) return false;
    for (const [key, values] of this.metadata) {
      const value = announced.metadata[key];
      if (value === undefined || !values.includes(value)) return false;
    }
    return true;
  }

  join(machine: MachineNode): void {
    const zone = JSON.stringify(machine.zone);
    let cell = this.cells.get(zone);
    if (!cell) {
      cell = new Cell(this, machine.zone);
      this.cells.set(zone, cell);
    }
    machine.memberships.push(cell.add(machine));
  }

  leave(membership: Membership): void {
    const { cell, machine } = membership;
    cell.remove(membership);
    machine.memberships = machine.memberships.filter((other) => other !== membership);
    if (cell.size === 0) this.cells.delete(JSON.stringify(cell.zone));
  }
}

interface Step {
  readonly membership: Membership;
  readonly key: number;
  /** Its children are in the frontier already. */
  readonly opened: boolean;
}

/** The edge of a walk: a heap of what can come next. */
class Frontier {
  readonly #steps: Step[] = [];

  push(step: Step): void {
    const steps = this.#steps;
    let at = steps.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = steps[parentAt];
      if (!parent || !earlier(step, parent)) break;
      steps[at] = parent;
      at = parentAt;
    }
    steps[at] = step;
  }

  pop(): Step | undefined {
    const steps = this.#steps;
    const first = steps[0];
    const last = steps.pop();
    if (!last || last === first) return first;
    let at = 0;
    for (;;) {
      const left = steps[2 * at + 1];
      if (!left) break;
      const right = steps[2 * at + 2];
      const takeRight = right !== undefined && earlier(right, left);
      const child = takeRight ? right : left;
      if (!earlier(child, last)) break;
      steps[at] = child;
      at = 2 * at + (takeRight ? 2 : 1);
    }
    steps[at] = last;
    return first;
  }
}

function before(a: Membership, b: Membership): boolean {
  return a.key < b.key || (a.key === b.key && a.rank < b.rank);
}

function earlier(a: Step, b: Step): boolean {
  return a.key < b.key || (a.key === b.key && a.membership.rank < b.membership.rank);
}
