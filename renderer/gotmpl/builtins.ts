/** The functions that every template has. `and` and `or` stop at the first argument that decides; execution sees to that. */

import { isEqual, isLess, isLessOrEqual, isTrue } from "./compare.ts";
import { GoError } from "./errors.ts";
import { escapeHtml, escapeJs, escapeUrlQuery } from "./escape.ts";
import { sprint, sprintf, sprintln } from "./fmt.ts";
import type { GoType } from "./types.ts";
import { canBeNil, isAssignable, isSigned, isUnsigned, types } from "./types.ts";
import type { GoFunction, GoItem, GoKey, GoPlain, GoValue } from "./value.ts";
import {
  GoFunc,
  GoInterface,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  itemOf,
  payloadOf,
  retyped,
  scalar,
  seenAs,
  throughInterface,
  typeOf,
  zeroOf,
} from "./value.ts";

const { any, bool, int, reflectValue, string } = types;

function deciding(decides: boolean): GoFunction {
  return {
    in: [reflectValue, reflectValue],
    variadic: true,
    out: reflectValue,
    call: (...args: GoValue[]) => args.find((arg) => isTrue(arg) === decides) ?? args[args.length - 1],
  };
}

/** `and`: the first false argument, or the last. */
export const and: GoFunction = deciding(false);

/** `or`: the first true argument, or the last. */
export const or: GoFunction = deciding(true);

function comparison(compare: (a: GoValue, b: GoValue) => boolean): GoFunction {
  return { in: [reflectValue, reflectValue], out: bool, call: compare };
}

function printing(print: (args: GoItem[]) => string): GoFunction {
  return { in: [any], variadic: true, out: string, call: (...args: GoItem[]) => print(args) };
}

function escaping(escaped: (bytes: string) => string): GoFunction {
  return printing((args) => {
    const [first] = args;
    return escaped(args.length === 1 && typeof first === "string" ? first : sprint(args.map(printable)));
  });
}

/** All builtins by name. */
export const builtins: ReadonlyMap<string, GoFunction> = new Map<string, GoFunction>([
  ["and", and],
  ["call", { in: [reflectValue, reflectValue], variadic: true, out: reflectValue, call: callValue }],
  ["eq", { in: [reflectValue, reflectValue], variadic: true, out: bool, call: (a, ...b) => isEqual(a, b) }],
  ["ge", comparison((a, b) => !isLess(a, b))],
  ["gt", comparison((a, b) => !isLessOrEqual(a, b))],
  ["html", escaping(escapeHtml)],
  ["index", { in: [reflectValue, reflectValue], variadic: true, out: reflectValue, call: index }],
  ["js", escaping(escapeJs)],
  ["le", comparison(isLessOrEqual)],
  ["len", { in: [reflectValue], out: int, call: length }],
  ["lt", comparison(isLess)],
  ["ne", comparison((a, b) => !isEqual(a, [b]))],
  ["not", { in: [reflectValue], out: bool, call: (a: GoValue) => !isTrue(a) }],
  ["or", or],
  ["print", printing(sprint)],
  [
    "printf",
    { in: [string, any], variadic: true, out: string, call: (f: string, ...args) => sprintf(f, args) },
  ],
  ["println", printing(sprintln)],
  ["slice", { in: [reflectValue, reflectValue], variadic: true, out: reflectValue, call: slice }],
  ["urlquery", escaping(escapeUrlQuery)],
]);

/** What printing shows for an item: what a pointer points to, `<no value>` for none. */
export function printable(item: GoItem): GoItem {
  const target = throughPointers(item ?? undefined);
  return target === undefined ? "<no value>" : target;
}

/** What pointers point to, through any number of them; a nil pointer itself. */
export function throughPointers(item: GoPlain | undefined): GoPlain | undefined {
  let seen = item;
  while (seen instanceof GoPointer && seen.target !== null) seen = seen.target;
  return seen;
}

function isNilPointer(item: GoPlain | undefined): boolean {
  return item instanceof GoPointer && item.target === null;
}

function length(value: GoValue): bigint {
  if (value === undefined) throw new GoError("reflect: call of reflect.Value.Type on zero Value");
  const item = throughPointers(throughInterface(value));
  if (item === undefined || isNilPointer(item)) throw new GoError("len of nil pointer");
  const payload = payloadOf(item);
  if (typeof payload === "string") return BigInt(payload.length);
  if (item instanceof GoSlice) return BigInt(item.length);
  if (item instanceof GoMap) return BigInt(item.entries?.size ?? 0);
  throw new GoError(`len of type ${typeOf(item).name}`);
}

/** An index into something of the given capacity; the capacity itself passes, as an end of a slice. */
function position(value: GoValue, capacity: number): number {
  const item = throughInterface(value);
  if (item === undefined) throw new GoError("cannot index slice/array with nil");
  const payload = payloadOf(item);
  if (typeof payload !== "bigint") {
    throw new GoError(`cannot index slice/array with type ${typeOf(item).name}`);
  }
  const signed = BigInt.asIntN(64, payload);
  if (signed < 0n || signed > BigInt(capacity)) throw new GoError(`index out of range: ${signed}`);
  return Number(signed);
}

