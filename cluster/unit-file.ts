/**
 * Unit files: parsed without losing a byte, shown as written, compared by the hash of their canonical form.
 *
 * The grammar is the one coreos/fleet read (`systemd.syntax(7)` with its own corners), so that each file it took is taken
 * and means the same:
 * - What comes before the first `[section]` is skipped. `#` and `;` open a comment line, which a final `\` continues.
 * - `Name=value`: both trimmed; any name will do. A value whose line ends in `\` goes on in the next line, backslash and
 *   newline included, and lines that look like comments are then part of it; a blank line ends it.
 * - A `\` before a carriage return or trailing space continues nothing.
 *
 * Two differences: a line may have any length, and a section name must end on its line, because the author of `[Unit`
 * never meant the text up to some later `]`.
 *
 * Pure.
 */
import { createHash } from "node:crypto";
import { PlatformError } from "./errors.ts";

/** One assignment. */
export interface UnitOption {
  readonly section: string;
  readonly name: string;
  /** Trimmed; continued lines with their backslashes and newlines. */
  readonly value: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
}

/** One section header as written; a section may occur several times. */
export interface UnitSection {
  readonly name: string;
  readonly line: number;
  readonly options: readonly UnitOption[];
}

/** A parsed file. */
export interface UnitFile {
  /** The file as written. */
  readonly text: string;
  /** In the order written, repeated ones apart. */
  readonly sections: readonly UnitSection[];
  /** Every assignment in the order written. */
  options(): readonly UnitOption[];
  /** The values assigned to this name in this section, in the order written; none if there are none. */
  values(section: string, name: string): readonly string[];
  /** True if the section's header occurs, even with nothing below it. */
  has(section: string): boolean;
  /** The very bytes that were parsed. */
  print(): string;
}

/** Parses a unit file. Throws `unit-file-invalid` with line and column; never anything else. */
export function parseUnitFile(text: string): UnitFile {
  return new ParsedUnitFile(text, new Parser(text).sections());
}

/** An assignment as fleet's HTTP API carries it. */
export type UnitOptionInput = Pick<UnitOption, "section" | "name" | "value">;

/**
 * Writes a file that reads back as these assignments, grouped by section.
 * Throws `unit-file-invalid` if no text can say them, for example for a value with a bare newline.
 */
export function unitFileFromOptions(options: readonly UnitOptionInput[]): UnitFile {
  const wanted = bySection(options.map(trimmed));
  const file = parseUnitFile(printSections(wanted));
  const read = [...bySection(file.options()).values()].flat();
  for (const [at, option] of [...wanted.values()].flat().entries()) {
    const got = read[at];
    if (got?.section === option.section && got.name === option.name && got.value === option.value) continue;
    const shown = `[${option.section}] ${option.name}=${option.value}`;
    throw new PlatformError("unit-file-invalid", `Cannot write ${quote(shown)} in a unit file`, {
      hint: 'A section name holds no "]", a name no "=", and a value no line break unless a backslash precedes it',
    });
  }
  return file;
}

/**
 * The file as fleet would have stored it: sections merged in the order first seen, `Name=Value`, one blank line between
 * sections, no comments. Parsing it gives the same assignments, and printing those the same text.
 */
export function canonicalText(file: UnitFile): string {
  return printSections(bySection(file.options()));
}

/** What identifies a unit file: SHA-1 of its canonical form in UTF-8, 40 hex digits. Comments and blanks do not count. */
export function unitHash(file: UnitFile): string {
  return createHash("sha1").update(canonicalText(file), "utf8").digest("hex");
}

class ParsedUnitFile implements UnitFile {
  readonly text: string;
  readonly sections: readonly UnitSection[];

  constructor(text: string, sections: readonly UnitSection[]) {
    this.text = text;
    this.sections = sections;
  }

  options(): readonly UnitOption[] {
    return this.sections.flatMap((section) => section.options);
  }

  values(section: string, name: string): readonly string[] {
    const found: string[] = [];
    for (const { name: header, options } of this.sections) {
      if (header !== section) continue;
      for (const option of options) if (option.name === name) found.push(option.value);
    }
    return found;
  }

  has(section: string): boolean {
    return this.sections.some(({ name }) => name === section);
  }

  print(): string {
    return this.text;
  }
}

/** One forward walk over the text by `indexOf`, so that the cost is linear whatever the length of a line. */
class Parser {
  readonly #text: string;
  readonly #sections: UnitSection[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  sections(): readonly UnitSection[] {
    this.#skipPreamble();
    while (this.#at < this.#text.length) this.#section();
    return this.#sections;
  }

  /** Moves to the first `[` outside a comment. Both may stand anywhere in their line here. */
  #skipPreamble(): void {
    const text = this.#text;
    for (; this.#at < text.length; this.#at += 1) {
      const character = text[this.#at];
      if (character === "[") return;
      if (character === "\n") this.#line += 1;
      else if (character === "#" || character === ";") {
        this.#skipComment();
        this.#at -= 1;
      }
    }
  }

