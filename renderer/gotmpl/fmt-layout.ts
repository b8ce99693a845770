/**
 * How package fmt lays out one basic value: flags, width, precision, padding. Which verb fits which value is
 * decided in fmt.ts; here every call writes.
 */

import { encodeRune, firstRunes, MAX_RUNE, RUNE_ERROR, runeCount } from "./bytes.ts";
import { GoError } from "./errors.ts";
import type { FloatFormat } from "./float.ts";
import { formatFloat } from "./float.ts";
import { canBackquote, quote, quoteRune } from "./quote.ts";
import { isPrint } from "./unicode.ts";

/** The longest text that one value or one rendering may come to, in bytes; beyond it is an error. */
export const MAX_TEXT = 1 << 28;

/** The error for a text that would be longer than {@link MAX_TEXT}. */
export function tooLong(): GoError {
  return new GoError(`text is longer than ${MAX_TEXT} bytes`);
}

/** Output under construction with the flags of the directive at hand. */
export class Layout {
  out = "";
  width = 0;
  hasWidth = false;
  precision = 0;
  hasPrecision = false;
  minus = false;
  plus = false;
  sharp = false;
  space = false;
  zero = false;
  /** `%+v`: field names. */
  plusV = false;
  /** `%#v`: Go syntax. */
  sharpV = false;

  clear(): void {
    this.width = 0;
    this.hasWidth = false;
    this.precision = 0;
    this.hasPrecision = false;
    this.minus = false;
    this.plus = false;
    this.sharp = false;
    this.space = false;
    this.zero = false;
    this.plusV = false;
    this.sharpV = false;
  }

  write(text: string): void {
    if (this.out.length + text.length > MAX_TEXT) throw tooLong();
    this.out += text;
  }

