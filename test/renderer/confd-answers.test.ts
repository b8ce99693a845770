/**
 * What the real confd said to questions of ours (`confd/*.json`, where `by` names its version), against what ours says. Templates were
 * rendered on the stores named there; documents were read by its file backend.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { confdFunctions, type World } from "../../renderer/functions/index.ts";
import { joinPath } from "../../renderer/go-path.ts";
import { bytesOf, GoTemplateError, parseTemplate, textOf } from "../../renderer/gotmpl/index.ts";
import { Reads } from "../../renderer/reads.ts";
import { StoreIndex } from "../../renderer/store-index.ts";
import { parseYaml, type YamlValue } from "../../renderer/yaml.ts";

interface Templates {
  readonly by: string;
  readonly stores: Readonly<Record<string, readonly (readonly [string, string])[]>>;
  readonly cases: readonly {
    readonly store: string;
    readonly template: string;
    readonly out?: string;
    readonly error?: string;
  }[];
}

interface Documents {
  readonly by: string;
  readonly cases: readonly {
    readonly text: string;
    readonly keys?: Readonly<Record<string, string>>;
    readonly error?: string;
  }[];
}

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`confd/${name}.json`, import.meta.url), "utf8")) as T;

const world: World = {
  now: () => ({ date: new Date(0), zone: { name: "UTC", offsetMinutes: 0 } }),
  environment: () => undefined,
  fileExists: () => false,
  addresses: () => [],
  services: () => [],
};

function rendered(template: string, keys: readonly (readonly [string, string])[]): object {
  const index = new StoreIndex();
  for (const [key, value] of keys) index.set(bytesOf(key), bytesOf(value));
  const functions = confdFunctions(() => ({ index, reads: new Reads(), missingKey: "error" }), world);
  try {
    return { out: textOf(parseTemplate("t", bytesOf(template), functions).execute()) };
  } catch (error) {
    if (error instanceof GoTemplateError) return { error: error.message };
    throw error;
  }
}

function keysOf(text: string): Record<string, string> {
  const keys: Record<string, string> = {};
  const enter = (value: YamlValue, path: string): void => {
    if (typeof value === "string") keys[path] = value;
    else if (value instanceof Map) for (const [name, item] of value) enter(item, joinPath(path, name));
    else if (Array.isArray(value))
      for (const [at, item] of value.entries()) enter(item, joinPath(path, `${at}`));
  };
  enter(parseYaml(text), "/");
  return keys;
}

describe("what confd itself answered", () => {
  const templates = read<Templates>("templates");
  it(`to ${templates.cases.length} templates, output and error alike`, () => {
    expect(templates.cases).to.have.length.above(1_000);
    for (const { store, template, ...said } of templates.cases) {
      expect(rendered(template, templates.stores[store] ?? []), `${store}: ${template}`).to.deep.equal(said);
    }
  });

  const documents = read<Documents>("documents");
  for (const { text, keys, error } of documents.cases) {
    it(`to the document ${JSON.stringify(text).slice(0, 60)}`, () => {
      if (error === undefined) expect(keysOf(text)).to.deep.equal(keys);
      else expect(() => keysOf(text)).to.throw(/^yaml: /);
    });
  }

  it("not: a key that looks like a number is text, where confd crashes", () => {
    expect(keysOf("80: web\nyes: x\n")).to.deep.equal({ "/80": "web", "/yes": "x" });
  });

  it("not: JSON may escape slashes and write one character as two halves", () => {
    expect(keysOf('{"a":"http:\\/\\/x","b":"\\ud83d\\ude00"}')).to.deep.equal({
      "/a": "http://x",
      "/b": "😀",
    });
  });

  it("not: a document that is nested without end is refused, not followed", () => {
    expect(() => keysOf("[".repeat(100_000))).to.throw("exceeded max depth");
  });

  it("not: lines of a flow collection or of quotes that stand left of their key's indentation are refused", () => {
    expect(() => keysOf("a: {\nb: 1\n}\n")).to.throw(/^yaml: line 2: /);
    expect(() => keysOf("a: 'x\ny'\n")).to.throw(/^yaml: line 1: /);
    expect(keysOf("a: {\n  b: 1\n}\nc: 'x\n  y'\n")).to.deep.equal({ "/a/b": "1", "/c": "x y" });
  });

  it("not: what aliases and merges make of few lines costs nothing, or is refused", () => {
    const rows = ["k0: &k0 [x, x]"];
    for (let row = 1; row < 60; row += 1) rows.push(`k${row}: &k${row} [*k${row - 1}, *k${row - 1}]`);
    expect(parseYaml(rows.join("\n")).size).to.equal(60);
    const keys = Array.from({ length: 10_000 }, (_, at) => `k${at}: 1`);
    const merges = `a: &a {${keys.join(", ")}}\nb:\n${"  <<: *a\n".repeat(1_000)}`;
    expect(() => parseYaml(merges)).to.throw(/^yaml: line \d+: merges copy/);
  });

  it("not: a document of more than a million tokens is refused", () => {
    expect(() => parseYaml(`a: [${"x,".repeat(1_000_000)}]`)).to.throw("more than 1000000 tokens");
  });
});
