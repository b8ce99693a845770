/** Counting by key in a map that holds no zeros. Pure. */

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