  #padding(count: number): void {
    if (count <= 0) return;
    if (this.out.length + count > MAX_TEXT) throw tooLong();
    this.out += (this.zero ? "0" : " ").repeat(count);
  }

  /** Writes text padded to the width, which counts runes. */
  pad(text: string): void {
    if (!this.hasWidth || this.width === 0) {
      this.write(text);
      return;
    }
    const missing = this.width - runeCount(text);
    if (!this.minus) this.#padding(missing);
    this.write(text);
    if (this.minus) this.#padding(missing);
  }

  #padWithSpaces(text: string): void {
    const { zero } = this;
    this.zero = false;
    this.pad(text);
    this.zero = zero;
  }

  #truncated(text: string): string {
    return this.hasPrecision ? firstRunes(text, this.precision) : text;
  }

  /** `%s` */
  string(text: string): void {
    this.pad(this.#truncated(text));
  }

  /** `%q` of a string */
  quoted(text: string): void {
    const shown = this.#truncated(text);
    this.pad(this.sharp && canBackquote(shown) ? `\`${shown}\`` : quote(shown, this.plus));
  }

  /** `%x` and `%X` of a string: two digits a byte. */
  hexBytes(bytes: string, upper: boolean): void {
    const count = this.hasPrecision ? Math.min(this.precision, bytes.length) : bytes.length;
    if (count === 0) {
      if (this.hasWidth) this.#padding(this.width);
      return;
    }
    const digits = Buffer.from(bytes.slice(0, count), "latin1").toString("hex");
    const prefix = this.sharp ? "0x" : "";
    let text = prefix + digits;
    if (this.space) {
      const pairs = digits.match(/../g) ?? [];
      text = pairs.map((pair) => prefix + pair).join(" ");
    }
    this.pad(upper ? text.toUpperCase() : text);
  }

  /** An integer in a base. `letters` upper-cases its digits; `octalPrefix` is `%O`'s `0o`. */
  integer(
    value: bigint,
    base: 2 | 8 | 10 | 16,
    letters: "lower" | "upper" = "lower",
    octalPrefix = false,
  ): void {
    const negative = value < 0n;
    const magnitude = negative ? -value : value;
    let precision = 0;
    if (this.hasPrecision) {
      precision = this.precision;
      if (precision === 0 && value === 0n) {
        const { zero } = this;
        this.zero = false;
        this.#padding(this.width);
        this.zero = zero;
        return;
      }
    } else if (this.zero && this.hasWidth) {
      precision = this.width - (negative || this.plus || this.space ? 1 : 0);
    }
    let digits = magnitude.toString(base).padStart(precision, "0");
    if (letters === "upper") digits = digits.toUpperCase();
    if (this.sharp) {
      if (base === 2) digits = `0b${digits}`;
      if (base === 8 && !digits.startsWith("0")) digits = `0${digits}`;
      if (base === 16) digits = (letters === "upper" ? "0X" : "0x") + digits;
    }
    if (octalPrefix) digits = `0o${digits}`;
    this.#padWithSpaces(this.#sign(negative) + digits);
  }

  #sign(negative: boolean): string {
    if (negative) return "-";
    if (this.plus) return "+";
    return this.space ? " " : "";
  }

  /** An integer in base 16, with or without `0x` whatever the `#` flag says. */
  hexInteger(value: bigint, prefixed: boolean): void {
    const { sharp } = this;
    this.sharp = prefixed;
    this.integer(value, 16);
    this.sharp = sharp;
  }

  /** `%c` */
  rune(value: bigint): void {
    this.pad(encodeRune(runeFrom(value)));
  }

  /** `%q` of an integer */
  quotedRune(value: bigint): void {
    this.pad(quoteRune(runeFrom(value), this.plus));
  }

  /** `%U` */
  codePoint(value: bigint): void {
    const unsigned = BigInt.asUintN(64, value);
    const precision = this.hasPrecision && this.precision > 4 ? this.precision : 4;
    let text = `U+${unsigned.toString(16).toUpperCase().padStart(precision, "0")}`;
    if (this.sharp && unsigned <= BigInt(MAX_RUNE) && isPrint(Number(unsigned))) {
      text += ` '${encodeRune(Number(unsigned))}'`;
    }
    this.#padWithSpaces(text);
  }

  /** A float; `precision` is what the verb takes when the directive gives none. */
  float(value: number, bits: 32 | 64, verb: FloatFormat, precision: number): void {
    const digits = this.hasPrecision ? this.precision : precision;
    const text = formatFloat(value, verb, digits, bits);
    const signed = /^[+-]/.test(text) ? text : `+${text}`;
    let sign = signed.charAt(0);
    let body = signed.slice(1);
    if (this.space && sign === "+" && !this.plus) sign = " ";
    if (body === "Inf" || body === "NaN") {
      const unsigned = body === "NaN" && !this.space && !this.plus;
      this.#padWithSpaces(unsigned ? body : sign + body);
      return;
    }
    if (this.sharp && verb !== "b") body = withPoint(body, verb, digits);
    if (!this.plus && sign === "+") {
      this.pad(body);
    } else if (this.zero && this.hasWidth && this.width > body.length + 1) {
      this.write(sign);
      this.#padding(this.width - body.length - 1);
      this.write(body);
    } else {
      this.pad(sign + body);
    }
  }
}

function runeFrom(value: bigint): number {
  return value < 0n || value > BigInt(MAX_RUNE) ? RUNE_ERROR : Number(value);
}

/** The `#` flag: always a decimal point, and for `g` and `x` no trailing zeros dropped. */
function withPoint(body: string, verb: FloatFormat, precision: number): string {
  let digits = 0;
  if (verb === "g" || verb === "G" || verb === "x") digits = precision === -1 ? 6 : precision;
  const isHex = verb === "x" || verb === "X";
  const tailAt = body.search(isHex ? /[pP]/ : /[eE]/);
  const tail = tailAt < 0 ? "" : body.slice(tailAt);
  const number = tailAt < 0 ? body : body.slice(0, tailAt);
  const significant = number.replace(".", "").replace(/^0+/, "");
  digits -= significant.length;
  let text = number;
  if (!number.includes(".")) {
    if (number === "0") digits--;
    text += ".";
  }
  return text + "0".repeat(Math.max(digits, 0)) + tail;
}
