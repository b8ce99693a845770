/** The escapers: html, js and urlquery, on byte strings. */

import { decodeRune, runeIn, widthIn } from "./bytes.ts";
import { isPrint } from "./unicode.ts";

const HTML: Readonly<Record<string, string>> = {
  "\0": "\u00ef\u00bf\u00bd",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

/** Escapes for HTML text and attributes; NUL becomes U+FFFD. */
export function escapeHtml(bytes: string): string {
  return bytes.replace(/[\0"'&<>]/g, (char) => HTML[char] ?? char);
}

const JS: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "<": "\\u003C",
  ">": "\\u003E",
  "&": "\\u0026",
  "=": "\\u003D",
};

function unicodeEscape(rune: number): string {
  return `\\u${rune.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Escapes for a JavaScript string literal; visible characters beyond ASCII stay. */
export function escapeJs(bytes: string): string {
  let out = "";
  for (let i = 0; i < bytes.length; ) {
    const decoded = decodeRune(bytes, i);
    const rune = runeIn(decoded);
    const source = bytes.slice(i, i + widthIn(decoded));
    i += source.length;
    const isPlain = rune < 0x80 ? rune >= 0x20 : isPrint(rune);
    out += JS[source] ?? (isPlain ? source : unicodeEscape(rune));
  }
  return out;
}

/** Escapes for a URL's query: a space is `+`, and only letters, digits and `-_.~` stay. */
export function escapeUrlQuery(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9\-_.~]/g, (byte) =>
    byte === " " ? "+" : `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
