/**
 * Values made of words, split as systemd splits them (`systemd.service(5)`, "Command lines"; `systemd.syntax(7)`): white space
 * separates, quotes of either kind hold words together, a backslash escapes as in C.
 *
 * Pure.
 */

/** Escapes of one letter. `\s` is a space. */
const letters: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** Escapes with a number: digits to read and their base. */
const numbers: Readonly<Record<string, { readonly digits: RegExp; readonly base: number }>> = {
  x: { digits: /[0-9a-fA-F]{2}/y, base: 16 },
  u: { digits: /[0-9a-fA-F]{4}/y, base: 16 },
  U: { digits: /[0-9a-fA-F]{8}/y, base: 16 },
};

export type SplitResult =
  | { readonly words: readonly string[] }
  /** What is wrong, as the end of a sentence: `has an opening " without a closing one`. */
  | { readonly problem: string };

/** The words of a value. Quotes may begin inside a word; empty ones make an empty word. Linear in the value's length. */
export function splitQuotedWords(value: string): SplitResult {
  const words: string[] = [];
  const delimiters = /[\s"'\\]/g;
  let word: string | undefined;
  let quote = "";
  let at = 0;
  while (at < value.length) {
    delimiters.lastIndex = at;
    const next = delimiters.exec(value)?.index ?? value.length;
    if (next > at) word = (word ?? "") + value.slice(at, next);
    const character = value[next] ?? "";
    at = next + 1;
    if (character === "\\") {
      const escaped = readEscape(value, at);
      if (escaped === undefined) {
        return { problem: `has the unknown escape ${JSON.stringify(value.slice(next, next + 2))}` };
      }
      word = (word ?? "") + escaped.text;
      at = escaped.next;
    } else if (character === quote) {
      quote = "";
    } else if (quote !== "") {
      word = (word ?? "") + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (quote !== "") return { problem: `has an opening ${quote} without a closing one` };
  if (word !== undefined) words.push(word);
  return { words };
}

/**
 * A value as one line: `systemd.syntax(7)` replaces each backslash at the end of a line by a space, and leaves out continued
 * lines that are comments.
 */
export function joinContinuedLines(value: string): string {
  if (!value.includes("\\\n")) return value;
  return value
    .split("\\\n")
    .filter((line, index) => index === 0 || !/^\s*[#;]/.test(line))
    .join(" ")
    .trim();
}

function readEscape(value: string, at: number): { text: string; next: number } | undefined {
  const kind = value[at] ?? "";
  const letter = Object.hasOwn(letters, kind) ? letters[kind] : undefined;
  if (letter !== undefined) return { text: letter, next: at + 1 };
  const number = Object.hasOwn(numbers, kind) ? numbers[kind] : undefined;
  const { digits, base } = number ?? { digits: /[0-7]{3}/y, base: 8 };
  const start = number === undefined ? at : at + 1;
  digits.lastIndex = start;
  const found = digits.exec(value)?.[0];
  if (found === undefined) return undefined;
  const code = Number.parseInt(found, base);
  // To systemd `\xff` is a byte, which alone is no character: `\u` can say all that text needs.
  const largest = kind === "u" || kind === "U" ? 0x10ffff : 0x7f;
  const isCharacter = code !== 0 && code <= largest && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? { text: String.fromCodePoint(code), next: start + found.length } : undefined;
}
