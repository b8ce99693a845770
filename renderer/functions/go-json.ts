/**
 * JSON as Go's `encoding/json` reads it into an untyped value, with its errors. The whole text is checked first, as there, so that a fault
 * anywhere wins over a value of the wrong type; then the values are made. Numbers are `float64`; of a key given twice the last value
 * counts; what is no UTF-8 in a string becomes U+FFFD.
 *
 * Pure.
 */
import {
  anyMap,
  anySlice,
  eachRune,
  encodeRune,
  GoError,
  type GoItem,
  GoMap,
  GoSlice,
  type GoType,
  quote,
} from "../gotmpl/index.ts";

/** How deep values may be nested, as in Go. */
const maxDepth = 10_000;

/** The value of `text`, a byte string, which must be of the type `wanted` (an object's or a list's) or null. Throws Go's error. */
export function decodeJson(text: string, wanted: GoType): GoMap | GoSlice {
  const reader = new Reader(text);
  const value = readDocument(reader);
  if (value === null) return wanted.kind === "map" ? new GoMap(anyMap, null) : new GoSlice(anySlice, null);
  const fits = wanted.kind === "map" ? value instanceof GoMap : value instanceof GoSlice;
  if (fits && reader.overflow !== undefined) throw mismatch(`number ${reader.overflow}`, "float64");
  if (fits && (value instanceof GoMap || value instanceof GoSlice)) return value;
  throw mismatch(nameOf(value), wanted.name);
}

/** Nesting that this engine's stack cannot follow counts as too deep as well. */
function readDocument(reader: Reader): GoItem {
  try {
    return reader.document();
  } catch (error) {
    if (error instanceof RangeError) throw new GoError("exceeded max depth");
    throw error;
  }
}

function mismatch(found: string, wanted: string): GoError {
  return new GoError(`json: cannot unmarshal ${found} into Go value of type ${wanted}`);
}