function index(collection: GoValue, ...indexes: GoValue[]): GoValue {
  let value: GoValue = throughInterface(collection);
  if (value === undefined) throw new GoError("index of untyped nil");
  for (const at of indexes) {
    const item = throughPointers(throughInterface(value));
    if (item === undefined || isNilPointer(item)) throw new GoError("index of nil pointer");
    value = element(item, at);
  }
  return value;
}

function element(item: GoPlain, at: GoValue): GoValue {
  const payload = payloadOf(item);
  if (typeof payload === "string") {
    const i = position(at, payload.length);
    if (i >= payload.length) throw new GoError("reflect: string index out of range");
    return scalar(types.uint8, BigInt(payload.charCodeAt(i)));
  }
  if (item instanceof GoSlice) {
    const i = position(at, item.length);
    if (i >= item.length) throw new GoError(`reflect: ${item.type.kind} index out of range`);
    return seenAs(item.type.elem, item.at(i));
  }
  if (item instanceof GoMap) {
    const elem = item.type.elem ?? any;
    const found = item.entries?.get(keyFrom(prepared(at, item.type.key ?? any)));
    return seenAs(elem, found === undefined ? zeroOf(elem) : found);
  }
  throw new GoError(`can't index item of type ${typeOf(item).name}`);
}

function keyFrom(item: GoItem): GoKey {
  const payload = item === null ? undefined : payloadOf(item);
  if (payload === undefined) return "\u0100nil";
  if (typeof payload === "object") {
    throw new GoError(`runtime error: hash of unhashable type ${item === null ? "" : typeOf(item).name}`);
  }
  return payload;
}

/** An argument of `index` or `call` as a value of the wanted type: integers convert, other types must fit. */
function prepared(value: GoValue, type: GoType): GoItem {
  const item = throughInterface(value);
  if (item === undefined) {
    if (!canBeNil(type)) throw new GoError(`value is nil; should be of type ${type.name}`);
    return zeroOf(type);
  }
  const own = typeOf(item);
  if (isAssignable(own, type)) return retyped(item, type);
  const payload = payloadOf(item);
  if (typeof payload === "bigint" && (isSigned(type.kind) || isUnsigned(type.kind))) {
    return scalar(type, payload);
  }
  throw new GoError(`value has type ${own.name}; should be ${type.name}`);
}

function slice(value: GoValue, ...indexes: GoValue[]): GoValue {
  const item = throughInterface(value);
  if (item === undefined) throw new GoError("slice of untyped nil");
  if (indexes.length > 3) throw new GoError(`too many slice indexes: ${indexes.length}`);
  const payload = payloadOf(item);
  if (typeof payload === "string") {
    if (indexes.length === 3) throw new GoError("cannot 3-index slice a string");
    const [from, to] = bounds(indexes, payload.length, payload.length);
    return item instanceof GoScalar ? scalar(item.type, payload.slice(from, to)) : payload.slice(from, to);
  }
  if (!(item instanceof GoSlice)) throw new GoError(`can't slice item of type ${typeOf(item).name}`);
  if (item.type.kind === "array") throw new GoError("reflect.Value.Slice: slice of unaddressable array");
  const [from, to, end] = bounds(indexes, item.length, item.capacity);
  return new GoSlice(item.type, item.items, item.offset + from, to - from, end - from);
}

function bounds(indexes: GoValue[], length: number, capacity: number): [number, number, number] {
  const given = indexes.map((at) => position(at, capacity));
  const [from = 0, to = length, end = capacity] = given;
  if (from > to) throw new GoError(`invalid slice index: ${from} > ${to}`);
  if (to > end) throw new GoError(`invalid slice index: ${to} > ${end}`);
  return [from, to, end];
}

function callValue(callee: GoValue, ...args: GoValue[]): GoValue {
  const item = throughInterface(callee);
  if (item === undefined) throw new GoError("call of nil");
  if (!(item instanceof GoFunc)) throw new GoError(`non-function of type ${typeOf(item).name}`);
  const { run } = item;
  if (run === null) throw new GoError("call of nil");
  const fixed = run.variadic ? run.in.length - 1 : run.in.length;
  if (run.variadic ? args.length < fixed : args.length !== fixed) {
    const least = run.variadic ? "at least " : "";
    throw new GoError(`wrong number of args: got ${args.length} want ${least}${fixed}`);
  }
  const ready = args.map((arg, i) => {
    const type = run.in[Math.min(i, run.in.length - 1)] ?? any;
    try {
      return type === reflectValue ? itemOf(arg) : prepared(arg, type);
    } catch (error) {
      throw error instanceof GoError ? new GoError(`arg ${i}: ${error.message}`) : error;
    }
  });
  return resultOf(run, run.call(...ready));
}

/** What a function returned, as a value of its declared type. */
export function resultOf(run: GoFunction, result: GoValue | null): GoValue {
  if (run.out === reflectValue || result instanceof GoInterface) return result ?? undefined;
  return seenAs(run.out, result ?? null);
}
