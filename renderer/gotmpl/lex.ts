/** From template text to items: text, delimiters, and the words inside actions, with Go's error texts. */

import { decodeRune, encodeRune, firstRunes, runeIn, widthIn } from "./bytes.ts";
import { quote } from "./quote.ts";
import { isAlphaNumeric, isPrint } from "./unicode.ts";

export type ItemType =
  | "error"
  | "bool"
  | "char"
  | "charConstant"
  | "complex"
  | "assign"
  | "declare"
  | "eof"
  | "field"
  | "identifier"
  | "leftDelim"
  | "leftParen"
  | "number"
  | "pipe"
  | "rawString"
  | "rightDelim"
  | "rightParen"
  | "space"
  | "string"
  | "text"
  | "variable"
  | "dot"
  | Keyword;

type Keyword = (typeof KEYWORDS)[number];

const KEYWORDS = [
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "range",
  "nil",
  "template",
  "with",
] as const;

function isKeyword(word: string): word is Keyword {
  return (KEYWORDS as readonly string[]).includes(word);
}

/** A piece of the source: its byte offset, its bytes (or an error's message) and the line it starts on. */
export interface Item {
  readonly type: ItemType;
  readonly pos: number;
  readonly value: string;
  readonly line: number;
}

/** How error messages show an item. */
export function itemText(item: Item): string {
  if (item.type === "eof") return "EOF";
  if (item.type === "error") return item.value;
  if (item.type === "dot" || isKeyword(item.type)) return `<${item.value}>`;
  return item.value.length > 10 ? `${quote(firstRunes(item.value, 10))}...` : quote(item.value);
}

/** `%#U`: a code point and, when it is visible, the character. */
function codePoint(rune: number): string {
  const shown = isPrint(rune) ? ` '${encodeRune(rune)}'` : "";
  return `U+${rune.toString(16).toUpperCase().padStart(4, "0")}${shown}`;
}

const LEFT = "{{";
const RIGHT = "}}";
const EOF = -1;
const TRIM_MARKER_LENGTH = 2;
const BACKSLASH = 0x5c;
const NEWLINE = 10;

/** All items of a source, the last of which is the end or the first error. */
export function lex(source: string): Item[] {
  return new Lexer(source).run();
}

function isSpace(rune: number): boolean {
  return rune === 32 || rune === 9 || rune === 13 || rune === NEWLINE;
}

function trimmedRight(text: string): number {
  let i = text.length;
  while (i > 0 && isSpace(text.charCodeAt(i - 1))) i--;
  return text.length - i;
}

type State = "text" | "leftDelim" | "action" | "rightDelim" | "end";

class Lexer {
  readonly #input: string;
  readonly #items: Item[] = [];
  #pos = 0;
  #start = 0;
  #line = 1;
  #startLine = 1;
  #parens = 0;

  constructor(input: string) {
    this.#input = input;
  }

  run(): Item[] {
    let state: State = "text";
    while (state !== "end") {
      if (state === "text") state = this.#text();
      else if (state === "leftDelim") state = this.#leftDelim();
      else if (state === "action") state = this.#action();
      else state = this.#rightDelim();
    }
    return this.#items;
  }

