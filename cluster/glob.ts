/**
 * Globs of unit names: exactly Go's `path.Match`, which fleet used for `Conflicts=` and `Replaces=`.
 *
 * `*` stands for any run of characters but `/`, `?` for one character but `/`, `[a-z]` for one of a class, `[^a-z]` for one
 * outside it, `\` takes the next character as it is. The whole name must match. Each `*` takes as little as it can and is
 * never reconsidered once the text behind it has matched; like Go it then steps by bytes of UTF-8, not by characters.
 *
 * Pure.
 */

/** A pattern made ready for many names. */
export interface Glob {
  readonly pattern: string;
  /** True if the pattern is no pattern, such as `[` or `[a-]`: it then matches nothing, as in fleet. */
  readonly malformed: boolean;
  /** Every name that matches begins with this. For an index. */
  readonly literalPrefix: string;
  /** True if exactly one name matches: `literalPrefix`. */
  readonly exact: boolean;
  matches(name: string): boolean;
}

/** Reads a pattern once. Never throws: see `malformed`. */
export function compileGlob(pattern: string): Glob {
  const chunks = compileChunks(toBytes(pattern));
  if (chunks === undefined) {
    return { pattern, malformed: true, literalPrefix: "", exact: false, matches: () => false };
  }
  const [first] = chunks;
  const prefix = first === undefined || first.afterStar ? "" : first.prefix;
  const exact =
    first === undefined || (chunks.length === 1 && !first.afterStar && first.tokens === undefined);
  return {
    pattern,
    malformed: false,
    literalPrefix: fromBytes(prefix),
    exact,
    matches: (name) => matchChunks(chunks, toBytes(name)),
  };
}

/** One test with Go's two results: the answer, or undefined for a malformed pattern. */
export function matchGlob(pattern: string, name: string): boolean | undefined {
  const glob = compileGlob(pattern);
  return glob.malformed ? undefined : glob.matches(name);
}

/** A run of the pattern between stars. Texts are byte strings: one character for each byte of UTF-8. */
interface Chunk {
  readonly afterStar: boolean;
  /** The literal text it begins with, or is. */
  readonly prefix: string;
  readonly length: number;
  /** All of it, if it holds more than literal text. */
  readonly tokens: readonly Token[] | undefined;
}

type Token =
  | { readonly kind: "byte"; readonly byte: number }
  | { readonly kind: "any" }
  | {
      readonly kind: "class";
      readonly negated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

const slash = 0x2f;

function matchChunks(chunks: readonly Chunk[], name: string): boolean {
  let at = 0;
  for (const [index, chunk] of chunks.entries()) {
    const last = index === chunks.length - 1;
    if (chunk.afterStar && chunk.length === 0) return !name.includes("/", at);
    let end = matchChunk(chunk, name, at);
    if (chunk.afterStar) {
      // The star takes one byte more at a time, until its chunk matches and, for the last one, ends the name.
      while (end === undefined || (last && end < name.length)) {
        if (at >= name.length || name.charCodeAt(at) === slash) return false;
        at += 1;
        end = matchChunk(chunk, name, at);
      }
    }
    if (end === undefined) return false;
    at = end;
  }
  return at === name.length;
}

/** Where the chunk's match that begins at `at` ends, or undefined if there is none. */
function matchChunk(chunk: Chunk, name: string, at: number): number | undefined {
  if (!name.startsWith(chunk.prefix, at)) return undefined;
  if (chunk.tokens === undefined) return at + chunk.prefix.length;
  let position = at;
  for (const token of chunk.tokens) {
    if (position >= name.length) return undefined;
    if (token.kind === "byte") {
      if (name.charCodeAt(position) !== token.byte) return undefined;
      position += 1;
      continue;
    }
    const { rune, width } = decodeRune(name, position);
    if (token.kind === "any") {
      if (rune === slash) return undefined;
    } else if (token.ranges.some(([low, high]) => low <= rune && rune <= high) === token.negated) {
      return undefined;
    }
    position += width;
  }
  return position;
}

/** Undefined if malformed. Go finds a fault only when it gets there, but what it finds first never is a match. */
function compileChunks(pattern: string): readonly Chunk[] | undefined {
  const chunks: Chunk[] = [];
  let at = 0;
  while (at < pattern.length) {
    const afterStar = pattern[at] === "*";
    while (pattern[at] === "*") at += 1;
    const tokens: Token[] = [];
    while (at < pattern.length && pattern[at] !== "*") {
      const read = readToken(pattern, at);
      if (read === undefined) return undefined;
      tokens.push(read.token);
      at = read.next;
    }
    chunks.push(chunkOf(afterStar, tokens));
  }
  return chunks;
}

function chunkOf(afterStar: boolean, tokens: readonly Token[]): Chunk {
  let prefix = "";
  for (const token of tokens) {
    if (token.kind !== "byte") break;
    prefix += String.fromCharCode(token.byte);
  }
  const literal = prefix.length === tokens.length;
  return { afterStar, prefix, length: tokens.length, tokens: literal ? undefined : tokens };
}

function readToken(pattern: string, at: number): { token: Token; next: number } | undefined {
  const character = pattern[at];
  if (character === "?") return { token: { kind: "any" }, next: at + 1 };
  if (character === "[") return readClass(pattern, at + 1);
  const literal = character === "\\" ? at + 1 : at;
  if (literal >= pattern.length) return undefined;
  return { token: { kind: "byte", byte: pattern.charCodeAt(literal) }, next: literal + 1 };
}

/** Reads from behind the `[` to behind the `]`. */
function readClass(pattern: string, start: number): { token: Token; next: number } | undefined {
  const negated = pattern[start] === "^";
  const ranges: [number, number][] = [];
  let at = negated ? start + 1 : start;
  while (pattern[at] !== "]" || ranges.length === 0) {
    const low = readClassRune(pattern, at);
    if (low === undefined) return undefined;
    at = low.next;
    let high = low;
    if (pattern[at] === "-") {
      const end = readClassRune(pattern, at + 1);
      if (end === undefined) return undefined;
      high = end;
      at = end.next;
    }
    ranges.push([low.rune, high.rune]);
  }
  return { token: { kind: "class", negated, ranges }, next: at + 1 };
}

/** One end of a range; something must follow it, at least the `]`. */
function readClassRune(pattern: string, start: number): { rune: number; next: number } | undefined {
  if (start >= pattern.length || pattern[start] === "-" || pattern[start] === "]") return undefined;
  const at = pattern[start] === "\\" ? start + 1 : start;
  if (at >= pattern.length) return undefined;
  const { rune, width } = decodeRune(pattern, at);
  if (rune === replacement && width === 1) return undefined;
  const next = at + width;
  return next >= pattern.length ? undefined : { rune, next };
}

const replacement = 0xfffd;

/** The code point at a byte, or U+FFFD of width 1 where none begins, as Go decodes. Byte strings made here are valid UTF-8. */
function decodeRune(bytes: string, at: number): { rune: number; width: number } {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return { rune: first, width: 1 };
  const width = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (width === 0) return { rune: replacement, width: 1 };
  let rune = first & (0xff >> (width + 1));
  for (let offset = 1; offset < width; offset += 1)
    rune = (rune << 6) | (bytes.charCodeAt(at + offset) & 0x3f);
  return { rune, width };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant.
const ascii = /^[\x00-\x7f]*$/;

function toBytes(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

function fromBytes(bytes: string): string {
  return ascii.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}
