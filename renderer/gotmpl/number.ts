/** Reading numbers as package strconv does: bases, prefixes, underscores, ranges, exact rounding of floats. */

/** A number read, or why it was not: malformed, or out of the range of its type. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

/** `syntax`: strconv.ErrSyntax; `range`: strconv.ErrRange. */
export type Fault = "syntax" | "range";

const SYNTAX = { ok: false, fault: "syntax" } as const;
const RANGE = { ok: false, fault: "range" } as const;

/** Underscores may stand only between digits, or between a base prefix and a digit. */
function underscoresAreLegal(text: string): boolean {
  const unsigned = text.replace(/^[+-]/, "");
  const prefixed = /^0[bBoOxX]/.test(unsigned);
  const digit = /^0[xX]/.test(unsigned) ? /[0-9a-fA-F]/ : /[0-9]/;
  const body = prefixed ? unsigned.slice(2) : unsigned;
  for (let i = body.indexOf("_"); i >= 0; i = body.indexOf("_", i + 1)) {
    const before = i === 0 ? prefixed : digit.test(body.charAt(i - 1));
    if (!before || !digit.test(body.charAt(i + 1))) return false;
  }
  return true;
}

const DIGITS: Readonly<Record<number, RegExp>> = {
  2: /^[01]+$/,
  8: /^[0-7]+$/,
  10: /^[0-9]+$/,
  16: /^[0-9a-fA-F]+$/,
};
const PREFIXES: Readonly<Record<number, string>> = { 2: "0b", 8: "0o", 10: "", 16: "0x" };

interface Literal {
  readonly base: number;
  readonly digits: string;
}

function literalIn(text: string, base: number): Literal | undefined {
  if (base !== 0) return { base, digits: text };
  if (text.includes("_") && !underscoresAreLegal(text)) return undefined;
  const digits = text.replaceAll("_", "");
  if (!text.startsWith("0")) return { base: 10, digits };
  if (text.length >= 3) {
    if (/^0[bB]/.test(text)) return { base: 2, digits: digits.slice(2) };
    if (/^0[oO]/.test(text)) return { base: 8, digits: digits.slice(2) };
    if (/^0[xX]/.test(text)) return { base: 16, digits: digits.slice(2) };
  }
  return digits === "0" ? { base: 10, digits } : { base: 8, digits: digits.slice(1) };
}

/** `strconv.ParseUint(text, base, 64)`; base 0 takes prefixes and underscores, otherwise 2, 8, 10 or 16. */
export function parseUint(text: string, base: 0 | 2 | 8 | 10 | 16 = 10): Parsed<bigint> {
  const literal = text === "" ? undefined : literalIn(text, base);
  if (literal === undefined || !DIGITS[literal.base]?.test(literal.digits)) return SYNTAX;
  const value = BigInt((PREFIXES[literal.base] ?? "") + literal.digits);
  return value > 0xffffffffffffffffn ? RANGE : { ok: true, value };
}

/** `strconv.ParseInt(text, base, 64)`, with an optional sign. */
export function parseInt64(text: string, base: 0 | 2 | 8 | 10 | 16 = 10): Parsed<bigint> {
  const negative = text.startsWith("-");
  const magnitude = parseUint(negative || text.startsWith("+") ? text.slice(1) : text, base);
  if (!magnitude.ok) return magnitude;
  const value = negative ? -magnitude.value : magnitude.value;
  return BigInt.asIntN(64, value) === value ? { ok: true, value } : RANGE;
}

const DECIMAL_FLOAT = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const HEX_FLOAT = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]+)$/;
const SPECIAL_FLOAT = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i;

/** `strconv.ParseFloat(text, 64)`: correctly rounded decimal and hexadecimal, `inf`, `nan`. */
export function parseFloat64(text: string): Parsed<number> {
  if (text.includes("_") && !underscoresAreLegal(text)) return SYNTAX;
  const plain = text.replaceAll("_", "");
  if (DECIMAL_FLOAT.test(plain)) return finite(Number(plain));
  const hexadecimal = HEX_FLOAT.exec(plain);
  if (hexadecimal !== null) {
    const [, sign = "", whole = "", fraction = "", exponent = ""] = hexadecimal;
    if (whole + fraction === "") return SYNTAX;
    const scale = Math.max(-100000, Math.min(100000, Number(exponent)));
    const value = roundToFloat(BigInt(`0x${whole}${fraction}`), scale - 4 * fraction.length);
    return finite(sign === "-" ? -value : value);
  }
  const special = text.includes("_") ? null : SPECIAL_FLOAT.exec(plain);
  if (special === null) return SYNTAX;
  const infinite = special[2] === undefined ? Number.NaN : Number.POSITIVE_INFINITY;
  if (Number.isNaN(infinite) && special[1] !== "") return SYNTAX;
  return { ok: true, value: special[1] === "-" ? -infinite : infinite };
}

function finite(value: number): Parsed<number> {
  return Number.isFinite(value) ? { ok: true, value } : RANGE;
}

/** `mantissa × 2^exponent` rounded to the nearest float64, ties to even, subnormals included. */
export function roundToFloat(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(2).length;
  const shift = Math.max(bits - 53, -1074 - exponent);
  if (shift > bits + 1) return 0;
  if (bits + exponent > 1025) return Number.POSITIVE_INFINITY;
  let kept = mantissa;
  if (shift > 0) {
    const drop = BigInt(shift);
    const rest = mantissa & ((1n << drop) - 1n);
    const half = 1n << (drop - 1n);
    kept = mantissa >> drop;
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  }
  const scale = exponent + Math.max(shift, 0);
  const half = Math.trunc(scale / 2);
  return Number(kept) * 2 ** half * 2 ** (scale - half);
}
