/**
 * Functions of lists and maps: reverse, sortByLength, sortKVByLength, map. Like Go's they work in place, on what the caller holds.
 *
 * `reverse` of what `gets` gives does nothing, because confd tests for `[]memkv.KVPair` and `memkv.KVPairs` is another type. Sorting a list
 * with sortKVByLength turns it into the type that reverse knows.
 *
 * Pure.
 */
import { GoError, type GoItem, GoMap, GoSlice, GoStruct, mapOf, sliceOf, types } from "../gotmpl/index.ts";
import { type Functions, strings } from "./declare.ts";
import { pdqsort } from "./pdqsort.ts";
import { kvPair } from "./store.ts";

const pairs = sliceOf(kvPair);
const dictionary = mapOf(types.string, types.any);

export const listFunctions: Functions = {
  reverse: {
    in: [types.any],
    out: types.any,
    call: (list: GoItem) => {
      if (list instanceof GoSlice && (list.type.name === strings.name || list.type.name === pairs.name)) {
        write(list, list.toArray().reverse());
      }
      return list;
    },
  },
  sortByLength: {
    in: [strings],
    out: strings,
    call: (list: GoSlice) => sortInPlace(list, (item) => (typeof item === "string" ? item.length : 0)),
  },
  sortKVByLength: {
    in: [pairs],
    out: pairs,
    call: (list: GoSlice) => sortInPlace(list, keyLength),
  },
  map: {
    in: [types.any],
    variadic: true,
    out: dictionary,
    call: (...values: GoItem[]) => {
      if (values.length % 2 !== 0) throw new GoError("invalid map call");
      const entries = new Map<string, GoItem>();
      for (let at = 0; at < values.length; at += 2) {
        const key = values[at];
        if (typeof key !== "string") throw new GoError("map keys must be strings");
        entries.set(key, values[at + 1] ?? null);
      }
      return new GoMap(dictionary, entries);
    },
  },
};

function keyLength(item: GoItem): number {
  const key = item instanceof GoStruct ? item.fields[0] : undefined;
  return typeof key === "string" ? key.length : 0;
}

function sortInPlace(list: GoSlice, lengthOf: (item: GoItem) => number): GoSlice {
  const items = list.toArray();
  pdqsort(items, (one, other) => lengthOf(one) < lengthOf(other));
  write(list, items);
  return list;
}

function write(list: GoSlice, items: readonly GoItem[]): void {
  if (list.items === null) return;
  for (const [at, item] of items.entries()) list.items[list.offset + at] = item;
}
