import { expect } from "chai";
import fc from "fast-check";
import { Backoff } from "../../loop/backoff.ts";

describe("a backoff", () => {
  it("doubles its ceiling up to the highest and starts over after a reset", () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500, random: () => 0 });
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).to.deep.equal([100, 200, 400, 500, 500]);
    backoff.reset();
    expect(backoff.next()).to.equal(100);
  });

  it("is never zero and never above its ceiling, however often it is asked", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 2_000 }),
        (random, asked) => {
          const backoff = new Backoff({ initialMs: 10, maxMs: 1_000, random: () => random });
          const waits = Array.from({ length: asked }, () => backoff.next());
          return waits.every((ms, at) => ms >= 1 && ms <= Math.min(1_000, 10 * 2 ** at));
        },
      ),
      { numRuns: 50 },
    );
  });
});