  /** Reads from a `[` to the next section or the end. */
  #section(): void {
    const start = this.#at;
    const line = this.#line;
    const end = this.#endOfLine(start);
    const close = this.#text.indexOf("]", start);
    if (close === -1 || close >= end) {
      throw this.#error(start, "unable to find end of section", "Close the section name with ]");
    }
    const name = this.#text.slice(start + 1, close);
    if (trim(this.#text.slice(close + 1, end)) !== "") {
      throw this.#error(
        close + 1,
        `found garbage after section name ${quote(name)}`,
        "Put nothing after ] on this line",
      );
    }
    this.#toNextLine(end);
    const options: UnitOption[] = [];
    this.#sections.push({ name, line, options });
    while (this.#skipBlanksAndComments()) options.push(this.#option(name));
  }

  /** Moves to the next assignment; false at the next section or the end. */
  #skipBlanksAndComments(): boolean {
    const text = this.#text;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (isSpace(code)) {
        if (code === newline) this.#line += 1;
        this.#at += 1;
      } else if (code === 0x23 || code === 0x3b) this.#skipComment();
      else return code !== 0x5b;
    }
    return false;
  }

  /** Moves behind a comment and the lines it continues into: here one space may follow the backslash. */
  #skipComment(): void {
    for (;;) {
      const end = this.#endOfLine(this.#at);
      const last = end > this.#at && this.#text[end - 1] === " " ? end - 2 : end - 1;
      const continues = last >= this.#at && this.#text[last] === "\\";
      this.#toNextLine(end);
      if (!continues || this.#at >= this.#text.length) return;
    }
  }

  #option(section: string): UnitOption {
    const text = this.#text;
    const start = this.#at;
    const line = this.#line;
    let end = this.#endOfLine(start);
    const equals = text.indexOf("=", start);
    const broken = text.lastIndexOf("\r", equals === -1 ? end : equals);
    if (equals === -1 || equals > end || broken >= start) {
      throw this.#error(
        start,
        `unexpected ${end === text.length && broken < start ? "EOF" : "newline"} encountered while parsing option name ${quote(trim(text.slice(start, end)))}`,
        "Write Name=value, or begin the line with # to make it a comment",
      );
    }
    const name = trim(text.slice(start, equals));
    const valueStart = equals + 1;
    let from = valueStart;
    while (!this.#isBlank(from, end) && text[end - 1] === "\\" && end < text.length) {
      this.#toNextLine(end);
      from = this.#at;
      end = this.#endOfLine(from);
    }
    // A blank line that ends a continued value leaves its newline in the value: without it the canonical form would
    // continue into the next assignment.
    const continuedIntoBlank = from > valueStart && this.#isBlank(from, end);
    const value = trim(text.slice(valueStart, end));
    this.#toNextLine(end);
    return { section, name, value: continuedIntoBlank ? `${value}\n` : value, line };
  }

  /** Where the line's newline is, or the end of the text. */
  #endOfLine(from: number): number {
    const at = this.#text.indexOf("\n", from);
    return at === -1 ? this.#text.length : at;
  }

  #toNextLine(end: number): void {
    this.#at = end + 1;
    this.#line += 1;
  }

  #isBlank(from: number, end: number): boolean {
    for (let at = from; at < end; at += 1) if (!isSpace(this.#text.charCodeAt(at))) return false;
    return true;
  }

  /** Only errors pay for a column. `at` is on the current line. */
  #error(at: number, message: string, hint: string): PlatformError {
    const column = at - this.#text.lastIndexOf("\n", at - 1);
    return unitFileError(this.#line, message, `${hint} (line ${this.#line})`, column);
  }
}

/** An error about a place in a unit file: `Invalid unit file at 3:1: …`. The column may be unknown. */
export function unitFileError(line: number, message: string, hint: string, column?: number): PlatformError {
  const place = column === undefined ? `line ${line}` : `${line}:${column}`;
  return new PlatformError("unit-file-invalid", `Invalid unit file at ${place}: ${message}`, { hint });
}

function bySection<O extends UnitOptionInput>(options: readonly O[]): Map<string, O[]> {
  const sections = new Map<string, O[]>();
  for (const option of options) {
    const section = sections.get(option.section);
    if (section === undefined) sections.set(option.section, [option]);
    else section.push(option);
  }
  return sections;
}

function printSections(sections: ReadonlyMap<string, readonly UnitOptionInput[]>): string {
  let text = "";
  for (const [section, options] of sections) {
    text += text === "" ? `[${section}]\n` : `\n[${section}]\n`;
    for (const { name, value } of options) text += `${name}=${value}${value.endsWith("\\") ? " " : ""}\n`;
  }
  return text;
}

/** Trimmed as the parser does it: a value whose last line continues into a blank one keeps its newline. */
function trimmed(option: UnitOptionInput): UnitOptionInput {
  const value = trim(option.value);
  const continued = value.endsWith("\\") && option.value[option.value.lastIndexOf("\\") + 1] === "\n";
  return { section: option.section, name: trim(option.name), value: continued ? `${value}\n` : value };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

const newline = 0x0a;

/** Unicode's White_Space, which differs from what `String.trim` takes away in U+0085 and U+FEFF. */
function isSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x85) return false;
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}
