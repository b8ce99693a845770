/**
 * The YAML (and with it the JSON) that files of keys are written in, with the values that Go's yaml.v2 gives to confd. Of several
 * documents the first counts; of a key given twice the last, also against what a `<<` brings. Every scalar is the text that confd makes
 * of it. The `yaml` package parses; what scalars, merges and aliases are worth is decided here, because YAML 1.1 and yaml.v2 decide it.
 *
 * It differs where confd would crash or refuse for no use: a key is text even if it looks like a number (`80: x`), and JSON's `\/` and
 * pairs of surrogates are read.
 *
 * Pure.
 */
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  Scalar,
  type YAMLMap,
} from "yaml";
import { scalarText } from "./yaml-scalar.ts";

export type YamlValue = string | null | readonly YamlValue[] | YamlMapping;
export type YamlMapping = ReadonlyMap<string, YamlValue>;

/** The mapping that the first document is; empty if it is empty. Throws an `Error` that names the line. */
export function parseYaml(given: string): YamlMapping {
  const text = given.replace(/\r\n?/g, "\n");
  const lines = new LineCounter();
  const problem = (what: string, at = 0): Error => new Error(`yaml: line ${lines.linePos(at).line}: ${what}`);
  try {
    const document = firstDocument(text, lines, problem);
    const [first] = document?.errors ?? [];
    if (first?.code === "RESOURCE_EXHAUSTION") throw new RangeError(first.message);
    if (first) throw problem(first.message, first.pos[0]);
    const value = new Reader(text, problem).value(document?.contents ?? null);
    if (value === null) return new Map();
    if (isMapping(value)) return value;
    throw problem(`${Array.isArray(value) ? "a list" : "a text"} stands where keys are expected`);
  } catch (error) {
    if (error instanceof RangeError) throw new Error("yaml: exceeded max depth");
    throw error;
  }
}

type Problem = (what: string, at?: number) => Error;

/** Most tokens, more than 100,000 keys have; beyond, what is built of them could fill the memory. */
const mostTokens = 1_000_000;

/** The package's own way from a text to documents, but it ends at the first error and at too many tokens. */
function firstDocument(text: string, lines: LineCounter, problem: Problem): Document.Parsed | undefined {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  function* tokens(): Generator<CST.Token> {
    let count = 0;
    for (const lexeme of new Lexer().lex(text)) {
      count += 1;
      if (count > mostTokens) throw problem(`more than ${mostTokens} tokens`, parser.offset);
      for (const token of parser.next(lexeme)) {
        yield token;
        if (token.type === "error") return;
      }
    }
    yield* parser.end();
  }
  const composer = new Composer({
    version: "1.1",
    schema: "failsafe",
    resolveKnownTags: false,
    uniqueKeys: false,
    // As yaml.v2: a flow collection may close at the margin.
    strict: false,
  });
  for (const document of composer.compose(tokens(), true, text.length)) return document;
  return undefined;
}

/** Most entries that merges may copy: they are the one thing that makes few lines much. */
const mostMerged = 2_000_000;

class Reader {
  /** Where a block text ends whose last line has no end. */
  readonly #openEnd: number;
  readonly #problem: Problem;
  /** Undefined for one whose node has not ended. */
  readonly #anchors = new Map<string, YamlValue | undefined>();
  #merged = 0;

  constructor(text: string, problem: Problem) {
    this.#openEnd = text.slice(text.lastIndexOf("\n") + 1).trim() === "" ? Number.NaN : text.length;
    this.#problem = problem;
  }

  value(node: Node | null): YamlValue {
    if (node === null) return null;
    if (isAlias(node)) {
      const value = this.#anchors.get(node.source);
      if (value !== undefined) return value;
      const problem = this.#anchors.has(node.source) ? "value contains itself" : "is unknown";
      throw this.#problem(`anchor '${node.source}' ${problem}`, node.range?.[0]);
    }
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const value = this.#content(node);
    if (anchor !== undefined) this.#anchors.set(anchor, value);
    return value;
  }

  #content(node: Node): YamlValue {
    if (isMap<Node, Node | null>(node)) return this.#mapping(node);
    if (isSeq<Node>(node)) return node.items.map((item) => this.value(item));
    return isScalar(node) ? this.#scalar(node) : null;
  }

  #mapping(node: YAMLMap<Node, Node | null>): YamlMapping {
    const entries = new Map<string, YamlValue>();
    for (const { key, value } of node.items) {
      const name = this.#key(key);
      const item = this.value(value);
      if (isScalar(key) && key.type === Scalar.PLAIN && name === "<<") this.#merge(item, entries, key);
      else entries.set(name, item);
    }
    return entries;
  }

  /** A key is the text that is written, unless a tag says otherwise. */
  #key(node: Node): string {
    const plain = isScalar(node) && node.tag === undefined;
    if (plain && node.type === Scalar.PLAIN && node.source === "")
      throw this.#problem("did not find expected key", node.range?.[0]);
    const value = this.value(node);
    if (value !== null && typeof value !== "string")
      throw this.#problem("a key must be a text", node.range?.[0]);
    return (plain ? node.source : value) ?? "";
  }

  /** Takes over what a `<<` names: of several mappings the first that has a key wins. */
  #merge(value: YamlValue, into: Map<string, YamlValue>, { range }: Node): void {
    const sources = Array.isArray(value) ? [...value].reverse() : [value];
    for (const source of sources) {
      if (!isMapping(source))
        throw this.#problem("map merge requires map or sequence of maps as the value", range?.[0]);
      this.#merged += source.size;
      if (this.#merged > mostMerged) throw this.#problem("merges copy too many entries", range?.[0]);
      for (const [key, item] of source) into.set(key, item);
    }
  }

  #scalar({ source = "", type, tag = "", range }: Scalar): string | null {
    const kind = tag === "!" ? "str" : tag.replace("tag:yaml.org,2002:", "");
    const block = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED;
    const text = block && range?.[1] === this.#openEnd ? source.replace(/\n$/, "") : source;
    try {
      return scalarText(text, type === Scalar.PLAIN, kind);
    } catch (error) {
      throw this.#problem(error instanceof Error ? error.message : String(error), range?.[0]);
    }
  }
}

function isMapping(value: YamlValue): value is YamlMapping {
  return value instanceof Map;
}
