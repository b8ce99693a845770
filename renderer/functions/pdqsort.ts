/**
 * Pattern-defeating quicksort as Go 1.19's `sort.Sort` does it, step by step. It is not stable, so where two elements are equal the outcome
 * depends on every step taken; lists of up to twelve elements are sorted by insertion and keep their order.
 *
 * Source of the steps: Go's package sort and Orson Peters' paper (arXiv:2106.05123).
 *
 * Pure.
 */

/** Sorts in place. `before` is a strict order. */
export function pdqsort<T>(items: T[], before: (one: T, other: T) => boolean): void {
  if (items.length > 1) new Sort(items, before).range(0, items.length, bitLength(items.length));
}

const longestInsertion = 12;
const shortestNinther = 50;
const shortestShift = 50;
const mostShifts = 5;
const mostSwaps = 12;

type Hint = "increasing" | "decreasing" | "unknown";

class Sort<T> {
  readonly #items: T[];
  readonly #before: (one: T, other: T) => boolean;

  constructor(items: T[], before: (one: T, other: T) => boolean) {
    this.#items = items;
    this.#before = before;
  }

  /** Sorts [from, to). `patience` counts the bad pivots that are borne before heapsort takes over. */
  range(from: number, to: number, patience: number): void {
    let [a, b, limit] = [from, to, patience];
    let balanced = true;
    let partitioned = true;
    for (;;) {
      const length = b - a;
      if (length <= longestInsertion) {
        this.#insertion(a, b);
        return;
      }
      if (limit === 0) {
        this.#heap(a, b);
        return;
      }
      if (!balanced) {
        this.#breakPatterns(a, b);
        limit -= 1;
      }
      let { pivot, hint } = this.#choosePivot(a, b);
      if (hint === "decreasing") {
        this.#reverse(a, b);
        pivot = b - 1 - (pivot - a);
        hint = "increasing";
      }
      if (balanced && partitioned && hint === "increasing" && this.#partialInsertion(a, b)) return;
      if (a > 0 && !this.#less(a - 1, pivot)) {
        a = this.#partitionEqual(a, b, pivot);
        continue;
      }
      const split = this.#partition(a, b, pivot);
      partitioned = split.already;
      const [left, right] = [split.at - a, b - split.at];
      balanced = Math.min(left, right) >= Math.floor(length / 8);
      if (left < right) {
        this.range(a, split.at, limit);
        a = split.at + 1;
      } else {
        this.range(split.at + 1, b, limit);
        b = split.at;
      }
    }
  }

  #less(one: number, other: number): boolean {
    return this.#before(this.#items[one] as T, this.#items[other] as T);
  }

  #swap(one: number, other: number): void {
    const held = this.#items[one] as T;
    this.#items[one] = this.#items[other] as T;
    this.#items[other] = held;
  }

  #insertion(a: number, b: number): void {
    for (let i = a + 1; i < b; i += 1) {
      for (let j = i; j > a && this.#less(j, j - 1); j -= 1) this.#swap(j, j - 1);
    }
  }

  #heap(a: number, b: number): void {
    const size = b - a;
    for (let i = Math.floor((size - 1) / 2); i >= 0; i -= 1) this.#siftDown(i, size, a);
    for (let i = size - 1; i >= 0; i -= 1) {
      this.#swap(a, a + i);
      this.#siftDown(0, i, a);
    }
  }

  #siftDown(low: number, high: number, first: number): void {
    let root = low;
    for (;;) {
      let child = 2 * root + 1;
      if (child >= high) return;
      if (child + 1 < high && this.#less(first + child, first + child + 1)) child += 1;
      if (!this.#less(first + root, first + child)) return;
      this.#swap(first + root, first + child);
      root = child;
    }
  }

  #reverse(a: number, b: number): void {
    for (let i = a, j = b - 1; i < j; i += 1, j -= 1) this.#swap(i, j);
  }

  /** Swaps three elements around the middle with ones that depend on the length alone. */
  #breakPatterns(a: number, b: number): void {
    const length = b - a;
    if (length < 8) return;
    const mask = (1n << BigInt(bitLength(length))) - 1n;
    const middle = a + Math.floor(length / 4) * 2 - 1;
    let random = BigInt(length);
    for (let i = 0; i < 3; i += 1) {
      random = BigInt.asUintN(64, random ^ (random << 13n));
      random ^= random >> 17n;
      random = BigInt.asUintN(64, random ^ (random << 5n));
      const other = Number(random & mask);
      this.#swap(middle - 1 + i, a + (other >= length ? other - length : other));
    }
  }

  #choosePivot(a: number, b: number): { pivot: number; hint: Hint } {
    const quarter = Math.floor((b - a) / 4);
    let [i, j, k] = [a + quarter, a + quarter * 2, a + quarter * 3];
    let swaps = 0;
    const order = (one: number, other: number): [number, number] => {
      if (!this.#less(other, one)) return [one, other];
      swaps += 1;
      return [other, one];
    };
    const median = (one: number, two: number, three: number): number => {
      let [low, middle] = order(one, two);
      [middle] = order(middle, three);
      [low, middle] = order(low, middle);
      return middle;
    };
    if (b - a >= 8) {
      if (b - a >= shortestNinther) {
        i = median(i - 1, i, i + 1);
        j = median(j - 1, j, j + 1);
        k = median(k - 1, k, k + 1);
      }
      j = median(i, j, k);
    }
    return { pivot: j, hint: swaps === 0 ? "increasing" : swaps === mostSwaps ? "decreasing" : "unknown" };
  }

  /** Mends a range that is nearly in order. False if it took too much and the range is not sorted. */
  #partialInsertion(a: number, b: number): boolean {
    let i = a + 1;
    for (let step = 0; step < mostShifts; step += 1) {
      while (i < b && !this.#less(i, i - 1)) i += 1;
      if (i === b) return true;
      if (b - a < shortestShift) return false;
      this.#swap(i, i - 1);
      if (i - a >= 2) {
        for (let j = i - 1; j >= 1 && this.#less(j, j - 1); j -= 1) this.#swap(j, j - 1);
      }
      if (b - i >= 2) {
        for (let j = i + 1; j < b && this.#less(j, j - 1); j += 1) this.#swap(j, j - 1);
      }
    }
    return false;
  }

  /** Puts what is not greater than the pivot first; all of it is equal to the pivot. */
  #partitionEqual(a: number, b: number, pivot: number): number {
    this.#swap(a, pivot);
    let [i, j] = [a + 1, b - 1];
    for (;;) {
      while (i <= j && !this.#less(a, i)) i += 1;
      while (i <= j && this.#less(a, j)) j -= 1;
      if (i > j) return i;
      this.#swap(i, j);
      i += 1;
      j -= 1;
    }
  }

  /** Puts what is less than the pivot before it. `already` if nothing had to move. */
  #partition(a: number, b: number, pivot: number): { at: number; already: boolean } {
    this.#swap(a, pivot);
    let [i, j] = [a + 1, b - 1];
    for (let already = true; ; already = false) {
      while (i <= j && this.#less(i, a)) i += 1;
      while (i <= j && !this.#less(j, a)) j -= 1;
      if (i > j) {
        this.#swap(j, a);
        return { at: j, already };
      }
      this.#swap(i, j);
      i += 1;
      j -= 1;
    }
  }
}

function bitLength(value: number): number {
  return value.toString(2).length;
}
