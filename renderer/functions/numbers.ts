/** Arithmetic on Go's `int`: 64 bits that wrap around, division that truncates. Pure. */
import { GoError, GoSlice, sliceOf, types } from "../gotmpl/index.ts";
import { quote } from "../gotmpl/quote.ts";
import { type Functions, ofInts, ofStrings } from "./declare.ts";

const ints = sliceOf(types.int);
/** Longest list that `seq` makes: beyond it a slip in a template would take all memory. */
const longestSequence = 10_000_000n;

export const numberFunctions: Functions = {
  add: ofInts(types.int, (one, other) => wrapped(one + other)),
  sub: ofInts(types.int, (one, other) => wrapped(one - other)),
  mul: ofInts(types.int, (one, other) => wrapped(one * other)),
  div: ofInts(types.int, (one, other) => wrapped(one / divisor(other))),
  mod: ofInts(types.int, (one, other) => wrapped(one % divisor(other))),
  seq: ofInts(ints, (first, last) => {
    if (first > last) return new GoSlice(ints, null);
    const length = last - first + 1n;
    if (length > longestSequence) throw new GoError(`${length} numbers are more than ${longestSequence}`);
    return new GoSlice(
      ints,
      Array.from({ length: Number(length) }, (_, at) => first + BigInt(at)),
    );
  }),
  atoi: ofStrings(1, types.int, (text = "") => parseDecimal(text)),
  parseBool: ofStrings(1, types.bool, (text = "") => parseBool(text)),
};

function wrapped(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function divisor(value: bigint): bigint {
  if (value === 0n) throw new GoError("runtime error: integer divide by zero");
  return value;
}

/** `strconv.Atoi`: decimal digits with an optional sign, nothing else. */
function parseDecimal(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new GoError(`strconv.Atoi: parsing ${quote(text)}: invalid syntax`);
  const value = BigInt(text.replace(/^\+/, ""));
  if (wrapped(value) !== value) throw new GoError(`strconv.Atoi: parsing ${quote(text)}: value out of range`);
  return value;
}

function parseBool(text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw new GoError(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
}
