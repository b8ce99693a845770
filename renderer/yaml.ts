/**
 * The YAML that files of keys are written in: block and flow mappings and lists, plain and quoted scalars, literal and folded text, comments.
 * Anchors, tags, complex keys and several documents are refused with their line, not misread.
 *
 * Source: yaml.org/spec/1.1, as far as Go's yaml.v2 follows it.
 *
 * Pure.
 */

export type YamlValue =
  | string
  | number
  | boolean
  | null
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/** What a document says; null of an empty one. Throws an `Error` that names the line. */
export function parseYaml(text: string): YamlValue {
  const reader = new Reader(text);
  return reader.document();
}

interface Line {
  readonly number: number;
  readonly indent: number;
  /** Without indentation, comment and trailing space. */
  readonly text: string;
}

class Reader {
  readonly #raw: readonly string[];
  readonly #lines: Line[] = [];
  #at = 0;

  constructor(text: string) {
    this.#raw = text.replace(/^\uFEFF/, "").split(/\r?\n/);
    for (const [index, raw] of this.#raw.entries()) {
      const indent = raw.length - raw.trimStart().length;
      const content = withoutComment(raw.slice(indent));
      if (content !== "") this.#lines.push({ number: index + 1, indent, text: content });
    }
    if (this.#lines[0]?.text === "---") this.#lines.shift();
    if (this.#lines.at(-1)?.text === "...") this.#lines.pop();
  }

  document(): YamlValue {
    const [first] = this.#lines;
    if (first === undefined) return null;
    const value = this.#block(first.indent);
    const rest = this.#lines[this.#at];
    if (rest) throw problem(rest.number, `"${rest.text}" does not belong to what stands above it`);
    return value;
  }

  /** What begins at the present line, whose indentation is `indent`. */
  #block(indent: number): YamlValue {
    const line = this.#here();
    if (/^\s*\t/.test(this.#raw[line.number - 1] ?? "")) throw problem(line.number, "a tab cannot indent");
    if (isItem(line.text)) return this.#list(indent);
    if (keyOf(line) !== undefined) return this.#mapping(indent);
    this.#at += 1;
    return this.#scalar(line.text, line, indent - 1);
  }

  #list(indent: number): YamlValue {
    const items: YamlValue[] = [];
    for (
      let line = this.#lines[this.#at];
      line && line.indent === indent && isItem(line.text);
      line = this.#lines[this.#at]
    ) {
      const rest = line.text.slice(1);
      const text = rest.trimStart();
      if (text === "") {
        this.#at += 1;
        items.push(this.#below(indent));
        continue;
      }
      const inner = { number: line.number, indent: indent + 1 + rest.length - text.length, text };
      if (isItem(text) || keyOf(inner) !== undefined) {
        this.#lines[this.#at] = inner;
        items.push(this.#block(inner.indent));
      } else {
        this.#at += 1;
        items.push(this.#scalar(text, line, indent));
      }
    }
    return items;
  }

  #mapping(indent: number): YamlValue {
    const entries = new Map<string, YamlValue>();
    for (let line = this.#lines[this.#at]; line && line.indent === indent; line = this.#lines[this.#at]) {
      const found = keyOf(line);
      if (found === undefined) throw problem(line.number, `"${line.text}" is no "key: value"`);
      if (entries.has(found.key)) throw problem(line.number, `key "${found.key}" is already set`);
      this.#at += 1;
      entries.set(
        found.key,
        found.rest === "" ? this.#below(indent, true) : this.#scalar(found.rest, line, indent),
      );
    }
    return Object.fromEntries(entries);
  }

  /** What stands below a key or a dash; null if nothing does. A list may stand at its key's own indentation. */
  #below(indent: number, listBeside = false): YamlValue {
    const next = this.#lines[this.#at];
    if (next === undefined) return null;
    if (next.indent > indent || (listBeside && next.indent === indent && isItem(next.text)))
      return this.#block(next.indent);
    return null;
  }

  #scalar(text: string, line: Line, indent: number): YamlValue {
    if (/^[&*!]/.test(text)) throw problem(line.number, `"${text}": anchors and tags are not supported`);
    if (/^[|>]/.test(text)) return this.#blockText(text, line, indent);
    if (/^[[{]/.test(text)) return new Flow(this.#joined(text, indent, isBalanced), line.number).value();
    if (/^["']/.test(text)) return unquoted(this.#joined(text, indent, isClosed), line.number);
    const next = this.#lines[this.#at];
    if (next && next.indent > indent && keyOf(next))
      throw problem(next.number, "a mapping cannot stand below a value");
    return plain(this.#joined(text, indent, () => false));
  }

  /** `text` with the more indented lines that go on with it. */
  #joined(text: string, indent: number, complete: (text: string) => boolean): string {
    let joined = text;
    for (
      let next = this.#lines[this.#at];
      next && next.indent > indent && !complete(joined);
      next = this.#lines[this.#at]
    ) {
      joined += ` ${next.text}`;
      this.#at += 1;
    }
    return joined;
  }

  /** Literal or folded text: raw lines, comments and all, down to the first that is not more indented. */
  #blockText(header: string, line: Line, indent: number): string {
    const [, style, given, keep = ""] =
      /^([|>])(\d?)([+-]?)$/.exec(header.replace(/^([|>])([+-])(\d)$/, "$1$3$2")) ?? [];
    if (style === undefined) throw problem(line.number, `"${header}" is no block text`);
    const rows: string[] = [];
    let width = given ? indent + Number(given) : 0;
    let at = line.number;
    for (let row = this.#raw[at]; row !== undefined; at += 1, row = this.#raw[at]) {
      const depth = row.length - row.trimStart().length;
      if (row.trim() !== "" && depth <= Math.max(indent, -1)) break;
      if (row.trim() !== "" && width === 0) width = depth;
      rows.push(row.slice(Math.min(width, depth === row.length ? row.length : width)));
    }
    while (this.#lines[this.#at] && (this.#lines[this.#at]?.number ?? 0) <= at) this.#at += 1;
    let end = rows.length;
    while (end > 0 && rows[end - 1]?.trim() === "") end -= 1;
    const body = style === "|" ? rows.slice(0, end).join("\n") : folded(rows.slice(0, end));
    if (keep === "-" || body === "") return body;
    return keep === "+"
      ? body + "\n".repeat(rows.length - end + (at >= this.#raw.length ? 0 : 1))
      : `${body}\n`;
  }

  #here(): Line {
    const line = this.#lines[this.#at];
    if (line === undefined) throw new Error("the document ended early");
    return line;
  }
}

/** A flow collection, such as `{a: [1, 2]}`. */
class Flow {
  readonly #text: string;
  readonly #line: number;
  #at = 0;

  constructor(text: string, line: number) {
    this.#text = text;
    this.#line = line;
  }

  value(): YamlValue {
    const value = this.#node();
    this.#space();
    if (this.#at < this.#text.length)
      throw problem(this.#line, `"${this.#text.slice(this.#at)}" is left over`);
    return value;
  }

  #node(): YamlValue {
    this.#space();
    if (this.#take("[")) return this.#items();
    if (this.#take("{")) return this.#entries();
    const [quoted] = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(this.#text.slice(this.#at)) ?? [];
    if (quoted !== undefined) {
      this.#at += quoted.length;
      return unquoted(quoted, this.#line);
    }
    const [word = ""] = /^(?:[^,:[\]{}]|:(?![\s,[\]{}]|$))*/.exec(this.#text.slice(this.#at)) ?? [];
    this.#at += word.length;
    return plain(word.trim());
  }

  #items(): YamlValue {
    const items: YamlValue[] = [];
    for (;;) {
      this.#space();
      if (this.#take("]")) return items;
      items.push(this.#node());
      this.#space();
      if (!this.#take(",") && this.#text[this.#at] !== "]")
        throw problem(this.#line, "a list is not closed with ]");
    }
  }

  #entries(): YamlValue {
    const entries = new Map<string, YamlValue>();
    for (;;) {
      this.#space();
      if (this.#take("}")) return Object.fromEntries(entries);
      const key = this.#key();
      this.#space();
      entries.set(key, this.#take(":") ? this.#node() : null);
      this.#space();
      if (!this.#take(",") && this.#text[this.#at] !== "}")
        throw problem(this.#line, "a mapping is not closed with }");
    }
  }

  /** A key is text, also where a value would be a number or a truth. */
  #key(): string {
    const start = this.#at;
    const value = this.#node();
    const text = this.#text.slice(start, this.#at).trim();
    return /^["']/.test(text) ? String(value) : text;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }
}

function isItem(text: string): boolean {
  return text === "-" || text.startsWith("- ");
}

function keyOf(line: Line): { readonly key: string; readonly rest: string } | undefined {
  const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*:(?:\s+(.*))?$/s.exec(line.text);
  if (quoted) return { key: String(unquoted(quoted[1] ?? "", line.number)), rest: quoted[2] ?? "" };
  if (/^["'[{|>&*!?@`]/.test(line.text)) return undefined;
  const found = /^(.+?)\s*:(?:\s+(.*))?$/s.exec(line.text);
  return found ? { key: found[1] ?? "", rest: found[2] ?? "" } : undefined;
}

/** The line up to its comment: a `#` at its start or behind a space, outside quotes. */
function withoutComment(text: string): string {
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (quote === '"' && character === "\\") at += 1;
    else if (quote !== "") quote = character === quote ? "" : quote;
    else if ((character === '"' || character === "'") && /^$|[\s:,[{-]$/.test(text.slice(0, at)))
      quote = character;
    else if (character === "#" && (at === 0 || /\s/.test(text[at - 1] ?? "")))
      return text.slice(0, at).trimEnd();
  }
  return text.trimEnd();
}

function plain(text: string): YamlValue {
  if (/^(|~|null|Null|NULL)$/.test(text)) return null;
  if (/^(true|True|TRUE|yes|Yes|YES|on|On|ON|y|Y)$/.test(text)) return true;
  if (/^(false|False|FALSE|no|No|NO|off|Off|OFF|n|N)$/.test(text)) return false;
  if (/^[-+]?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (/^0x[0-9a-fA-F]+$/.test(text) || /^0o[0-7]+$/.test(text)) return Number(text);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  if (/^[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?$/.test(text) && /[.eE]/.test(text)) return Number(text);
  return text;
}

function unquoted(text: string, line: number): string {
  if (text.startsWith("'")) {
    if (!/^'(?:[^']|'')*'$/s.test(text)) throw problem(line, `${text} is not closed`);
    return text.slice(1, -1).replaceAll("''", "'");
  }
  if (!/^"(?:[^"\\]|\\.)*"$/s.test(text)) throw problem(line, `${text} is not closed`);
  return text
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/gs, (_, code: string) => {
      if (code.length > 1) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
      return escapes.get(code) ?? code;
    });
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\x1b"],
]);

function isClosed(text: string): boolean {
  return /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')$/s.test(text);
}

function isBalanced(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/gs, "");
  return (bare.match(/[[{]/g) ?? []).length === (bare.match(/[\]}]/g) ?? []).length;
}

/** Lines joined by spaces; an empty line is a break, and so is each line that is further indented. */
function folded(rows: readonly string[]): string {
  let text = "";
  for (const [at, row] of rows.entries()) {
    const before = rows[at - 1];
    if (at === 0) text = row;
    else if (row === "") text += "\n";
    else if (before === "") text += text.endsWith("\n") ? row : `\n${row}`;
    else text += /^\s/.test(row) || /^\s/.test(before ?? "") ? `\n${row}` : ` ${row}`;
  }
  return text;
}

function problem(line: number, what: string): Error {
  return new Error(`yaml: line ${line}: ${what}`);
}
