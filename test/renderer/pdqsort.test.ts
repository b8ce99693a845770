import { expect } from "chai";
import fc from "fast-check";
import { decodeJson } from "../../renderer/functions/go-json.ts";
import { pdqsort } from "../../renderer/functions/pdqsort.ts";
import { anySlice, bytesOf, GoMap, GoSlice, textOf } from "../../renderer/gotmpl/index.ts";

interface Item {
  readonly size: number;
  readonly at: number;
}

const sorted = (sizes: readonly number[]): Item[] => {
  const items = sizes.map((size, at) => ({ size, at }));
  pdqsort(items, (one, other) => one.size < other.size);
  return items;
};

describe("Go's sort", () => {
  it("puts every list in order and loses nothing", () => {
    const size = fc.oneof(fc.nat(5), fc.nat());
    fc.assert(
      fc.property(fc.array(size, { maxLength: 300 }), (sizes) => {
        expect(sorted(sizes).map((item) => item.size)).to.deep.equal(
          [...sizes].sort((one, other) => one - other),
        );
        expect(new Set(sorted(sizes).map(({ at }) => at)).size).to.equal(sizes.length);
      }),
    );
  });

  it("puts patterns in order that lead simpler sorts astray", () => {
    const count = 1_000;
    const up = Array.from({ length: count }, (_, at) => at);
    for (const sizes of [
      up,
      [...up].reverse(),
      up.map((at) => at % 2),
      up.map((at) => Math.min(at, count - at)),
      up.fill(7),
    ]) {
      expect(sorted(sizes).map((item) => item.size)).to.deep.equal(
        [...sizes].sort((one, other) => one - other),
      );
    }
  });

  it("keeps the order of equals in lists of twelve at most", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 12 }), (sizes) => {
        const items = sorted(sizes);
        const stable = sizes.map((size, at) => ({ size, at })).sort((one, other) => one.size - other.size);
        expect(items).to.deep.equal(stable);
      }),
    );
  });
});

describe("Go's JSON", () => {
  const plain = (value: unknown): unknown => {
    if (value instanceof GoSlice) return value.toArray().map(plain);
    if (value instanceof GoMap) {
      return Object.fromEntries(
        [...(value.entries ?? [])].map(([key, item]) => [textOf(String(key)), plain(item)]),
      );
    }
    return typeof value === "string" ? textOf(value) : value;
  };

  it("reads what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ noUnicodeString: false })), (list) => {
        const text = JSON.stringify(list);
        expect(plain(decodeJson(bytesOf(text), anySlice))).to.deep.equal(JSON.parse(text));
      }),
    );
  });

  it("ends on nesting without measure with an error", () => {
    expect(() => decodeJson("[".repeat(200_000), anySlice)).to.throw("exceeded max depth");
  });
});
