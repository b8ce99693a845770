/** Builders of Go values for these tests. */

import type { GoItem, GoKey } from "../../../renderer/gotmpl/index.ts";
import {
  anyMap,
  anySlice,
  bytesOf,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  pointerTo,
  scalar,
  sliceOf,
  stringSlice,
  structOf,
  types,
} from "../../../renderer/gotmpl/index.ts";

/** `map[string]interface {}`. */
export function map(entries: Readonly<Record<string, GoItem>>): GoMap {
  return new GoMap(anyMap, new Map<GoKey, GoItem>(Object.entries(entries)));
}

/** `[]interface {}`. */
export function list(...items: GoItem[]): GoSlice {
  return new GoSlice(anySlice, items);
}

/** `[]string`. */
export function strings(...items: string[]): GoSlice {
  return new GoSlice(stringSlice, items.map(bytesOf));
}

/** `[]uint8`. */
export function bytes(text: string): GoSlice {
  const items = [...Buffer.from(text)].map((byte) => new GoScalar(types.uint8, BigInt(byte)));
  return new GoSlice(sliceOf(types.uint8), items);
}

/** A number of a type other than int and float64. */
export function typed(type: keyof typeof types, value: bigint | number): GoItem {
  return scalar(types[type], value);
}

export const pairType = structOf("memkv.KVPair", [
  { name: "Key", type: types.string },
  { name: "Value", type: types.string },
]);

/** `memkv.KVPair`. */
export function pair(key: string, value: string): GoStruct {
  return new GoStruct(pairType, [key, value]);
}

export const serverType = structOf("net.SRV", [
  { name: "Target", type: types.string },
  { name: "Port", type: types.uint16 },
  { name: "hidden", type: types.int },
]);

/** `*net.SRV`. */
export function server(target: string, port: number): GoPointer {
  const fields = [target, scalar(types.uint16, BigInt(port)), 0n];
  return new GoPointer(pointerTo(serverType), new GoStruct(serverType, fields));
}
