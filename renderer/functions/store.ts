/**
 * The seven functions that ask the store: get, gets, getv, getvs, exists, ls and lsdir. Each notes what it asked, so that the
 * resource is rendered again when that changes, and only then.
 *
 * Pure.
 */
import { cleanPath } from "../go-path.ts";
import { GoError, GoSlice, GoStruct, type GoType, named, sliceOf, structOf, types } from "../gotmpl/index.ts";
import { compilePattern, type KeyPattern } from "../key-pattern.ts";
import type { Reads } from "../reads.ts";
import type { MissingKey } from "../resource.ts";
import { byBytes, type KeyValue, type StoreIndex } from "../store-index.ts";
import { type Functions, ofStrings, strings, stringsOf } from "./declare.ts";

export const kvPair: GoType = structOf("memkv.KVPair", [
  { name: "Key", type: types.string },
  { name: "Value", type: types.string },
]);
export const kvPairs: GoType = named("memkv.KVPairs", sliceOf(kvPair), {
  Len: { in: [], out: types.int, call: (pairs: GoSlice) => BigInt(pairs.length) },
});

export interface AskedStore {
  readonly index: StoreIndex;
  readonly reads: Reads;
  readonly missingKey: MissingKey;
}

/** The store's functions. They ask whatever `store` returns at the time of the call, so that one set serves every render. */
export function storeFunctions(store: () => AskedStore): Functions {
  const patterns = new Map<string, KeyPattern>();
  const matches = (text: string): readonly KeyValue[] => {
    let pattern = patterns.get(text);
    if (pattern === undefined) {
      pattern = compilePattern(text);
      // A template may make patterns out of values; what is not kept is merely compiled again.
      if (patterns.size >= 50_000) patterns.clear();
      patterns.set(text, pattern);
    }
    const { index, reads } = store();
    reads.pattern(text, pattern);
    const found = index.match(pattern);
    if (found !== undefined) return found;
    if (index.size > 0) throw new GoError("syntax error in pattern");
    return [];
  };
  const read = (key: string): string | undefined => {
    const { index, reads } = store();
    reads.key(key);
    return index.get(key);
  };
  const missing = (key: string): void => {
    if (store().missingKey === "error") throw new GoError(`key does not exist: ${key}`);
  };
  return {
    get: ofStrings(1, kvPair, (key = "") => {
      const value = read(key);
      if (value !== undefined) return new GoStruct(kvPair, [key, value]);
      missing(key);
      return new GoStruct(kvPair, ["", ""]);
    }),
    getv: {
      in: [types.string, types.string],
      variadic: true,
      out: types.string,
      call: (key: string, ...defaults: string[]) => {
        const value = read(key) ?? defaults[0];
        if (value === undefined) missing(key);
        return value ?? "";
      },
    },
    gets: ofStrings(1, kvPairs, (pattern = "") => {
      const pairs = matches(pattern).map(({ key, value }) => new GoStruct(kvPair, [key, value]));
      return new GoSlice(kvPairs, pairs);
    }),
    getvs: ofStrings(1, strings, (pattern = "") => {
      const values = matches(pattern).map(({ value }) => value);
      return stringsOf(values.sort(byBytes));
    }),
    exists: ofStrings(1, types.bool, (key = "") => read(key) !== undefined),
    ls: ofStrings(1, strings, (path = "") => {
      const { index, reads } = store();
      reads.listing(path);
      if (path !== cleanPath(path)) reads.key(path);
      return stringsOf(index.list(path));
    }),
    lsdir: ofStrings(1, strings, (path = "") => {
      const { index, reads } = store();
      reads.listing(path);
      return stringsOf(index.listFolders(path));
    }),
  };
}
