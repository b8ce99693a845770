/**
 * Machines in order of load: a heap whose keys may be too low. A machine that gets more load is put right only when it is next
 * looked at, so a placement costs nothing in cells that do not ask. A machine that gets less load is put right at once.
 *
 * A key is one number, load before rank, and the keys lie side by side: comparing them is what a scheduler does most. Pure.
 */
import type { MachineNode } from "./nodes.ts";
import type { Pool } from "./pools.ts";

/** A machine's place in one cell. */
export interface Membership {
  readonly machine: MachineNode;
  readonly cell: Cell;
  at: number;
}

/** Children of a place in the heap: four keys lie in one cache line. */
const arity = 4;
/** More machines than a cluster can have, so that load comes before rank. Times `maxLoad` it is still a safe integer. */
const ranks = 2 ** 22;
/** Loads are whole numbers up to this. */
export const maxLoad = 2 ** 30;

export class Cell {
  readonly pool: Pool;
  readonly zone: readonly string[];
  readonly #heap: Membership[] = [];
  /** By place in the heap: as last looked at, never above the real one. */
  #keys = new Float64Array(16);

  constructor(pool: Pool, zone: readonly string[]) {
    this.pool = pool;
    this.zone = zone;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(machine: MachineNode): Membership {
    const at = this.#heap.length;
    const membership: Membership = { machine, cell: this, at };
    if (at === this.#keys.length) {
      const grown = new Float64Array(2 * at);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    this.#heap.push(membership);
    this.#up(membership, at, this.#keyOf(machine));
    return membership;
  }

  remove({ at }: Membership): void {
    const last = this.#heap.pop();
    const key = this.#keys[this.#heap.length];
    if (!last || key === undefined || at === this.#heap.length) return;
    this.#up(last, at, key);
    this.#down(last, last.at, key);
  }

  /** To be called when a machine's load has gone down; a rise is noticed by itself. */
  lighten(membership: Membership): void {
    const key = this.#keyOf(membership.machine);
    if (key < (this.#keys[membership.at] ?? 0)) this.#up(membership, membership.at, key);
  }

  /** To be called for all machines when their ranks have changed, but not their order. */
  rerank({ machine, at }: Membership): void {
    const key = this.#keys[at] ?? 0;
    this.#keys[at] = key - (key % ranks) + machine.rank;
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
      const { membership } = step;
      const key = this.#keyOf(membership.machine);
      if (!step.opened) this.#open(frontier, membership.at);
      if (step.key !== key) frontier.push({ membership, key, opened: true });
      else if (visit(membership.machine)) return;
    }
  }

  /** Puts the top of the heap right. */
  #settleFirst(): Membership | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (!first) return undefined;
      const key = this.#keyOf(first.machine);
      if (key === this.#keys[0]) return first;
      this.#down(first, 0, key);
    }
  }

  #keyOf(machine: MachineNode): number {
    return this.pool.loadOf(machine) * ranks + machine.rank;
  }

  #open(frontier: Frontier, at: number): void {
    const first = arity * at + 1;
    for (let child = first; child < first + arity; child += 1) {
      const membership = this.#heap[child];
      const key = this.#keys[child];
      if (membership && key !== undefined) frontier.push({ membership, key, opened: false });
    }
  }

  /** Puts a machine at `from`, or above. */
  #up(membership: Membership, from: number, key: number): void {
    let at = from;
    while (at > 0) {
      const above = Math.floor((at - 1) / arity);
      const keyAbove = this.#keys[above] ?? 0;
      const parent = this.#heap[above];
      if (keyAbove < key || !parent) break;
      this.#put(parent, at, keyAbove);
      at = above;
    }
    this.#put(membership, at, key);
  }

  /** Puts a machine at `from`, or below. */
  #down(membership: Membership, from: number, key: number): void {
    const heap = this.#heap;
    const keys = this.#keys;
    let at = from;
    for (;;) {
      const first = arity * at + 1;
      const end = Math.min(first + arity, heap.length);
      let least = at;
      let leastKey = key;
      for (let child = first; child < end; child += 1) {
        const childKey = keys[child] ?? 0;
        if (childKey < leastKey) {
          least = child;
          leastKey = childKey;
        }
      }
      const child = heap[least];
      if (least === at || !child) break;
      this.#put(child, at, leastKey);
      at = least;
    }
    this.#put(membership, at, key);
  }

  #put(membership: Membership, at: number, key: number): void {
    this.#heap[at] = membership;
    this.#keys[at] = key;
    membership.at = at;
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
      if (!parent || parent.key < step.key) break;
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
      const takeRight = right !== undefined && right.key < left.key;
      const child = takeRight ? right : left;
      if (last.key < child.key) break;
      steps[at] = child;
      at = 2 * at + (takeRight ? 2 : 1);
    }
    steps[at] = last;
    return first;
  }
}
