/**
 * The characters of a YAML document: where a line begins, what is space and comment, and the texts that run over several lines —
 * quoted, plain, and block texts, folded as YAML 1.1 folds them.
 *
 * Pure.
 */

/** Reads forward through a text. */
export class YamlScanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  }

  get line(): number {
    return this.text.slice(0, this.at).split("\n").length;
  }

  get column(): number {
    return this.at - (this.text.lastIndexOf("\n", this.at - 1) + 1);
  }

  get here(): string {
    return this.text[this.at] ?? "";
  }

  /** True at the end of the text or of the document in it. */
  get ended(): boolean {
    return this.at >= this.text.length || this.atMarker;
  }

  /** True at `---` or `...` that stands alone at the beginning of a line. */
  get atMarker(): boolean {
    if (this.at > 0 && this.text[this.at - 1] !== "\n") return false;
    return /^(---|\.\.\.)(?=\s|$)/.test(this.text.slice(this.at, this.at + 4));
  }

  /** True if `mark` stands here with space behind it, as an indicator must. */
  atIndicator(mark: string): boolean {
    return this.here === mark && isGap(this.text[this.at + 1] ?? "");
  }

  problem(what: string): Error {
    return new Error(`yaml: line ${this.line}: ${what}`);
  }

  take(mark: string): boolean {
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  /** What matches the sticky pattern here, behind which it goes on. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.text) ?? [];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** Skips spaces, tabs and a comment, but no line's end. */
  inlineSpace(): void {
    const before = this.text[this.at - 1] ?? "\n";
    const space = this.match(/[ \t]*/y) ?? "";
    if (this.here === "#" && (space !== "" || isGap(before))) this.match(/[^\n]*/y);
  }

  /** Skips all space, empty lines and comments. True if it went to another line. */
  space(): boolean {
    let moved = false;
    for (;;) {
      this.inlineSpace();
      if (this.here !== "\n") return moved;
      this.at += 1;
      moved = true;
    }
  }

  /** `'…'` or `"…"`. */
  quoted(): string {
    const quote = this.here;
    const start = this.at;
    this.at += 1;
    let text = "";
    for (;;) {
      const character = this.here;
      if (character === "" || (this.atMarker && this.at > start))
        throw this.problem("found unexpected end of stream in a quoted text");
      if (character === quote) {
        this.at += 1;
        if (quote === '"' || this.here !== "'") return text;
        text += "'";
        this.at += 1;
      } else if (quote === '"' && character === "\\") text += this.#escape();
      else if (isGap(character)) text += this.#fold();
      else text += this.match(quote === '"' ? /[^"\\ \t\n]+/y : /[^' \t\n]+/y) ?? "";
    }
  }

  /** A text without quotes, up to what cannot belong to it. It goes on over lines indented deeper than `parent`, in a flow over all. */
  plain(parent: number, flow: boolean): string {
    let text = "";
    for (;;) {
      const word = this.#word(flow);
      if (word === "") return text;
      text += word;
      const back = this.at;
      const gap = this.#fold();
      const over = this.text.slice(back, this.at).includes("\n");
      const ends = this.here === "" || this.here === "#" || this.ended || this.#endsPlain(flow);
      if (gap === "" || ends || (over && !flow && this.column <= parent)) {
        this.at = back;
        return text;
      }
      text += gap;
    }
  }

  /** Literal or folded text behind `|` or `>`; its lines are indented deeper than `parent`. */
  block(parent: number): string {
    const literal = this.here === "|";
    const [, one = "", two = ""] =
      /^[|>]([-+]|[1-9])?([-+]|[1-9])?/.exec(this.text.slice(this.at, this.at + 3)) ?? [];
    this.at += 1 + one.length + two.length;
    this.inlineSpace();
    if (this.here !== "\n" && this.here !== "")
      throw this.problem("did not find expected comment or line break");
    this.at += 1;
    const chomp = [one, two].find((mark) => mark === "-" || mark === "+") ?? "";
    const given = Number([one, two].find((mark) => /[1-9]/.test(mark)) ?? 0);
    const rows = new BlockRows(this, given === 0 ? undefined : Math.max(parent, 0) + given, parent);
    let text = "";
    let brk = "";
    let breaks = rows.breaks();
    let blankBefore = false;
    for (let row = rows.next(); row !== undefined; row = rows.next()) {
      const blank = /^[ \t]/.test(row);
      const joins = !literal && !blankBefore && !blank && brk !== "";
      text += joins ? (breaks === "" ? " " : breaks) : brk + breaks;
      text += row;
      blankBefore = blank;
      brk = this.at < this.text.length ? "\n" : "";
      this.at += 1;
      breaks = rows.breaks();
    }
    this.at = Math.min(this.at, this.text.length);
    if (chomp === "-") return text;
    return chomp === "+" ? text + brk + breaks : text + brk;
  }

  /** The next characters without space that belong to a plain text. */
  #word(flow: boolean): string {
    const start = this.at;
    while (this.here !== "" && !isGap(this.here) && !this.#endsPlain(flow)) this.at += 1;
    return this.text.slice(start, this.at);
  }

  #endsPlain(flow: boolean): boolean {
    const next = this.text[this.at + 1] ?? "";
    if (this.here === ":") return isGap(next) || (flow && /[,[\]{}]/.test(next));
    return flow && /[,[\]{}]/.test(this.here);
  }

  /** Takes space and ends of lines; one end is a space, each further one an end. */
  #fold(): string {
    const space = this.match(/[ \t]*/y) ?? "";
    const breaks = this.match(/(\n[ \t]*)+/y);
    if (breaks === undefined) return space;
    const count = breaks.split("\n").length - 1;
    return count === 1 ? " " : "\n".repeat(count - 1);
  }

  #escape(): string {
    const found = this.match(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\n[ \t]*|[^\n])/y);
    const code = found?.slice(1) ?? "";
    if (code.startsWith("\n")) return "";
    if (code.length > 1) {
      const rune = Number.parseInt(code.slice(1), 16);
      // Two escapes of JSON's for one character find each other as the halves of a pair.
      return rune <= 0xffff ? String.fromCharCode(rune) : String.fromCodePoint(Math.min(rune, 0x10ffff));
    }
    const meant = escapes.get(code);
    if (meant === undefined) throw this.problem("found unknown escape character");
    return meant;
  }
}

