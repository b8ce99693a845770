/**
 * Printing floats as `strconv.FormatFloat` does. The shortest form that reads back takes its digits from
 * JavaScript's own shortest form (both are the nearest of the shortest); a given precision is rounded half to
 * even from the exact decimal expansion, which JavaScript's `toFixed` does not do.
 */

/** `e`, `E`: exponent; `f`: none; `g`, `G`: the better of both; `b`: binary exponent; `x`, `X`: hexadecimal. */
export type FloatFormat = "e" | "E" | "f" | "g" | "G" | "b" | "x" | "X";

/** The value 0.d₁d₂d₃… × 10^point, without trailing zeros; no digits: zero. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** `strconv.FormatFloat`; precision -1 asks for the fewest digits that read back as the same value. */
export function formatFloat(
  value: number,
  format: FloatFormat,
  precision: number,
  bits: 32 | 64 = 64,
): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const magnitude = Math.abs(value);
  switch (format) {
    case "b":
      return sign + binary(magnitude, bits);
    case "x":
    case "X":
      return sign + hexadecimal(magnitude, precision, format, bits);
    case "e":
    case "E":
      return sign + exponential(magnitude, format, precision, bits);
    case "f":
      return sign + fixed(magnitude, precision, bits);
    default:
      return sign + general(magnitude, format, precision, bits);
  }
}

function exponential(value: number, format: "e" | "E", precision: number, bits: 32 | 64): string {
  const decimal = precision < 0 ? shortest(value, bits) : rounded(exact(value), precision + 1);
  return layOutExponent(decimal, precision < 0 ? Math.max(decimal.digits.length - 1, 0) : precision, format);
}

function fixed(value: number, precision: number, bits: 32 | 64): string {
  if (precision < 0) {
    const decimal = shortest(value, bits);
    return layOutFixed(decimal, Math.max(decimal.digits.length - decimal.point, 0));
  }
  const decimal = exact(value);
  return layOutFixed(rounded(decimal, decimal.point + precision), precision);
}

/** The exponent form is used below 1e-4 and from 10^precision upwards, from 1e6 when no precision is given. */
function general(value: number, format: "g" | "G", asked: number, bits: 32 | 64): string {
  const isShortest = asked < 0;
  const wanted = asked === 0 ? 1 : asked;
  const decimal = isShortest ? shortest(value, bits) : rounded(exact(value), wanted);
  const count = decimal.digits.length;
  let precision = isShortest ? count : wanted;
  let threshold = precision > count && count >= decimal.point ? count : precision;
  if (isShortest) threshold = 6;
  const exponent = decimal.point - 1;
  if (exponent < -4 || exponent >= threshold) {
    precision = Math.min(precision, count);
    return layOutExponent(decimal, precision - 1, format === "g" ? "e" : "E");
  }
  if (precision > decimal.point) precision = count;
  return layOutFixed(decimal, Math.max(precision - decimal.point, 0));
}

function layOutExponent({ digits, point }: Decimal, precision: number, letter: "e" | "E"): string {
  const first = digits.charAt(0) || "0";
  const rest = precision > 0 ? `.${digits.slice(1, precision + 1).padEnd(precision, "0")}` : "";
  const exponent = digits === "" ? 0 : point - 1;
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${first}${rest}${letter}${exponent < 0 ? "-" : "+"}${size}`;
}

function layOutFixed({ digits, point }: Decimal, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (precision <= 0) return whole;
  const lead = "0".repeat(Math.min(Math.max(-point, 0), precision));
  const fraction = lead + digits.slice(Math.max(point, 0), Math.max(point, 0) + precision - lead.length);
  return `${whole}.${fraction.padEnd(precision, "0")}`;
}

function shortest(value: number, bits: 32 | 64): Decimal {
  if (value === 0) return { digits: "", point: 0 };
  let text = value.toExponential();
  if (bits === 32) {
    for (let count = 1; count <= 9; count++) {
      text = value.toExponential(count - 1);
      if (Math.fround(Number(text)) === value) break;
    }
  }
  const [mantissa = "", exponent = "0"] = text.split("e");
  return { digits: mantissa.replace(".", "").replace(/0+$/, ""), point: Number(exponent) + 1 };
}

interface Binary {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** The value as mantissa × 2^exponent, the mantissa with its hidden bit. */
function binaryOf(value: number, bits: 32 | 64): Binary {
  const view = new DataView(new ArrayBuffer(8));
  if (bits === 32) {
    view.setFloat32(0, value);
    const word = view.getUint32(0);
    const biased = (word >>> 23) & 0xff;
    const fraction = BigInt(word & 0x7fffff);
    return biased === 0
      ? { mantissa: fraction, exponent: -149 }
      : { mantissa: fraction | (1n << 23n), exponent: biased - 150 };
  }
  view.setFloat64(0, value);
  const word = view.getBigUint64(0);
  const biased = Number((word >> 52n) & 0x7ffn);
  const fraction = word & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

function exact(value: number): Decimal {
  const { mantissa, exponent } = binaryOf(value, 64);
  if (mantissa === 0n) return { digits: "", point: 0 };
  const scaled = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const digits = scaled.toString();
  return { digits: digits.replace(/0+$/, ""), point: digits.length + Math.min(exponent, 0) };
}

function rounded(decimal: Decimal, count: number): Decimal {
  const { digits, point } = decimal;
  if (count < 0 || count >= digits.length) return decimal;
  const kept = digits.slice(0, count);
  if (!roundsUp(digits, count)) {
    const trimmed = kept.replace(/0+$/, "");
    return trimmed === "" ? { digits: "", point: 0 } : { digits: trimmed, point };
  }
  const stem = kept.replace(/9+$/, "");
  if (stem === "") return { digits: "1", point: point + 1 };
  return { digits: stem.slice(0, -1) + String(Number(stem.slice(-1)) + 1), point };
}

function roundsUp(digits: string, count: number): boolean {
  const next = digits.charAt(count);
  if (next === "5" && count + 1 === digits.length) {
    return count > 0 && Number(digits.charAt(count - 1)) % 2 === 1;
  }
  return next >= "5";
}

function binary(value: number, bits: 32 | 64): string {
  const { mantissa, exponent } = binaryOf(value, bits);
  return `${mantissa}p${exponent < 0 ? "" : "+"}${exponent}`;
}

function hexadecimal(value: number, precision: number, letter: "x" | "X", bits: 32 | 64): string {
  const source = binaryOf(value, bits);
  let exponent = 0;
  let mantissa = source.mantissa;
  if (mantissa !== 0n) {
    const width = mantissa.toString(2).length;
    exponent = source.exponent + width - 1;
    mantissa <<= BigInt(61 - width);
  }
  if (precision >= 0 && precision < 15) {
    const drop = BigInt(60 - 4 * precision);
    const rest = mantissa & ((1n << drop) - 1n);
    mantissa >>= drop;
    const half = 1n << (drop - 1n);
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa += 1n;
    mantissa <<= drop;
    if (mantissa >> 61n === 1n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const digits = (mantissa & ((1n << 60n) - 1n)).toString(16).padStart(15, "0");
  const fraction =
    precision < 0 ? digits.replace(/0+$/, "") : digits.slice(0, precision).padEnd(precision, "0");
  const size = String(Math.abs(exponent)).padStart(2, "0");
  const text = `0x${mantissa >> 60n}${fraction === "" ? "" : `.${fraction}`}p${exponent < 0 ? "-" : "+"}${size}`;
  return letter === "x" ? text : text.toUpperCase();
}
