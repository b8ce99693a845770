import { expect } from "chai";
import fc from "fast-check";
import { matchGlob } from "../../cluster/glob.ts";
import { basePath, cleanPath, dirPath, joinPath } from "../../renderer/go-path.ts";
import { compilePattern } from "../../renderer/key-pattern.ts";
import { SelectedKeys, selectKeys } from "../../renderer/key-selection.ts";
import { Reads } from "../../renderer/reads.ts";
import { byBytes, StoreIndex } from "../../renderer/store-index.ts";

/** confd's own way: look at every key for every question. */
class Scan {
  readonly keys = new Set<string>();

  match(pattern: string): string[] {
    return [...this.keys].filter((key) => matchGlob(pattern, key)).sort(byBytes);
  }

  list(path: string): string[] {
    const names = new Set<string>();
    for (const key of this.keys) {
      if (key === path) names.add(basePath(key));
      else if (startsWith(terms(dirPath(key)), terms(path))) names.add(strip(key, path).split("/")[0] ?? "");
    }
    return [...names].sort(byBytes);
  }

  listFolders(path: string): string[] {
    const names = new Set<string>();
    for (const key of this.keys) {
      const [all, prefix] = [terms(dirPath(key)), terms(path)];
      if (key.startsWith(path) && startsWith(all, prefix) && all.length > prefix.length) {
        names.add(all[prefix.length] ?? "");
      }
    }
    return [...names].sort(byBytes);
  }
}

const terms = (path: string) => cleanPath(path).split("/");
const startsWith = (all: string[], prefix: string[]) => prefix.every((term, at) => all[at] === term);
const strip = (key: string, prefix: string) =>
  (key.startsWith(prefix) ? key.slice(prefix.length) : key).replace(/^\//, "");

const name = fc.constantFrom("a", "b", "ab", "a-b", "a.b", "é");
const key = fc.array(name, { maxLength: 3 }).map((names) => joinPath("/", ...names));
const path = fc.oneof(
  key,
  key.map((text) => `${text}/`),
  fc.constantFrom("/", "", "a", "//", "/a//b", "/a/.", "."),
);
const pattern = fc
  .array(fc.constantFrom("a", "b", "*", "a*", "?", "[a-b]", "[^a]", "a-b", "\\a", "é"), { maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`);
const change = fc.record({ key, kept: fc.boolean() });

describe("the index of keys", () => {
  it("answers as a look at every key would, whatever was set and deleted", () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 20 }),
        fc.array(path),
        fc.array(pattern),
        (changes, paths, patterns) => {
          const [index, scan] = [new StoreIndex(), new Scan()];
          for (const { key: each, kept } of changes) {
            if (kept) {
              index.set(each, "v");
              scan.keys.add(each);
            } else {
              index.delete(each);
              scan.keys.delete(each);
            }
          }
          expect(index.size).to.equal(scan.keys.size);
          for (const each of paths) {
            expect(index.list(each), `ls ${each}`).to.deep.equal(scan.list(each));
            expect(index.listFolders(each), `lsdir ${each}`).to.deep.equal(scan.listFolders(each));
          }
          for (const each of patterns) {
            expect(
              index.match(each)?.map((pair) => pair.key),
              `gets ${each}`,
            ).to.deep.equal(scan.match(each));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("sorts keys by their bytes, not by their elements", () => {
    const index = new StoreIndex();
    for (const each of ["/a/x", "/a-b/x", "/a.b/x"]) index.set(each, "");
    expect(index.match("/*/x")?.map((pair) => pair.key)).to.deep.equal(["/a-b/x", "/a.b/x", "/a/x"]);
  });

  it("tells a new value from a new key, and both from the same value", () => {
    const index = new StoreIndex();
    expect([
      index.set("/a", "1"),
      index.set("/a", "1"),
      index.set("/a", "2"),
      index.delete("/a"),
      index.delete("/a"),
    ]).to.deep.equal(["presence", "none", "value", "presence", "none"]);
  });

  it("costs what it returns", () => {
    const index = new StoreIndex();
    for (let app = 0; app < 2_000; app += 1)
      for (let at = 0; at < 10; at += 1) index.set(`/apps/${app}/${at}`, "v");
    const began = performance.now();
    for (const app of index.list("/apps")) expect(index.match(`/apps/${app}/*`)?.length).to.equal(10);
    expect(performance.now() - began).to.be.below(1_000);
  });
});

describe("what a render reads", () => {
  const reads = new Reads();
  reads.key("/app/name");
  reads.pattern("/app/*/port", compilePattern("/app/*/port"));
  reads.pattern("/x[/]y", compilePattern("/x[/]y"));
  reads.listing("/apps/");
  for (const [changed, kind, touched] of [
    ["/app/name", "value", true],
    ["/app/name", "presence", true],
    ["/app/name", "none", false],
    ["/app/other", "value", false],
    ["/app/1/port", "value", true],
    ["/app/1/host", "presence", false],
    ["/x/y", "value", true],
    ["/apps/a/b", "presence", true],
    ["/apps/a/b", "value", false],
    ["/apps", "presence", true],
    ["/apple", "presence", false],
  ] as const) {
    it(`is ${touched ? "" : "not "}touched by a change of kind "${kind}" of ${changed}`, () => {
      expect(reads.touchedBy(changed, kind)).to.equal(touched);
    });
  }

  it("is touched by every change of its keys if it asked the world, too", () => {
    const worldly = new Reads();
    worldly.world();
    expect(worldly.touchedBy("/any", "value")).to.equal(true);
  });
});

describe("the keys of a resource", () => {
  const shown = (prefix: string, keys: readonly string[], entries: Readonly<Record<string, string>>) => {
    const selected = new SelectedKeys(selectKeys(prefix, keys));
    for (const [each, value] of Object.entries(entries)) selected.update(each, value);
    return Object.fromEntries(selected.index.entries());
  };

  it("are the ones named and all below, never siblings", () => {
    expect(shown("", ["/app"], { "/app": "0", "/app/x": "1", "/apple": "2", "/a": "3" })).to.deep.equal({
      "/app": "0",
      "/app/x": "1",
    });
  });

  it("lose the prefix, which may lack its slash; the prefix itself becomes /", () => {
    expect(shown("p", ["/", "../q"], { "/p": "0", "/p/x/y": "1", "/q": "2", "/r": "3" })).to.deep.equal({
      "/": "0",
      "/x/y": "1",
      "/q": "2",
    });
  });

  it("are cleaned, and survive that two of them come to the same", () => {
    const selected = new SelectedKeys(selectKeys("", ["/"]));
    selected.update("/a//b", "1");
    selected.update("/a/b", "2");
    expect(selected.index.get("/a/b")).to.equal("1");
    selected.update("/a//b", undefined);
    expect(selected.index.get("/a/b")).to.equal("2");
    selected.update("/a/b", undefined);
    expect(selected.index.size).to.equal(0);
  });
});
