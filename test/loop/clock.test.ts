import { expect } from "chai";
import { type Clock, systemClock } from "../../loop/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";

const clocks: readonly [string, () => Clock][] = [
  ["the system's clock", () => systemClock],
  ["the manual clock", () => new ManualClock()],
];

for (const [name, make] of clocks) {
  describe(name, () => {
    it("ends a sleep with the reason of its signal", async () => {
      const stop = new AbortController();
      const sleep = make().sleep(60_000, stop.signal);
      stop.abort("enough");
      expect(await sleep.catch((reason: unknown) => reason)).to.equal("enough");
    });

    it("does not begin a sleep whose signal has aborted", async () => {
      const sleep = make().sleep(60_000, AbortSignal.abort("too late"));
      expect(await sleep.catch((reason: unknown) => reason)).to.equal("too late");
    });
  });
}

describe("the manual clock", () => {
  it("wakes sleepers in the order of their times, at their times", async () => {
    const clock = new ManualClock();
    const woken: [string, number][] = [];
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push([name, clock.monotonic()]);
    };
    const sleeps = [sleep("late", 30), sleep("early", 10)];
    await clock.advance(100);
    await Promise.all(sleeps);
    expect(woken).to.deep.equal([
      ["early", 10],
      ["late", 30],
    ]);
    expect(clock.now().toISOString()).to.equal("2026-01-01T00:00:00.100Z");
  });
});
