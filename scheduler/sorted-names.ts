/**
 * A set of names that can be asked for all that begin with a prefix, in order. Names come one by one and by the hundred
 * thousand, so they are kept in blocks: an insertion moves at most one block. Pure.
 */

const blockSize = 512;

export class SortedNames {
  readonly #blocks: string[][] = [[]];

  add(name: string): void {
    const index = this.#blockFor(name);
    const block = this.#blocks[index] ?? [];
    const at = lowerBound(block, name);
    if (block[at] === name) return;
    block.splice(at, 0, name);
    if (block.length > blockSize) this.#blocks.splice(index + 1, 0, block.splice(blockSize / 2));
  }

  delete(name: string): void {
    const index = this.#blockFor(name);
    const block = this.#blocks[index] ?? [];
    const at = lowerBound(block, name);
    if (block[at] !== name) return;
    block.splice(at, 1);
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(index, 1);
  }

  *startingWith(prefix: string): IterableIterator<string> {
    for (let index = this.#blockFor(prefix); index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index] ?? [];
      for (let at = lowerBound(block, prefix); at < block.length; at += 1) {
        const name = block[at] ?? "";
        if (!name.startsWith(prefix)) return;
        yield name;
      }
    }
  }

  /** The block whose range `name` falls into: the last that begins at or before it. */
  #blockFor(name: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#blocks[middle]?.[0] ?? "") <= name) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