function nameOf(value: GoItem): string {
  if (value instanceof GoMap) return "object";
  if (value instanceof GoSlice) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

class Reader {
  /** The first number that no float64 can hold. */
  overflow: string | undefined;
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): GoItem {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected("after top-level value");
    return value;
  }

  #value(): GoItem {
    this.#space();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#list());
      case '"':
        return this.#string();
      case "t":
        return this.#literal("true", true);
      case "f":
        return this.#literal("false", false);
      case "n":
        return this.#literal("null", null);
      default:
        return this.#number();
    }
  }

  #nested(read: () => GoItem): GoItem {
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new GoError("exceeded max depth");
    const value = read();
    this.#at += 1;
    this.#depth -= 1;
    return value;
  }

  #object(): GoItem {
    const entries = new Map<string, GoItem>();
    this.#space();
    if (this.#text[this.#at] === "}") return new GoMap(anyMap, entries);
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      this.#space();
      if (this.#text[this.#at] !== ":") throw this.#unexpected("after object key");
      this.#at += 1;
      entries.set(key, this.#value());
      this.#space();
      if (this.#text[this.#at] === "}") return new GoMap(anyMap, entries);
      if (this.#text[this.#at] !== ",") throw this.#unexpected("after object key:value pair");
      this.#at += 1;
    }
  }

  #list(): GoItem {
    const items: GoItem[] = [];
    this.#space();
    if (this.#text[this.#at] === "]") return new GoSlice(anySlice, items);
    for (;;) {
      items.push(this.#value());
      this.#space();
      if (this.#text[this.#at] === "]") return new GoSlice(anySlice, items);
      if (this.#text[this.#at] !== ",") throw this.#unexpected("after array element");
      this.#at += 1;
    }
  }

  #literal<T extends GoItem>(word: string, value: T): T {
    for (let at = 0; at < word.length; at += 1, this.#at += 1) {
      if (this.#text[this.#at] !== word[at]) {
        throw this.#unexpected(`in literal ${word} (expecting ${showCharacter(word[at] ?? "")})`);
      }
    }
    return value;
  }

  #number(): number {
    const start = this.#at;
    if (this.#text[this.#at] === "-") {
      this.#at += 1;
      if (!this.#isDigit()) throw this.#unexpected("in numeric literal");
    } else if (!this.#isDigit()) throw this.#unexpected("looking for beginning of value");
    if (this.#text[this.#at] === "0") this.#at += 1;
    else this.#digits();
    if (this.#text[this.#at] === ".") {
      this.#at += 1;
      if (!this.#isDigit()) throw this.#unexpected("after decimal point in numeric literal");
      this.#digits();
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at += 1;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at += 1;
      if (!this.#isDigit()) throw this.#unexpected("in exponent of numeric literal");
      this.#digits();
    }
    const literal = this.#text.slice(start, this.#at);
    const value = Number(literal);
    if (!Number.isFinite(value)) this.overflow ??= literal;
    return value;
  }

  #isDigit(): boolean {
    const character = this.#text[this.#at];
    return character !== undefined && character >= "0" && character <= "9";
  }

  #digits(): void {
    while (this.#isDigit()) this.#at += 1;
  }

  #string(): string {
    this.#at += 1;
    const parts: string[] = [];
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#unexpected("");
      if (character === '"') break;
      if (character < " ") throw this.#unexpected("in string literal");
      if (character === "\\") parts.push(this.#escape());
      else parts.push(this.#plain());
    }
    this.#at += 1;
    return parts.join("");
  }

  /** The characters up to the next quote, escape or fault. */
  #plain(): string {
    const start = this.#at;
    let character = this.#text[this.#at];
    while (character !== undefined && character !== '"' && character !== "\\" && character >= " ") {
      this.#at += 1;
      character = this.#text[this.#at];
    }
    return validUtf8(this.#text.slice(start, this.#at));
  }

  #escape(): string {
    this.#at += 1;
    const letter = this.#text[this.#at];
    if (letter === "u") return encodeRune(this.#unicode());
    const plain = letter === undefined ? undefined : escapes.get(letter);
    if (plain === undefined) throw this.#unexpected("in string escape code");
    this.#at += 1;
    return plain;
  }

  /** The rune of `uXXXX`, or of two such escapes that make a pair of surrogates. */
  #unicode(): number {
    const first = this.#hex();
    if (first < 0xd800 || first > 0xdfff) return first;
    if (first < 0xdc00 && this.#text.startsWith("\\u", this.#at)) {
      const back = this.#at;
      this.#at += 1;
      const second = this.#hex();
      if (second >= 0xdc00 && second <= 0xdfff) return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
      // Not its other half: it stands for itself, and this one for nothing.
      this.#at = back;
    }
    return 0xfffd;
  }

  #hex(): number {
    this.#at += 1;
    const start = this.#at;
    for (let place = 0; place < 4; place += 1, this.#at += 1) {
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? "")) {
        throw this.#unexpected("in \\u hexadecimal character escape");
      }
    }
    return Number.parseInt(this.#text.slice(start, this.#at), 16);
  }

  #space(): void {
    let character = this.#text[this.#at];
    while (character === " " || character === "\t" || character === "\r" || character === "\n") {
      this.#at += 1;
      character = this.#text[this.#at];
    }
  }

  /** Go's decoder ends every text with a space of its own, and names it where a word, a number or an escape is cut off. */
  #unexpected(where: string): GoError {
    const cutOff = where.startsWith("in ") || where.endsWith(" in numeric literal");
    const character = this.#text[this.#at] ?? (cutOff ? " " : undefined);
    if (character === undefined) return new GoError("unexpected end of JSON input");
    return new GoError(`invalid character ${showCharacter(character)} ${where}`);
  }
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** A byte between single quotes, as Go's decoder shows it: as the rune of that number. */
function showCharacter(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  return `'${quote(encodeRune(character.charCodeAt(0))).slice(1, -1)}'`;
}

function validUtf8(bytes: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  const parts: string[] = [];
  eachRune(bytes, (rune) => parts.push(encodeRune(rune)));
  return parts.join("");
}
