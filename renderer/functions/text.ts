/** Functions of strings and paths, as Go's `strings` and `path` have them. They work on bytes, and on runes where Go does. Pure. */
import { basePath, dirPath } from "../go-path.ts";
import { decodeRune, eachRune, encodeRune, GoError, type GoSlice, types, widthIn } from "../gotmpl/index.ts";
import { type Functions, ofStrings, strings, stringsOf, textsIn } from "./declare.ts";
import { lowerRune, upperRune } from "./rune-case.ts";

export const textFunctions: Functions = {
  base: ofStrings(1, types.string, (path = "") => basePath(path)),
  dir: ofStrings(1, types.string, (path = "") => dirPath(path)),
  split: ofStrings(2, strings, (text = "", separator = "") => {
    return stringsOf(separator === "" ? explode(text) : text.split(separator));
  }),
  join: {
    in: [strings, types.string],
    out: types.string,
    call: (list: GoSlice, separator: string) => {
      const texts = textsIn(list);
      const length = texts.reduce((sum, text) => sum + text.length, separator.length * texts.length);
      bounded(length);
      return texts.join(separator);
    },
  },
  toUpper: ofStrings(1, types.string, (text = "") => mapRunes(text, upperRune)),
  toLower: ofStrings(1, types.string, (text = "") => mapRunes(text, lowerRune)),
  contains: ofStrings(2, types.bool, (text = "", part = "") => text.includes(part)),
  replace: {
    in: [types.string, types.string, types.string, types.int],
    out: types.string,
    call: (text: string, old: string, fresh: string, count: bigint) => replaceText(text, old, fresh, count),
  },
  trimSuffix: ofStrings(2, types.string, (text = "", suffix = "") => {
    return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  }),
};

/** What a stray byte decodes to. */
const strayByte = 0xfffd;
/** Longest string in bytes that a function makes: a template that asks for more has a slip in it. */
const longest = 2 ** 28;

function bounded(length: number): void {
  if (length > longest) throw new GoError(`a string of ${length} bytes is longer than ${longest}`);
}

/** The runes one by one. Like Go 1.19, each stray byte but the last becomes U+FFFD. */
function explode(text: string): string[] {
  const parts: string[] = [];
  let last = "";
  eachRune(text, (rune, source) => {
    parts.push(rune === strayByte ? encodeRune(rune) : source);
    last = source;
  });
  if (parts.length > 0) parts[parts.length - 1] = last;
  return parts;
}

/** Rune by rune, never by context: the final sigma is a sigma, and `ß` has no capital. */
function mapRunes(text: string, map: (rune: number) => number): string {
  const parts: string[] = [];
  eachRune(text, (rune) => parts.push(encodeRune(map(rune))));
  return parts.join("");
}

function replaceText(text: string, old: string, fresh: string, count: bigint): string {
  if (old === fresh || count === 0n) return text;
  const pieces: string[] = [];
  let length = 0;
  let from = 0;
  for (let done = 0n; count < 0n || done < count; done += 1n) {
    const at = nextMatch(text, old, from, done === 0n);
    if (at === -1) break;
    pieces.push(text.slice(from, at), fresh);
    length += at - from + fresh.length;
    bounded(length);
    from = at + old.length;
  }
  pieces.push(text.slice(from));
  return pieces.join("");
}

/** Where `old` is next; the empty string is before the first rune and after each. */
function nextMatch(text: string, old: string, from: number, first: boolean): number {
  if (old !== "") return text.indexOf(old, from);
  if (first) return from;
  return from >= text.length ? -1 : from + widthIn(decodeRune(text, from));
}