/** The lines of a block text, as far as they are indented enough. */
class BlockRows {
  readonly #scanner: YamlScanner;
  readonly #parent: number;
  #indent: number | undefined;

  constructor(scanner: YamlScanner, indent: number | undefined, parent: number) {
    this.#scanner = scanner;
    this.#indent = indent;
    this.#parent = parent;
  }

  /** Skips empty lines; returns their ends. Finds the indentation by the first line that is not empty. */
  breaks(): string {
    let found = "";
    let widest = 0;
    for (;;) {
      const limit = this.#indent ?? Number.POSITIVE_INFINITY;
      while (this.#scanner.column < limit && this.#scanner.here === " ") this.#scanner.at += 1;
      widest = Math.max(widest, this.#scanner.column);
      if (this.#scanner.here !== "\n") break;
      this.#scanner.at += 1;
      found += "\n";
    }
    this.#indent ??= Math.max(widest, this.#parent + 1, 1);
    return found;
  }

  /** The rest of the line, behind which its end stands; undefined if it does not belong to the text. */
  next(): string | undefined {
    const { column, here, ended } = this.#scanner;
    if (column !== this.#indent || here === "" || ended) return undefined;
    return this.#scanner.match(/[^\n]*/y);
  }
}

function isGap(character: string): boolean {
  return character === "" || character === " " || character === "\t" || character === "\n";
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["\t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\x1b"],
  [" ", " "],
  ['"', '"'],
  ["'", "'"],
  ["/", "/"],
  ["\\", "\\"],
  ["N", "\x85"],
  ["_", "\xa0"],
  ["L", "\u2028"],
  ["P", "\u2029"],
]);
