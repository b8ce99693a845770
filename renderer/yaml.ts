/**
 * The YAML (and with it the JSON) that files of keys are written in, as Go's yaml.v2 reads it for confd: block and flow collections, all
 * styles of scalars, anchors, aliases, merge keys and tags. Of several documents the first counts; of a key given twice the last. Every
 * scalar is the text that confd makes of it.
 *
 * It differs where confd would crash or refuse for no use: a key is text even if it looks like a number (`80: x`), and JSON's `\/` and
 * pairs of surrogates are read.
 *
 * Source: yaml.org/spec/1.1.
 *
 * Pure.
 */
import { scalarText, type Tag } from "./yaml-scalar.ts";
import { YamlScanner } from "./yaml-scan.ts";

export type YamlValue = string | null | readonly YamlValue[] | YamlMapping;
export type YamlMapping = ReadonlyMap<string, YamlValue>;

/** The mapping that the first document is; empty if it is empty. Throws an `Error` that names the line. */
export function parseYaml(text: string): YamlMapping {
  try {
    return new Reader(text).document();
  } catch (error) {
    if (error instanceof RangeError) throw new Error("yaml: exceeded max depth");
    throw error;
  }
}

/** What may stand before a node. */
interface Properties {
  tag: Tag;
  anchor: string;
}

/** Where a node stands: behind a key, behind the dash of an item, or at the beginning of a line. */
type Place = "value" | "item" | "line";

class Reader {
  readonly #scan: YamlScanner;
  readonly #anchors = new Map<string, YamlValue>();

  constructor(text: string) {
    this.#scan = new YamlScanner(text);
  }

  document(): YamlMapping {
    const scan = this.#scan;
    scan.space();
    while (scan.column === 0 && scan.here === "%") {
      scan.match(/[^\n]*/y);
      scan.space();
    }
    const marked = scan.atMarker && scan.take("---");
    const value = this.#block(-1, marked ? "item" : "line");
    scan.space();
    if (!scan.ended) throw scan.problem("did not find expected <document start>");
    if (value === null) return new Map();
    if (isMapping(value)) return value;
    const kind = Array.isArray(value) ? "!!seq" : "!!str";
    throw new Error(`yaml: unmarshal errors:\n  line 1: cannot unmarshal ${kind} into a mapping of keys`);
  }

