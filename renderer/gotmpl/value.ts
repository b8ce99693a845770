/**
 * Go's values. The four that templates live on are plain JavaScript ones, for speed:
 *
 *   string   a byte string (see bytes.ts)          bigint   Go's `int`, always within 64 bits
 *   number   `float64`                             boolean  `bool`
 *
 * Everything else is an object that knows its type. Two kinds of nothing must not be mixed up:
 * `undefined` is no value at all (Go's invalid `reflect.Value`: a missing key, top-level nil data), printed
 * `<no value>`; `null` is a nil of type `interface {}` held in a container or passed as an argument, printed `<nil>`.
 */

import type { GoType } from "./types.ts";
import { bitsOf, isSigned, isUnsigned, mapOf, sliceOf, types } from "./types.ts";

/** What a container, a variable of interface type or an argument holds. */
export type GoItem = GoPlain | null;

/** A value with a type of its own. */
export type GoPlain =
  | string
  | bigint
  | number
  | boolean
  | GoScalar
  | GoSlice
  | GoMap
  | GoStruct
  | GoPointer
  | GoFunc;

/** What evaluation deals in: a value, one seen through an interface, or none at all. */
export type GoValue = GoPlain | GoInterface | undefined;

/** A complex number, the payload of a complex {@link GoScalar}. */
export class Complex {
  readonly real: number;
  readonly imaginary: number;

  constructor(real: number, imaginary: number) {
    this.real = real;
    this.imaginary = imaginary;
  }
}

/** A value of a basic kind whose type is none of string, int, float64 and bool, for example `uint16` or `time.Month`. */
export class GoScalar {
  readonly type: GoType;
  readonly value: string | bigint | number | boolean | Complex;

  constructor(type: GoType, value: string | bigint | number | boolean | Complex) {
    this.type = type;
    this.value = value;
  }
}

/** A slice or an array: a window on `items`, which slices made from it share. `items` null: a nil slice. */
export class GoSlice {
  readonly type: GoType;
  readonly items: GoItem[] | null;
  readonly offset: number;
  readonly length: number;
  readonly capacity: number;

  constructor(type: GoType, items: GoItem[] | null, offset = 0, length?: number, capacity?: number) {
    const held = items?.length ?? 0;
    this.type = type;
    this.items = items;
    this.offset = offset;
    this.length = length ?? held - offset;
    this.capacity = capacity ?? held - offset;
  }

  /** The element at `index`, which must be within the length. */
  at(index: number): GoItem {
    return this.items?.[this.offset + index] ?? null;
  }

  /** The elements as a new array. */
  toArray(): GoItem[] {
    return (this.items ?? []).slice(this.offset, this.offset + this.length);
  }
}

/** A map key: its payload without its type, which the map's type gives. */
export type GoKey = string | bigint | number | boolean;

/** A map. `entries` null: a nil map. */
export class GoMap {
  readonly type: GoType;
  readonly entries: ReadonlyMap<GoKey, GoItem> | null;

  constructor(type: GoType, entries: ReadonlyMap<GoKey, GoItem> | null) {
    this.type = type;
    this.entries = entries;
  }

  /** The keys in the order in which Go prints and ranges over them. */
  sortedKeys(): GoKey[] {
    return this.entries === null ? [] : [...this.entries.keys()].sort(compareKeys);
  }
}

/** A struct: its fields in the order of its type. `hidden` is for methods that need more than the fields show. */
export class GoStruct {
  readonly type: GoType;
  readonly fields: readonly GoItem[];
  readonly hidden: unknown;

  constructor(type: GoType, fields: readonly GoItem[], hidden?: unknown) {
    this.type = type;
    this.fields = fields;
    this.hidden = hidden;
  }
}

/** A pointer of the given pointer type; `target` null: nil. */
export class GoPointer {
  readonly type: GoType;
  readonly target: GoPlain | null;

  constructor(type: GoType, target: GoPlain | null) {
    this.type = type;
    this.target = target;
  }
}

/**
 * A function that templates may call. Arguments reach `call` converted to the types of `in`: byte strings, bigints,
 * numbers, booleans, objects, null for a nil interface; for `reflect.Value` parameters a {@link GoValue} as it is.
 * The result must be of type `out`. An error is thrown, best as a `GoError`.
 */
export interface GoFunction {
  readonly in: readonly GoType[];
  /** The last of `in` takes any number of arguments; it is then the type of each. Default false. */
  readonly variadic?: boolean;
  readonly out: GoType;
  /** How many values Go's function returns, if it is one that templates cannot call for that. `call` is then never called. */
  readonly results?: number;
  // biome-ignore lint/suspicious/noExplicitAny: the argument types are what `in` says, which TypeScript cannot see
  readonly call: (...args: any[]) => GoValue | null;
}

/** A function as a value, for `call`. */
export class GoFunc {
  readonly type: GoType;
  readonly run: GoFunction | null;

  constructor(type: GoType, run: GoFunction | null) {
    this.type = type;
    this.run = run;
  }
}

/** A value seen through `interface {}`: an element of a `[]interface {}`, say. Its static type is the interface. */
export class GoInterface {
  readonly type: GoType;
  readonly item: GoItem;

  constructor(item: GoItem, type: GoType = types.any) {
    this.type = type;
    this.item = item;
  }
}