  #emit(type: ItemType): void {
    const value = this.#input.slice(this.#start, this.#pos);
    this.#items.push({ type, pos: this.#start, value, line: this.#startLine });
    this.#start = this.#pos;
    this.#startLine = this.#line;
  }

  #fail(message: string): State {
    this.#items.push({ type: "error", pos: this.#start, value: message, line: this.#startLine });
    return "end";
  }

  #countLines(): void {
    for (let i = this.#start; i < this.#pos; i++) if (this.#input.charCodeAt(i) === NEWLINE) this.#line++;
  }

  /** Drops what was read, counting its lines. */
  #ignore(): void {
    this.#countLines();
    this.#start = this.#pos;
    this.#startLine = this.#line;
  }

  #peek(): number {
    if (this.#pos >= this.#input.length) return EOF;
    const code = this.#input.charCodeAt(this.#pos);
    return code < 0x80 ? code : runeIn(decodeRune(this.#input, this.#pos));
  }

  #next(): number {
    if (this.#pos >= this.#input.length) return EOF;
    const code = this.#input.charCodeAt(this.#pos);
    if (code < 0x80) {
      this.#pos++;
      if (code === NEWLINE) this.#line++;
      return code;
    }
    const decoded = decodeRune(this.#input, this.#pos);
    this.#pos += widthIn(decoded);
    return runeIn(decoded);
  }

  #accept(chars: string): boolean {
    const char = this.#input.charAt(this.#pos);
    if (char === "" || !chars.includes(char)) return false;
    this.#pos++;
    return true;
  }

  #acceptRun(chars: string): void {
    while (this.#accept(chars));
  }

  #text(): State {
    const found = this.#input.indexOf(LEFT, this.#pos);
    if (found < 0) {
      this.#pos = this.#input.length;
      this.#emitText();
      this.#emit("eof");
      return "end";
    }
    this.#pos = found;
    const trim = this.#hasLeftTrimMarker(found + LEFT.length)
      ? trimmedRight(this.#input.slice(this.#start, found))
      : 0;
    this.#pos -= trim;
    this.#emitText();
    this.#pos += trim;
    this.#ignore();
    return "leftDelim";
  }

  #emitText(): void {
    if (this.#pos === this.#start) return;
    this.#countLines();
    this.#emit("text");
  }

  #hasLeftTrimMarker(at: number): boolean {
    return this.#input.charAt(at) === "-" && isSpace(this.#input.charCodeAt(at + 1));
  }

  #hasRightTrimMarker(at: number): boolean {
    return isSpace(this.#input.charCodeAt(at)) && this.#input.charAt(at + 1) === "-";
  }

  #isTrimmedRightDelim(at: number): boolean {
    return this.#hasRightTrimMarker(at) && this.#input.startsWith(RIGHT, at + TRIM_MARKER_LENGTH);
  }

  #leftDelim(): State {
    this.#pos += LEFT.length;
    const marker = this.#hasLeftTrimMarker(this.#pos) ? TRIM_MARKER_LENGTH : 0;
    if (this.#input.startsWith("/*", this.#pos + marker)) {
      this.#pos += marker;
      this.#ignore();
      return this.#comment();
    }
    this.#emit("leftDelim");
    this.#pos += marker;
    this.#ignore();
    this.#parens = 0;
    return "action";
  }

  #comment(): State {
    const end = this.#input.indexOf("*/", this.#pos + 2);
    if (end < 0) return this.#fail("unclosed comment");
    this.#pos = end + 2;
    const trims = this.#isTrimmedRightDelim(this.#pos);
    if (!trims && !this.#input.startsWith(RIGHT, this.#pos)) {
      return this.#fail("comment ends before closing delimiter");
    }
    this.#pos += RIGHT.length + (trims ? TRIM_MARKER_LENGTH : 0);
    if (trims) this.#pos += this.#spaceRun();
    this.#ignore();
    return "text";
  }

  #rightDelim(): State {
    const trims = this.#hasRightTrimMarker(this.#pos);
    if (trims) {
      this.#pos += TRIM_MARKER_LENGTH;
      this.#ignore();
    }
    this.#pos += RIGHT.length;
    this.#emit("rightDelim");
    if (trims) {
      this.#pos += this.#spaceRun();
      this.#ignore();
    }
    return "text";
  }

  #spaceRun(): number {
    let i = this.#pos;
    while (i < this.#input.length && isSpace(this.#input.charCodeAt(i))) i++;
    return i - this.#pos;
  }

  #action(): State {
    if (this.#input.startsWith(RIGHT, this.#pos) || this.#isTrimmedRightDelim(this.#pos)) {
      return this.#parens === 0 ? "rightDelim" : this.#fail("unclosed left paren");
    }
    if (isSpace(this.#peek())) return this.#space();
    const rune = this.#next();
    if (rune === EOF) return this.#fail("unclosed action");
    const char = rune < 0x80 ? String.fromCharCode(rune) : "";
    switch (char) {
      case "=":
        this.#emit("assign");
        return "action";
      case ":":
        if (this.#next() !== 0x3d) return this.#fail("expected :=");
        this.#emit("declare");
        return "action";
      case "|":
        this.#emit("pipe");
        return "action";
      case '"':
        return this.#quoted(0x22, "string", "unterminated quoted string");
      case "'":
        return this.#quoted(0x27, "charConstant", "unterminated character constant");
      case "`":
        return this.#rawQuoted();
      case "$":
        return this.#fieldOrVariable("variable");
      case "(":
        this.#emit("leftParen");
        this.#parens++;
        return "action";
      case ")":
        this.#emit("rightParen");
        this.#parens--;
        return this.#parens < 0 ? this.#fail(`unexpected right paren ${codePoint(rune)}`) : "action";
      case ".": {
        const following = this.#input.charAt(this.#pos);
        if (following !== "" && !/[0-9]/.test(following)) return this.#fieldOrVariable("field");
        this.#pos--;
        return this.#number();
      }
      default:
        return this.#word(rune, char);
    }
  }

  #word(rune: number, char: string): State {
    if (/^[+\-0-9]$/.test(char)) {
      this.#pos--;
      return this.#number();
    }
    if (isAlphaNumeric(rune)) {
      this.#pos = this.#start;
      return this.#identifier();
    }
    if (rune < 0x80 && isPrint(rune)) {
      this.#emit("char");
      return "action";
    }
    return this.#fail(`unrecognized character in action: ${codePoint(rune)}`);
  }

  /** A run of space; the last one belongs to a closing `-}}` that follows it. */
  #space(): State {
    let spaces = 0;
    let rune = EOF;
    while (isSpace(this.#peek())) {
      rune = this.#next();
      spaces++;
    }
    if (this.#isTrimmedRightDelim(this.#pos - 1)) {
      this.#pos--;
      if (rune === NEWLINE) this.#line--;
      if (spaces === 1) return "rightDelim";
    }
    this.#emit("space");
    return "action";
  }

  #identifier(): State {
    while (isAlphaNumeric(this.#peek())) this.#next();
    const word = this.#input.slice(this.#start, this.#pos);
    if (!this.#atTerminator()) return this.#badCharacter();
    if (isKeyword(word)) this.#emit(word);
    else this.#emit(word === "true" || word === "false" ? "bool" : "identifier");
    return "action";
  }

  #fieldOrVariable(type: "field" | "variable"): State {
    if (this.#atTerminator()) {
      this.#emit(type === "variable" ? "variable" : "dot");
      return "action";
    }
    while (isAlphaNumeric(this.#peek())) this.#next();
    if (!this.#atTerminator()) return this.#badCharacter();
    this.#emit(type);
    return "action";
  }

  #badCharacter(): State {
    return this.#fail(`bad character ${codePoint(this.#peek())}`);
  }

  /** Whether what follows may end a word. */
  #atTerminator(): boolean {
    const rune = this.#peek();
    if (rune === EOF || isSpace(rune)) return true;
    if (rune < 0x80 && ".,|:)(".includes(String.fromCharCode(rune))) return true;
    return this.#input.startsWith(RIGHT, this.#pos);
  }

  #quoted(mark: number, type: "string" | "charConstant", unterminated: string): State {
    for (;;) {
      let rune = this.#next();
      if (rune === mark) break;
      if (rune === BACKSLASH) {
        rune = this.#next();
        if (rune !== EOF && rune !== NEWLINE) continue;
      }
      if (rune === EOF || rune === NEWLINE) return this.#fail(unterminated);
    }
    this.#emit(type);
    return "action";
  }

  #rawQuoted(): State {
    for (let rune = this.#next(); rune !== 0x60; rune = this.#next()) {
      if (rune === EOF) return this.#fail("unterminated raw quoted string");
    }
    this.#emit("rawString");
    return "action";
  }

  #number(): State {
    if (!this.#scanNumber()) return this.#badNumber();
    const sign = this.#peek();
    if (sign !== 0x2b && sign !== 0x2d) {
      this.#emit("number");
      return "action";
    }
    if (!this.#scanNumber() || this.#input.charAt(this.#pos - 1) !== "i") return this.#badNumber();
    this.#emit("complex");
    return "action";
  }

  #badNumber(): State {
    return this.#fail(`bad number syntax: ${quote(this.#input.slice(this.#start, this.#pos))}`);
  }

  #scanNumber(): boolean {
    this.#accept("+-");
    let digits = "0123456789_";
    let exponent = "eE";
    if (this.#accept("0")) {
      if (this.#accept("xX")) {
        digits = "0123456789abcdefABCDEF_";
        exponent = "pP";
      } else if (this.#accept("oO")) {
        digits = "01234567_";
        exponent = "";
      } else if (this.#accept("bB")) {
        digits = "01_";
        exponent = "";
      }
    }
    this.#acceptRun(digits);
    if (this.#accept(".")) this.#acceptRun(digits);
    if (this.#accept(exponent)) {
      this.#accept("+-");
      this.#acceptRun("0123456789_");
    }
    this.#accept("i");
    if (!isAlphaNumeric(this.#peek())) return true;
    this.#next();
    return false;
  }
}
