/**
 * Byte strings: a Go string is a sequence of bytes, so it is held as a JavaScript string with one character
 * (0–255) per byte. Length, index, slice, comparison and concatenation are then exact and fast; only code
 * that speaks of runes decodes UTF-8, here and nowhere else.
 */

const RUNE_ERROR = 0xfffd;
const MAX_RUNE = 0x10ffff;
const WIDTH = 0x200000;
const REPLACEMENT = "\u00ef\u00bf\u00bd";
const ASCII = /^[\0-\x7f]*$/;

/** Go's `utf8.RuneError`, what a malformed byte decodes to, and `utf8.MaxRune`. */
export { MAX_RUNE, RUNE_ERROR };

/** The byte string of a JavaScript text (lone surrogates become U+FFFD). */
export function bytesOf(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The JavaScript text of a byte string; malformed UTF-8 becomes U+FFFD. */
export function textOf(bytes: string): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** Whether a JavaScript string is a byte string, that is, has no character above 255. */
export function isByteString(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/** A decoded rune with its width in bytes in one number: take it apart with {@link runeIn} and {@link widthIn}. */
export type Decoded = number;

/** The rune of a {@link Decoded}. */
export function runeIn(decoded: Decoded): number {
  return decoded % WIDTH;
}

/** The width in bytes of a {@link Decoded}; 0 only at the end of the input. */
export function widthIn(decoded: Decoded): number {
  return Math.floor(decoded / WIDTH);
}

const MALFORMED: Decoded = RUNE_ERROR + WIDTH;

function continuation(bytes: string, at: number): number {
  const c = bytes.charCodeAt(at);
  return c >= 0x80 && c <= 0xbf ? c & 0x3f : -1;
}

/**
 * Decodes the rune at `at` by Go's rules: overlong forms, surrogates, values above U+10FFFF and stray bytes
 * are U+FFFD of width 1. At the end: U+FFFD of width 0.
 */
export function decodeRune(bytes: string, at: number): Decoded {
  if (at >= bytes.length) return RUNE_ERROR;
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return first + WIDTH;
  if (first < 0xc2 || first > 0xf4) return MALFORMED;
  const second = continuation(bytes, at + 1);
  if (second < 0) return MALFORMED;
  if (first < 0xe0) return ((first & 0x1f) << 6) + second + 2 * WIDTH;
  const third = continuation(bytes, at + 2);
  if (third < 0) return MALFORMED;
  if (first < 0xf0) {
    const rune = ((first & 0xf) << 12) + (second << 6) + third;
    return rune < 0x800 || isSurrogate(rune) ? MALFORMED : rune + 3 * WIDTH;
  }
  const fourth = continuation(bytes, at + 3);
  if (fourth < 0) return MALFORMED;
  const rune = ((first & 0x7) << 18) + (second << 12) + (third << 6) + fourth;
  return rune < 0x10000 || rune > MAX_RUNE ? MALFORMED : rune + 4 * WIDTH;
}

function isSurrogate(rune: number): boolean {
  return rune >= 0xd800 && rune <= 0xdfff;
}

/** The UTF-8 bytes of a rune; surrogates and values out of range give U+FFFD. */
export function encodeRune(rune: number): string {
  if (rune >= 0 && rune < 0x80) return String.fromCharCode(rune);
  if (rune < 0 || rune > MAX_RUNE || isSurrogate(rune)) return REPLACEMENT;
  if (rune < 0x800) return String.fromCharCode(0xc0 | (rune >> 6), 0x80 | (rune & 0x3f));
  const low = String.fromCharCode(0x80 | ((rune >> 6) & 0x3f), 0x80 | (rune & 0x3f));
  if (rune < 0x10000) return String.fromCharCode(0xe0 | (rune >> 12)) + low;
  return String.fromCharCode(0xf0 | (rune >> 18), 0x80 | ((rune >> 12) & 0x3f)) + low;
}

/** How many runes a byte string holds, each malformed byte counting as one. */
export function runeCount(bytes: string): number {
  if (ASCII.test(bytes)) return bytes.length;
  let count = 0;
  for (let i = 0; i < bytes.length; count++) i += widthIn(decodeRune(bytes, i));
  return count;
}

/** The first `count` runes of a byte string. */
export function firstRunes(bytes: string, count: number): string {
  let i = 0;
  for (let left = count; left > 0 && i < bytes.length; left--) i += widthIn(decodeRune(bytes, i));
  return bytes.slice(0, i);
}

/** Calls `visit` with each rune of a byte string and the bytes it came from. */
export function eachRune(bytes: string, visit: (rune: number, source: string) => void): void {
  for (let i = 0; i < bytes.length; ) {
    const decoded = decodeRune(bytes, i);
    const width = widthIn(decoded);
    visit(runeIn(decoded), bytes.slice(i, i + width));
    i += width;
  }
}
