import { expect } from "chai";
import fc from "fast-check";
import { Draining } from "../../router/draining.ts";

const patienceMs = 1_000;

describe("the drained revision", () => {
  it("is the served one when nothing drains", () => {
    const draining = new Draining(patienceMs);
    expect(draining.look(5n, [], 0)).to.equal(5n);
    expect(draining.isAwaiting(0)).to.equal(false);
  });

  it("stays where it was while a request is left on an endpoint that was removed since", () => {
    const draining = new Draining(patienceMs);
    draining.look(5n, [], 0);
    expect(draining.look(8n, ["a"], 10)).to.equal(5n);
    expect(draining.isAwaiting(10)).to.equal(true);
    expect(draining.look(9n, ["a"], 20), "what is removed later does not matter").to.equal(5n);
    expect(draining.look(9n, [], 30)).to.equal(9n);
    expect(draining.isAwaiting(30)).to.equal(false);
  });

  it("passes an older removal once that has drained, though a newer one has not", () => {
    const draining = new Draining(patienceMs);
    draining.look(1n, [], 0);
    draining.look(2n, ["a"], 10);
    expect(draining.look(4n, ["a", "b"], 20)).to.equal(1n);
    expect(draining.look(4n, ["b"], 30)).to.equal(2n);
  });

  it("waits for a request that does not end for a bounded time, and not again", () => {
    const draining = new Draining(patienceMs);
    draining.look(1n, [], 0);
    expect(draining.look(2n, ["websocket"], 10)).to.equal(1n);
    expect(draining.look(3n, ["websocket"], 10 + patienceMs)).to.equal(3n);
    expect(draining.isAwaiting(10 + patienceMs)).to.equal(false);
    expect(draining.look(4n, ["websocket", "b"], 2_000)).to.equal(3n);
  });

  it("never goes back, never passes what is served, and never passes a removal whose request is left", () => {
    const step = fc.record({
      ms: fc.nat(300),
      change: fc.constantFrom("remove", "end", "look"),
      endpoint: fc.constantFrom("a", "b", "c"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const draining = new Draining(patienceMs);
        const removed = new Map<string, { revision: bigint; seenMs: number | undefined }>();
        let [revision, now, before] = [1n, 0, -1n];
        draining.look(revision, [], now);
        for (const { ms, change, endpoint } of steps) {
          now += ms;
          if (change === "end") removed.delete(endpoint);
          else {
            revision += 1n;
            if (change === "remove" && !removed.has(endpoint))
              removed.set(endpoint, { revision, seenMs: undefined });
          }
          for (const entry of removed.values()) entry.seenMs ??= now;
          const drained = draining.look(revision, [...removed.keys()], now);
          expect(drained <= revision && drained >= before).to.equal(true);
          for (const { revision: at, seenMs = now } of removed.values()) {
            if (now - seenMs < patienceMs) expect(drained < at).to.equal(true);
          }
          before = drained;
        }
      }),
    );
  });
});
