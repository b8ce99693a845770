import { expect } from "chai";
import { entryPath } from "../../hosts/cache.ts";

describe("a cache entry", () => {
  it("has another name as soon as any input differs", () => {
    const path = (...inputs: string[]) => entryPath({ kind: "base", inputs }, "/cache");
    expect(path("a", "b")).to.match(/^\/cache\/base-[0-9a-f]{12}$/);
    expect(new Set([path("a", "b"), path("ab"), path("a", "c"), path("b", "a")]).size).to.equal(4);
  });
});
