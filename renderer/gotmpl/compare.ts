/** Truth, and the builtins that compare: eq, ne, lt, le, gt, ge. */

import { GoError } from "./errors.ts";
import { sprintf } from "./fmt.ts";
import { isComparable, isSigned, isUnsigned } from "./types.ts";
import type { GoItem, GoPlain, GoValue } from "./value.ts";
import {
  Complex,
  GoFunc,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  payloadOf,
  throughInterface,
  typeOf,
} from "./value.ts";

/** What `if`, `with`, `and`, `or` and `not` go by: nothing, nil, zero and empty are false, structs always true. */
export function isTrue(value: GoValue): boolean {
  const item = throughInterface(value);
  switch (typeof item) {
    case "undefined":
      return false;
    case "boolean":
      return item;
    case "string":
      return item !== "";
    case "bigint":
      return item !== 0n;
    case "number":
      return item !== 0;
    default:
      return isObjectTrue(item);
  }
}

function isObjectTrue(item: Extract<GoPlain, object>): boolean {
  if (item instanceof GoSlice) return item.length > 0;
  if (item instanceof GoMap) return (item.entries?.size ?? 0) > 0;
  if (item instanceof GoPointer) return item.target !== null;
  if (item instanceof GoFunc) return item.run !== null;
  if (item instanceof GoStruct) return true;
  const { value } = item;
  return value instanceof Complex ? value.real !== 0 || value.imaginary !== 0 : isTrue(value);
}

type BasicKind = "bool" | "complex" | "int" | "float" | "string" | "uint";

function basicKind(item: GoPlain | undefined): BasicKind | undefined {
  if (item === undefined) return undefined;
  const { kind } = typeOf(item);
  if (isSigned(kind)) return "int";
  if (isUnsigned(kind)) return "uint";
  switch (kind) {
    case "bool":
    case "string":
      return kind;
    case "float32":
    case "float64":
      return "float";
    case "complex64":
    case "complex128":
      return "complex";
    default:
      return undefined;
  }
}

function bothIntegers(a: BasicKind | undefined, b: BasicKind | undefined): boolean {
  return (a === "int" || a === "uint") && (b === "int" || b === "uint");
}

const BAD_TYPE = "invalid type for comparison";
const INCOMPATIBLE = "incompatible types for comparison";

/** `eq a b c …`: whether the first equals any of the others. Anything may be compared with nil. */
export function isEqual(first: GoValue, others: readonly GoValue[]): boolean {
  const one = throughInterface(first);
  if (others.length === 0) throw new GoError("missing argument for comparison");
  const kind = basicKind(one);
  return others.some((value) => {
    const other = throughInterface(value);
    const otherKind = basicKind(other);
    if (one === undefined || other === undefined) return isNil(one) && isNil(other);
    if (kind !== otherKind && !bothIntegers(kind, otherKind)) throw new GoError(INCOMPATIBLE);
    return kind === undefined ? areIdentical(one, other) : areSamePayload(payloadOf(one), payloadOf(other));
  });
}

function isNil(item: GoPlain | undefined): boolean {
  if (item instanceof GoSlice) return item.items === null;
  if (item instanceof GoMap) return item.entries === null;
  if (item instanceof GoPointer) return item.target === null;
  if (item instanceof GoFunc) return item.run === null;
  return item === undefined;
}

/** Whether two values of no basic kind are equal; the words and their order in the errors are Go's. */
function areIdentical(one: GoPlain, other: GoPlain): boolean {
  const type = typeOf(one);
  const otherType = typeOf(other);
  if (type.kind !== otherType.kind) {
    const shown = sprintf("%s: %v, %s: %v", [one, type.name, otherType.name, other]);
    throw new GoError(`non-comparable types ${shown}`);
  }
  if (isNil(one) || isNil(other)) return isNil(one) && isNil(other);
  if (!isComparable(otherType)) {
    throw new GoError(sprintf("non-comparable type %s: %v", [other, otherType.name]));
  }
  return areSame(one, other);
}

function areSamePayload(a: ReturnType<typeof payloadOf>, b: ReturnType<typeof payloadOf>): boolean {
  if (a instanceof Complex && b instanceof Complex) return a.real === b.real && a.imaginary === b.imaginary;
  return a === b;
}

/** Go's `==` on values of dynamic types. */
function areSame(a: GoItem, b: GoItem): boolean {
  if (a === null || b === null) return a === b;
  if (typeOf(a).name !== typeOf(b).name) return false;
  if (a instanceof GoStruct && b instanceof GoStruct) {
    return a.fields.every((field, i) => areSame(field, b.fields[i] ?? null));
  }
  if (a instanceof GoSlice && b instanceof GoSlice) {
    return a.toArray().every((item, i) => areSame(item, b.at(i)));
  }
  if (a instanceof GoPointer && b instanceof GoPointer) return a.target === b.target;
  if (a instanceof GoScalar && b instanceof GoScalar) return areSamePayload(a.value, b.value);
  return a === b;
}

/** `lt a b`. */
export function isLess(first: GoValue, second: GoValue): boolean {
  const one = throughInterface(first);
  const other = throughInterface(second);
  const kind = basicKind(one);
  const otherKind = basicKind(other);
  if (one === undefined || other === undefined || kind === undefined || otherKind === undefined) {
    throw new GoError(BAD_TYPE);
  }
  if (kind !== otherKind && !bothIntegers(kind, otherKind)) throw new GoError(INCOMPATIBLE);
  if (kind === "bool" || kind === "complex") throw new GoError(BAD_TYPE);
  const a = payloadOf(one);
  const b = payloadOf(other);
  if (typeof a === "bigint" && typeof b === "bigint") return a < b;
  if (typeof a === "number" && typeof b === "number") return a < b;
  return typeof a === "string" && typeof b === "string" && a < b;
}

/** `le a b`: less or equal, so that it is false when either is NaN. */
export function isLessOrEqual(first: GoValue, second: GoValue): boolean {
  return isLess(first, second) || isEqual(first, [second]);
}
