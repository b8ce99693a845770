/** Go's string and rune literals: quoting and unquoting as package strconv does, on byte strings. */

import { decodeRune, encodeRune, isByteString, MAX_RUNE, RUNE_ERROR, runeIn, widthIn } from "./bytes.ts";
import { isPrint } from "./unicode.ts";

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
};

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function isValidRune(rune: number): boolean {
  return rune >= 0 && rune <= MAX_RUNE && !(rune >= 0xd800 && rune <= 0xdfff);
}

function escapeRune(rune: number, quote: number, asciiOnly: boolean): string {
  if (rune === quote || rune === 0x5c) return `\\${String.fromCharCode(rune)}`;
  if (isPrint(rune) && (rune < 0x80 || !asciiOnly)) return encodeRune(rune);
  const named = NAMED_ESCAPES[rune];
  if (named !== undefined) return named;
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`;
  if (!isValidRune(rune)) return "\\ufffd";
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

const PLAIN = /^[ !#-[\]-~]*$/;

/** `strconv.Quote`, or `strconv.QuoteToASCII` with `asciiOnly`. */
export function quote(bytes: string, asciiOnly = false): string {
  if (PLAIN.test(bytes)) return `"${bytes}"`;
  let out = '"';
  for (let i = 0; i < bytes.length; ) {
    const decoded = decodeRune(bytes, i);
    const rune = runeIn(decoded);
    const width = widthIn(decoded);
    if (width === 1 && rune === RUNE_ERROR) out += `\\x${hex(bytes.charCodeAt(i), 2)}`;
    else out += escapeRune(rune, 0x22, asciiOnly);
    i += width;
  }
  return `${out}"`;
}

/** `strconv.QuoteRune`, or `strconv.QuoteRuneToASCII` with `asciiOnly`; what is no rune is quoted as U+FFFD. */
export function quoteRune(rune: number, asciiOnly = false): string {
  return `'${escapeRune(isValidRune(rune) ? rune : RUNE_ERROR, 0x27, asciiOnly)}'`;
}

/** `strconv.CanBackquote`: whether the string can stand unchanged between backquotes on one line. */
export function canBackquote(bytes: string): boolean {
  for (let i = 0; i < bytes.length; ) {
    const decoded = decodeRune(bytes, i);
    const rune = runeIn(decoded);
    const width = widthIn(decoded);
    i += width;
    if (width > 1) {
      if (rune === 0xfeff) return false;
    } else if (rune === RUNE_ERROR || (rune < 0x20 && rune !== 9) || rune === 0x60 || rune === 0x7f) {
      return false;
    }
  }
  return true;
}

/** A character read from a literal: its bytes, its rune, and where the next one begins. */
export interface UnquotedChar {
  readonly bytes: string;
  readonly rune: number;
  readonly next: number;
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 0x5c,
};
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Reads one possibly escaped character of a literal in the given quotes, at `at`; undefined when it is malformed. */
export function unquoteChar(bytes: string, at: number, quotes: string): UnquotedChar | undefined {
  const first = bytes.charAt(at);
  if (first === "" || first === quotes) return undefined;
  if (first !== "\\") {
    const decoded = decodeRune(bytes, at);
    const rune = runeIn(decoded);
    return { bytes: encodeRune(rune), rune, next: at + widthIn(decoded) };
  }
  const letter = bytes.charAt(at + 1);
  const simple = SIMPLE_ESCAPES[letter];
  if (simple !== undefined) return byteChar(simple, at + 2);
  const digits = HEX_DIGITS[letter];
  if (digits !== undefined) return unquoteHex(bytes, at + 2, digits);
  if (/^[0-7]/.test(letter)) {
    const octal = bytes.slice(at + 1, at + 4);
    const value = Number.parseInt(octal, 8);
    return /^[0-7]{3}$/.test(octal) && value <= 255 ? byteChar(value, at + 4) : undefined;
  }
  return letter !== "" && letter === quotes ? byteChar(letter.charCodeAt(0), at + 2) : undefined;
}

function byteChar(code: number, next: number): UnquotedChar {
  return { bytes: String.fromCharCode(code), rune: code, next };
}

function unquoteHex(bytes: string, at: number, digits: number): UnquotedChar | undefined {
  const source = bytes.slice(at, at + digits);
  if (source.length < digits || !/^[0-9a-fA-F]+$/.test(source)) return undefined;
  const rune = Number.parseInt(source, 16);
  if (digits === 2) return byteChar(rune, at + digits);
  return isValidRune(rune) ? { bytes: encodeRune(rune), rune, next: at + digits } : undefined;
}

/** `strconv.Unquote` for string literals (`"…"` and backquotes); undefined when the syntax is invalid. */
export function unquote(literal: string): string | undefined {
  if (literal.length < 2) return undefined;
  const mark = literal.charAt(0);
  const inner = literal.slice(1, -1);
  if (literal.charAt(literal.length - 1) !== mark || !isByteString(literal)) return undefined;
  if (mark === "`") return inner.includes("`") ? undefined : inner.replaceAll("\r", "");
  if (mark !== '"' || inner.includes("\n")) return undefined;
  if (PLAIN.test(inner)) return inner;
  let out = "";
  for (let i = 0; i < inner.length; ) {
    const char = unquoteChar(inner, i, mark);
    if (char === undefined) return undefined;
    out += char.bytes;
    i = char.next;
  }
  return out;
}
