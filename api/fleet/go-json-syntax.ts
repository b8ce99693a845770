/**
 * Where the first value of a JSON text ends, or what is wrong with it in the words of Go's decoder: a Go server reads one value of a
 * body and leaves the rest. `JSON.parse` can say neither, so this looks at what it has refused.
 * Facts: the scanner of encoding/json, go.dev/src/encoding/json/scanner.go.
 *
 * Pure.
 */
import { quoteCharacter } from "../../cluster/go-quote.ts";

export type FirstValue =
  | { readonly kind: "value"; readonly text: string }
  | { readonly kind: "wrong"; readonly message: string };

/** The first value in the text; wrong if there is none, or if it does not end. */
export function firstJsonValue(text: string): FirstValue {
  try {
    return { kind: "value", text: text.slice(0, new Scanner(text).end()) };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return { kind: "wrong", message: error.message };
  }
}

class SyntaxFault extends Error {}

/** What may come next, and what Go says when something else comes. */
const expectations = {
  value: "looking for beginning of value",
  elementOrEnd: "looking for beginning of value",
  key: "looking for beginning of object key string",
  keyOrEnd: "looking for beginning of object key string",
  colon: "after object key",
  afterElement: "after array element",
  afterPair: "after object key:value pair",
  nothing: "after top-level value",
} as const;

const words = ["true", "false", "null"];
const digit = /[0-9]/;

class Scanner {
  readonly #text: string;
  /** Brackets that are open, the innermost last. No recursion: a body may be nothing but brackets. */
  readonly #open: string[] = [];
  #expected: keyof typeof expectations = "value";
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Throws `SyntaxFault`. */
  end(): number {
    if (this.#peekToken() === "") throw new SyntaxFault("EOF");
    while (this.#expected !== "nothing") this.#token(this.#peekToken());
    return this.#at;
  }

  #token(character: string): void {
    const expected = this.#expected;
    if (character === "]" && (expected === "elementOrEnd" || expected === "afterElement")) this.#close();
    else if (character === "}" && (expected === "keyOrEnd" || expected === "afterPair")) this.#close();
    else if (expected === "value" || expected === "elementOrEnd") this.#value(character);
    else if (character === '"' && (expected === "key" || expected === "keyOrEnd")) {
      this.#string();
      this.#expected = "colon";
    } else if (character === ":" && expected === "colon") this.#pass("value");
    else if (character === "," && expected === "afterElement") this.#pass("value");
    else if (character === "," && expected === "afterPair") this.#pass("key");
    else throw this.#fault(expectations[expected]);
  }

  #value(character: string): void {
    if (character === "{" || character === "[") {
      this.#open.push(character);
      this.#pass(character === "{" ? "keyOrEnd" : "elementOrEnd");
      return;
    }
    const word = words.find((known) => known[0] === character);
    if (character === '"') this.#string();
    else if (character === "-" || digit.test(character)) this.#number();
    else if (word !== undefined) this.#word(word);
    else throw this.#fault(expectations.value);
    this.#valueEnded();
  }

  #close(): void {
    this.#open.pop();
    this.#at += 1;
    this.#valueEnded();
  }

  #valueEnded(): void {
    const innermost = this.#open.at(-1);
    this.#expected = innermost === undefined ? "nothing" : innermost === "{" ? "afterPair" : "afterElement";
  }

  #pass(next: keyof typeof expectations): void {
    this.#at += 1;
    this.#expected = next;
  }

  #string(): void {
    this.#at += 1;
    while (this.#text[this.#at] !== '"') {
      this.#require(/[ -\uffff]/, "in string literal");
      if (this.#text[this.#at - 1] === "\\") this.#escape();
    }
    this.#at += 1;
  }

  #escape(): void {
    const isCode = this.#text[this.#at] === "u";
    this.#require(/["\\/bfnrtu]/, "in string escape code");
    if (!isCode) return;
    for (let digits = 0; digits < 4; digits += 1) {
      this.#require(/[0-9a-fA-F]/, "in \\u hexadecimal character escape");
    }
  }

  #number(): void {
    if (this.#text[this.#at] === "-") this.#at += 1;
    if (this.#text[this.#at] === "0") this.#at += 1;
    else this.#digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at += 1;
      this.#digits("after decimal point in numeric literal");
    }
    if (!/[eE]/.test(this.#text[this.#at] ?? "")) return;
    this.#at += /[+-]/.test(this.#text[this.#at + 1] ?? "") ? 2 : 1;
    this.#digits("in exponent of numeric literal");
  }

  #digits(where: string): void {
    this.#require(digit, where);
    while (digit.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }

  #word(word: string): void {
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) {
        throw this.#fault(`in literal ${word} (expecting ${quoteCharacter(letter)})`);
      }
      this.#at += 1;
    }
  }

  /** Passes one character of this kind. */
  #require(kind: RegExp, where: string): void {
    if (!kind.test(this.#text[this.#at] ?? "")) throw this.#fault(where);
    this.#at += 1;
  }

  /** The first character of what comes next; empty at the end of the text. */
  #peekToken(): string {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    return this.#text[this.#at] ?? "";
  }

  /** What stands here is wrong; Go tells its first byte. */
  #fault(where: string): SyntaxFault {
    const [byte] = Buffer.from(this.#text.slice(this.#at, this.#at + 2));
    if (byte === undefined) return new SyntaxFault("unexpected EOF");
    return new SyntaxFault(`invalid character ${quoteCharacter(String.fromCharCode(byte))} ${where}`);
  }
}
