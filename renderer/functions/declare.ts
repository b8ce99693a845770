/** How this room writes its functions down for the template language: typed arguments in, a value or a `GoError` out. Pure. */
import type { GoFunction, GoItem, GoType, GoValue } from "../gotmpl/index.ts";
import { GoSlice, sliceOf, types } from "../gotmpl/index.ts";

/** What templates call functions by. */
export type Functions = Readonly<Record<string, GoFunction>>;

export const strings: GoType = sliceOf(types.string);

/** A function of strings. */
export function ofStrings(count: number, out: GoType, call: (...args: string[]) => GoValue): GoFunction {
  return { in: Array.from({ length: count }, () => types.string), out, call };
}

/** A function of two `int`s. */
export function ofInts(out: GoType, call: (one: bigint, other: bigint) => GoValue): GoFunction {
  return { in: [types.int, types.int], out, call };
}

/** A `[]string`. */
export function stringsOf(items: readonly string[]): GoSlice {
  return new GoSlice(strings, [...items]);
}

/** The elements of a `[]string`. */
export function textsIn(slice: GoSlice): string[] {
  return slice.toArray().map((item: GoItem) => (typeof item === "string" ? item : ""));
}
