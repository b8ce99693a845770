/** Counting by key, with no zeros kept. Pure. */

/** Adds one and returns the new count. */
export function countUp<K>(tally: Map<K, number>, key: K): number {
  const count = (tally.get(key) ?? 0) + 1;
  tally.set(key, count);
  return count;
}

/** Takes one away and returns the new count; a key that is not there stays at zero. */
export function countDown<K>(tally: Map<K, number>, key: K): number {
  const count = (tally.get(key) ?? 0) - 1;
  if (count > 0) tally.set(key, count);
  else tally.delete(key);
  return Math.max(0, count);
}

/** Up to so many a list is as quick as a hash table and a fifth of its size. */
const fewAtMost = 64;

/** Counts objects, in little space while they are few: a large cluster has ten thousands of these, most of them small. */
export class Tally<K extends object> {
  /** While they are few: each key as often as it counts, in no particular order. */
  #few: K[] = [];
  #many: Map<K, number> | undefined;

  get isEmpty(): boolean {
    return this.#many ? this.#many.size === 0 : this.#few.length === 0;
  }

  has(key: K): boolean {
    return this.#many ? this.#many.has(key) : this.#few.includes(key);
  }

  of(key: K): number {
    if (this.#many) return this.#many.get(key) ?? 0;
    let count = 0;
    for (const other of this.#few) if (other === key) count += 1;
    return count;
  }

  /** Adds one and returns the new count. */
  up(key: K): number {
    if (this.#many) return countUp(this.#many, key);
    this.#few.push(key);
    const count = this.of(key);
    if (this.#few.length > fewAtMost) {
      this.#many = new Map(this.counts());
      this.#few = [];
    }
    return count;
  }

  /** Takes one away and returns the new count; a key that is not there stays at zero. */
  down(key: K): number {
    if (this.#many) return countDown(this.#many, key);
    const at = this.#few.indexOf(key);
    const last = this.#few.at(-1);
    if (at === -1 || !last) return 0;
    this.#few[at] = last;
    this.#few.pop();
    return this.of(key);
  }

  /** Every key once, with its count. */
  counts(): ReadonlyMap<K, number> {
    if (this.#many) return this.#many;
    const counts = new Map<K, number>();
    for (const key of this.#few) countUp(counts, key);
    return counts;
  }
}