const NIL_INTERFACE = new GoInterface(null);

/** An item read from a place of type `type`: boxed when the place is an interface. */
export function seenAs(type: GoType | undefined, item: GoItem): GoValue {
  if (type?.kind === "interface") return item === null ? NIL_INTERFACE : new GoInterface(item, type);
  return item ?? undefined;
}

/** What an interface holds (nothing, when it is nil); any other value itself. */
export function throughInterface(value: GoValue): GoPlain | undefined {
  return value instanceof GoInterface ? (value.item ?? undefined) : value;
}

/** The item that stores a value: null for none. */
export function itemOf(value: GoValue): GoItem {
  return throughInterface(value) ?? null;
}

/** The dynamic type of an item. */
export function typeOf(item: GoPlain): GoType {
  switch (typeof item) {
    case "string":
      return types.string;
    case "bigint":
      return types.int;
    case "number":
      return types.float64;
    case "boolean":
      return types.bool;
    default:
      return item.type;
  }
}

/** The static type of a value; undefined for none. */
export function staticType(value: GoValue): GoType | undefined {
  if (value === undefined) return undefined;
  return value instanceof GoInterface ? value.type : typeOf(value);
}

/** The payload of a string, boolean, integer or float, whatever its type is called; the item itself otherwise. */
export function payloadOf(item: GoPlain): Exclude<GoPlain, GoScalar> | Complex {
  return item instanceof GoScalar ? item.value : item;
}

/** An integer wrapped to the width of its type, as Go's conversions do. */
export function wrap(type: GoType, value: bigint): bigint {
  const bits = bitsOf(type.kind);
  return isSigned(type.kind) ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

/** A value of a basic type from its payload; integers are wrapped to the type's width. */
export function scalar(type: GoType, payload: string | bigint | number | boolean | Complex): GoPlain {
  if (typeof payload === "bigint") {
    const wrapped = wrap(type, payload);
    return type.name === "int" ? wrapped : new GoScalar(type, wrapped);
  }
  if (type.name === "float32" && typeof payload === "number") {
    return new GoScalar(type, Math.fround(payload));
  }
  if (type.name === types.string.name && typeof payload === "string") return payload;
  if (type.name === types.float64.name && typeof payload === "number") return payload;
  if (type.name === types.bool.name && typeof payload === "boolean") return payload;
  return new GoScalar(type, payload);
}

/** The zero value of a type, as an item. */
export function zeroOf(type: GoType): GoItem {
  if (isSigned(type.kind) || isUnsigned(type.kind)) return scalar(type, 0n);
  switch (type.kind) {
    case "bool":
      return scalar(type, false);
    case "string":
      return scalar(type, "");
    case "float32":
    case "float64":
      return scalar(type, 0);
    case "complex64":
    case "complex128":
      return scalar(type, new Complex(0, 0));
    case "slice":
      return new GoSlice(type, null);
    case "array":
      return new GoSlice(
        type,
        Array.from({ length: type.length ?? 0 }, () => zeroOf(type.elem ?? types.any)),
      );
    case "map":
      return new GoMap(type, null);
    case "struct":
      return new GoStruct(
        type,
        (type.fields ?? []).map((field) => zeroOf(field.type)),
      );
    case "ptr":
      return new GoPointer(type, null);
    case "func":
      return new GoFunc(type, null);
    default:
      return null;
  }
}

/** The same value under another type with the same underlying type; shares what it holds. */
export function retyped(item: GoPlain, type: GoType): GoPlain {
  if (type.kind === "interface" || typeOf(item).name === type.name) return item;
  if (item instanceof GoSlice) {
    return new GoSlice(type, item.items, item.offset, item.length, item.capacity);
  }
  if (item instanceof GoMap) return new GoMap(type, item.entries);
  if (item instanceof GoStruct) return new GoStruct(type, item.fields, item.hidden);
  return item;
}

/** A key of a map as an item of the map's key type. */
export function keyItem(map: GoMap, key: GoKey): GoPlain {
  const type = map.type.key ?? types.any;
  return type.kind === "interface" ? key : scalar(type, key);
}

/** Go's order of map keys: numbers by value with NaN first, strings by bytes, false before true. */
export function compareKeys(a: GoKey, b: GoKey): number {
  if (typeof a !== typeof b) return rankOf(a) - rankOf(b);
  if (typeof a === "number" && Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1;
  if (typeof b === "number" && Number.isNaN(b)) return 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const RANKS = ["bigint", "string", "number", "boolean"];

function rankOf(key: GoKey): number {
  return RANKS.indexOf(typeof key);
}

/** Whether a value is a slice of bytes. */
export function isByteSlice(item: GoItem): item is GoSlice {
  return item instanceof GoSlice && item.type.elem?.kind === "uint8";
}

/** The bytes of a `[]byte` as a byte string. */
export function bytesIn(slice: GoSlice): string {
  const codes = slice.toArray().map((item) => (item instanceof GoScalar ? Number(item.value) : 0));
  return Buffer.from(codes).toString("latin1");
}

/** `[]string` of byte strings. */
export const stringSlice: GoType = sliceOf(types.string);

/** `[]interface {}`. */
export const anySlice: GoType = sliceOf(types.any);

/** `map[string]interface {}`. */
export const anyMap: GoType = mapOf(types.string, types.any);