  /** The node here, which belongs to a collection whose indentation is `parent`. */
  #block(parent: number, place: Place, listBeside = false): YamlValue {
    const scan = this.#scan;
    const properties: Properties = { tag: "", anchor: "" };
    let at: Place = place;
    for (;;) {
      if (scan.space()) {
        at = "line";
        // The column of a line counts only where something stands in it.
        const deep = listBeside && scan.atIndicator("-") ? scan.column >= parent : scan.column > parent;
        if (scan.ended || !deep) return this.#named(properties, this.#scalar("", true, properties));
        this.#refuseTab();
      } else if (scan.ended) return this.#named(properties, this.#scalar("", true, properties));
      const mayNest = at !== "value";
      if (mayNest && scan.atIndicator("-")) return this.#named(properties, this.#list(scan.column));
      // A property at the head of a mapping's first key is the key's own, unless the key stands in a line below.
      if (mayNest && (scan.atIndicator("?") || this.#isKey()))
        return this.#named(properties, this.#mapping(scan.column));
      if (!this.#property(properties)) break;
    }
    if (scan.here === "|" || scan.here === ">")
      return this.#named(properties, this.#scalar(scan.block(parent), false, properties));
    const value = this.#flow(parent, false, properties);
    scan.inlineSpace();
    if (scan.here === ":") throw scan.problem("mapping values are not allowed in this context");
    if (scan.here !== "\n" && !scan.ended) throw scan.problem("did not find expected key");
    return value;
  }

  #list(indent: number): YamlValue {
    const scan = this.#scan;
    const items: YamlValue[] = [];
    while (scan.column === indent && scan.atIndicator("-")) {
      scan.at += 1;
      items.push(this.#block(indent, "item"));
      if (!this.#next(indent)) break;
    }
    return items;
  }

  #mapping(indent: number): YamlValue {
    const scan = this.#scan;
    const entries = new Map<string, YamlValue>();
    for (;;) {
      if (scan.atIndicator("?")) {
        scan.at += 1;
        const key = textOf(this.#block(indent, "item", true));
        const has = this.#next(indent) && scan.atIndicator(":");
        if (has) scan.at += 1;
        entries.set(key, has ? this.#block(indent, "item", true) : null);
      } else if (this.#isKey()) {
        const { key, merges } = this.#key();
        const value = this.#block(indent, "value", true);
        if (merges) this.#merge(value, entries);
        else entries.set(key, value);
      } else if (scan.atIndicator("-") || scan.ended) return entries;
      else throw scan.problem("could not find expected ':'");
      if (!this.#next(indent)) return entries;
    }
  }

  /** Goes to the next line of a collection. False if it ends before. */
  #next(indent: number): boolean {
    const scan = this.#scan;
    scan.space();
    if (scan.ended || scan.column < indent) return false;
    this.#refuseTab();
    if (scan.column > indent) throw scan.problem("did not find expected key");
    return true;
  }

  /** True if a key that ends in this line stands here. */
  #isKey(): boolean {
    const scan = this.#scan;
    const back = scan.at;
    while (this.#property({ tag: "", anchor: "" })) scan.match(/[ \t]*/y);
    if (scan.here === '"' || scan.here === "'") scan.match(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'/y);
    else if (scan.here === "*") scan.match(/\*[^\s,[\]{}]+/y);
    else if (!/[[\]{},#|>@`%]/.test(scan.here)) scan.match(/(?:[^:#\n]|:(?=[^\s])|(?<=\S)#)*/y);
    scan.match(/[ \t]*/y);
    const found = scan.at > back && scan.atIndicator(":");
    scan.at = back;
    return found || scan.atIndicator(":");
  }

  #key(): { readonly key: string; readonly merges: boolean } {
    const scan = this.#scan;
    const properties: Properties = { tag: "", anchor: "" };
    while (this.#property(properties)) scan.match(/[ \t]*/y);
    const quoted = scan.here === '"' || scan.here === "'";
    const key = quoted
      ? scan.quoted()
      : scan.here === "*"
        ? textOf(this.#alias())
        : (scan.match(/(?:[^:#\n]|:(?=[^\s])|(?<=\S)#)*/y) ?? "").trimEnd();
    if (properties.anchor !== "") this.#anchors.set(properties.anchor, key);
    scan.match(/[ \t]*/y);
    scan.at += 1;
    return { key, merges: !quoted && key === "<<" };
  }

  /** Takes over what a `<<` names: of several mappings the first that has a key wins. */
  #merge(value: YamlValue, into: Map<string, YamlValue>): void {
    const sources = Array.isArray(value) ? [...value].reverse() : [value];
    for (const source of sources) {
      if (!isMapping(source))
        throw this.#scan.problem("map merge requires map or sequence of maps as the value");
      for (const [key, item] of source) into.set(key, item);
    }
  }

  /** A node that may stand in a flow collection. `inside` says that it does. */
  #flow(parent: number, inside: boolean, known?: Properties): YamlValue {
    const scan = this.#scan;
    const properties = known ?? { tag: "", anchor: "" };
    while (this.#property(properties)) scan.space();
    if (scan.here === "*") return this.#alias();
    if (scan.take("[")) return this.#named(properties, this.#flowList());
    if (scan.take("{")) return this.#named(properties, this.#flowMapping());
    if (scan.here === '"' || scan.here === "'")
      return this.#named(properties, this.#scalar(scan.quoted(), false, properties));
    if (/[@`%|>]/.test(scan.here)) throw scan.problem("found character that cannot start any token");
    return this.#named(properties, this.#scalar(scan.plain(parent, inside), true, properties));
  }

  #flowList(): YamlValue {
    const scan = this.#scan;
    const items: YamlValue[] = [];
    for (;;) {
      scan.space();
      if (scan.take("]")) return items;
      const back = scan.at;
      const item = this.#flow(-1, true);
      const plainKey = scan.text.slice(back, scan.at).trim();
      scan.space();
      if (scan.take(":")) {
        scan.space();
        items.push(new Map([[keyText(plainKey, item), this.#flow(-1, true)]]));
        scan.space();
      } else items.push(item);
      if (!scan.take(",") && scan.here !== "]") throw scan.problem("did not find expected ',' or ']'");
    }
  }

  #flowMapping(): YamlValue {
    const scan = this.#scan;
    const entries = new Map<string, YamlValue>();
    for (;;) {
      scan.space();
      if (scan.take("}")) return entries;
      if (scan.atIndicator("?")) scan.at += 1;
      scan.space();
      const back = scan.at;
      const key = this.#flow(-1, true);
      const written = scan.text.slice(back, scan.at).trim();
      scan.space();
      let value: YamlValue = null;
      if (scan.take(":")) {
        scan.space();
        if (scan.here !== "," && scan.here !== "}") value = this.#flow(-1, true);
      }
      if (written === "<<") this.#merge(value, entries);
      else entries.set(keyText(written, key), value);
      scan.space();
      if (!scan.take(",") && scan.here !== "}") throw scan.problem("did not find expected ',' or '}'");
    }
  }

  /** Takes a tag or an anchor, if one stands here. */
  #property(into: Properties): boolean {
    const scan = this.#scan;
    const anchor = scan.match(/&[^\s,[\]{}]+/y);
    if (anchor !== undefined) into.anchor = anchor.slice(1);
    const tag = anchor === undefined ? scan.match(/!(?:<[^>\n]*>|[^\s,[\]{}]*)/y) : undefined;
    if (tag !== undefined) into.tag = tag.replace(/^!!|^!<tag:yaml\.org,2002:(.*)>$/, "$1") || "str";
    return anchor !== undefined || tag !== undefined;
  }

  #alias(): YamlValue {
    const scan = this.#scan;
    const name = (scan.match(/\*[^\s,[\]{}]+/y) ?? "*").slice(1);
    const value = this.#anchors.get(name);
    if (value === undefined) throw scan.problem(`unknown anchor '${name}' referenced`);
    return value;
  }

  #named({ anchor }: Properties, value: YamlValue): YamlValue {
    if (anchor !== "") this.#anchors.set(anchor, value);
    return value;
  }

  #scalar(text: string, plain: boolean, { tag }: Properties): string | null {
    try {
      return scalarText(text, plain, tag);
    } catch (error) {
      throw this.#scan.problem(error instanceof Error ? error.message : String(error));
    }
  }

  /** Tabs do not indent. */
  #refuseTab(): void {
    const { text, at, column } = this.#scan;
    if (text.slice(at - column, at).includes("\t"))
      throw this.#scan.problem("found character that cannot start any token");
  }
}

function isMapping(value: YamlValue): value is YamlMapping {
  return value instanceof Map;
}

/** A key as it is written, unless quotes or an alias say otherwise. */
function keyText(written: string, value: YamlValue): string {
  return /^["'*&!]/.test(written) ? textOf(value) : written;
}

function textOf(value: YamlValue): string {
  return typeof value === "string" ? value : "";
}
