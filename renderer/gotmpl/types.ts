/**
 * Go's types, as far as templates can see them: what `%T` and error texts call them, what they hold, and
 * which values may be passed where. Two types are the same when their names are; a name is given once.
 */

import type { GoFunction } from "./value.ts";

/** Go's `reflect.Kind`, spelled as Go spells it. */
export type Kind =
  | "bool"
  | "int"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "uintptr"
  | "float32"
  | "float64"
  | "complex64"
  | "complex128"
  | "string"
  | "interface"
  | "slice"
  | "array"
  | "map"
  | "struct"
  | "ptr"
  | "func";

/** A named field of a struct; a name that begins with a lower-case letter is unexported. */
export interface GoField {
  readonly name: string;
  readonly type: GoType;
}

/** A Go type. `name` is what `%T` prints, for example `[]interface {}` or `memkv.KVPair`. */
export interface GoType {
  readonly kind: Kind;
  readonly name: string;
  /** The name of the underlying unnamed type, for a declared type; else the same as `name`. */
  readonly underlying: string;
  readonly elem?: GoType;
  readonly key?: GoType;
  readonly length?: number;
  readonly fields?: readonly GoField[];
  /** Methods by name; each takes its receiver as the first argument of `call`, not listed in `in`. */
  readonly methods?: ReadonlyMap<string, GoFunction>;
  /** The names of the methods an interface type asks for; absent or empty means `interface {}`. */
  readonly asks?: readonly string[];
}

function basic(kind: Kind): GoType {
  return { kind, name: kind, underlying: kind };
}

const boolType = basic("bool");
const int = basic("int");
const int8 = basic("int8");
const int16 = basic("int16");
const int32 = basic("int32");
const int64 = basic("int64");
const uint = basic("uint");
const uint8 = basic("uint8");
const uint16 = basic("uint16");
const uint32 = basic("uint32");
const uint64 = basic("uint64");
const uintptr = basic("uintptr");
const float32 = basic("float32");
const float64 = basic("float64");
const complex64 = basic("complex64");
const complex128 = basic("complex128");
const stringType = basic("string");
const any: GoType = { kind: "interface", name: "interface {}", underlying: "interface {}" };
const error: GoType = { kind: "interface", name: "error", underlying: "error", asks: ["Error"] };

/**
 * `reflect.Value` itself: a parameter of this type takes any value as it is, the missing one included.
 * Only functions that must see what is missing (as `index`, `eq` and `len` do) declare it.
 */
const reflectValue: GoType = { kind: "struct", name: "reflect.Value", underlying: "reflect.Value" };

/** The predeclared types. */
export const types = {
  bool: boolType,
  int,
  int8,
  int16,
  int32,
  int64,
  uint,
  uint8,
  uint16,
  uint32,
  uint64,
  uintptr,
  float32,
  float64,
  complex64,
  complex128,
  string: stringType,
  any,
  error,
  reflectValue,
} as const;

/** `[]elem`. */
export function sliceOf(elem: GoType): GoType {
  const name = `[]${elem.name}`;
  return { kind: "slice", name, underlying: name, elem };
}

/** `[length]elem`. */
export function arrayOf(length: number, elem: GoType): GoType {
  const name = `[${length}]${elem.name}`;
  return { kind: "array", name, underlying: name, elem, length };
}

/** `map[key]elem`; keys may be strings, booleans, numbers or `interface {}` holding those. */
export function mapOf(key: GoType, elem: GoType): GoType {
  const name = `map[${key.name}]${elem.name}`;
  return { kind: "map", name, underlying: name, key, elem };
}

/** `*elem`. */
export function pointerTo(elem: GoType): GoType {
  const name = `*${elem.name}`;
  return { kind: "ptr", name, underlying: name, elem };
}

/** A struct type, named (`memkv.KVPair`), with its fields in order. */
export function structOf(
  name: string,
  fields: readonly GoField[],
  methods: Readonly<Record<string, GoFunction>> = {},
): GoType {
  return { kind: "struct", name, underlying: name, fields, methods: new Map(Object.entries(methods)) };
}

/** A declared type over another one, such as `memkv.KVPairs` over `[]memkv.KVPair`. */
export function named(
  name: string,
  type: GoType,
  methods: Readonly<Record<string, GoFunction>> = {},
): GoType {
  return { ...type, name, methods: new Map(Object.entries(methods)) };
}

const INTEGER_KINDS: ReadonlySet<Kind> = new Set(["int", "int8", "int16", "int32", "int64"]);
const UNSIGNED_KINDS: ReadonlySet<Kind> = new Set(["uint", "uint8", "uint16", "uint32", "uint64", "uintptr"]);

/** Whether a kind is one of the signed integers. */
export function isSigned(kind: Kind): boolean {
  return INTEGER_KINDS.has(kind);
}

/** Whether a kind is one of the unsigned integers. */
export function isUnsigned(kind: Kind): boolean {
  return UNSIGNED_KINDS.has(kind);
}

/** The width of an integer or float kind in bits; `int`, `uint` and `uintptr` are 64, as on amd64. */
export function bitsOf(kind: Kind): number {
  const digits = /\d+$/.exec(kind);
  return digits === null ? 64 : Number(digits[0]);
}

/** Whether nil is a value of the type (`reflect.Value` counts: it can hold nothing). */
export function canBeNil(type: GoType): boolean {
  switch (type.kind) {
    case "interface":
    case "map":
    case "slice":
    case "ptr":
    case "func":
      return true;
    default:
      return type === types.reflectValue;
  }
}

/** Whether values of the type may be compared with `==`. */
export function isComparable(type: GoType): boolean {
  switch (type.kind) {
    case "slice":
    case "map":
    case "func":
      return false;
    case "array":
      return type.elem !== undefined && isComparable(type.elem);
    case "struct":
      return (type.fields ?? []).every((field) => isComparable(field.type));
    default:
      return true;
  }
}

/** Go's assignability: the same type, one unnamed type with the same underlying type, or an interface that is met. */
export function isAssignable(from: GoType, to: GoType): boolean {
  if (from === to || from.name === to.name) return true;
  if (to.kind === "interface") return (to.asks ?? []).every((name) => hasMethod(from, name));
  const oneUnnamed = from.name === from.underlying || to.name === to.underlying;
  return from.underlying === to.underlying && oneUnnamed && !isBasic(from.kind);
}

function isBasic(kind: Kind): boolean {
  return !["slice", "array", "map", "struct", "ptr", "func", "interface"].includes(kind);
}

function hasMethod(type: GoType, name: string): boolean {
  const owner = type.kind === "ptr" ? type.elem : type;
  return owner?.methods?.has(name) === true || (type.asks ?? []).includes(name);
}
