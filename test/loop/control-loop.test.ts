import { expect } from "chai";
import { ControlLoop, type ControlLoopOptions, type LoopEvent } from "../../loop/control-loop.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";

describe("a control loop", () => {
  let stop: AbortController;
  let clock: ManualClock;
  let events: LoopEvent[];
  let running: Promise<void> | undefined;
  let passes: number;
  const count = async () => {
    passes += 1;
  };

  beforeEach(() => {
    passes = 0;
    stop = new AbortController();
    clock = new ManualClock();
    events = [];
    running = undefined;
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  function start(options: Partial<ControlLoopOptions> & Pick<ControlLoopOptions, "pass">): ControlLoop {
    const loop = new ControlLoop({ clock, onEvent: (event) => events.push(event), ...options });
    running = loop.run(stop.signal);
    return loop;
  }

  it("runs a first pass at once and then waits for a bell", async () => {
    const loop = start({ pass: count });
    await clock.advance(60_000);
    expect(passes).to.equal(1);
    loop.ring();
    await clock.advance(0);
    expect(passes).to.equal(2);
  });

  it("rests after each pass in proportion to what it took, while bells ring on; a bell after that waits for nothing", async () => {
    const loop = start({
      restPerPass: 3,
      pass: async () => {
        passes += 1;
        await clock.sleep(10, stop.signal);
      },
    });
    await clock.advance(10);
    for (let ms = 0; ms < 120; ms += 1) {
      loop.ring();
      await clock.advance(1);
    }
    // One pass in 40 ms: 10 for itself and 30 of rest.
    expect(passes).to.equal(4);
    await clock.advance(60_000);
    const before = passes;
    loop.ring();
    await clock.advance(0);
    expect(passes).to.equal(before + 1);
  });

  it("coalesces the bells that ring during a pass into one more pass", async () => {
    let finish: () => void = () => undefined;
    const loop = start({
      pass: () => {
        passes += 1;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    loop.ring();
    loop.ring();
    loop.ring();
    finish();
    await eventually(() => passes === 2);
    finish();
    await clock.advance(60_000);
    expect(passes).to.equal(2);
  });

  it("runs a pass after each interval without any bell", async () => {
    start({ pass: count, intervalMs: 1_000 });
    await clock.advance(3_500);
    expect(passes).to.equal(4);
  });

  it("begins the interval anew after a bell", async () => {
    const loop = start({ pass: count, intervalMs: 1_000 });
    await clock.advance(900);
    loop.ring();
    await clock.advance(900);
    expect(passes).to.equal(2);
    await clock.advance(100);
    expect(passes).to.equal(3);
  });

  it("retries a pass that throws after a growing backoff, whatever rings meanwhile", async () => {
    const loop = start({
      pass: async () => {
        passes += 1;
        if (passes < 4) throw new Error("not yet");
      },
      backoff: { initialMs: 100, random: () => 0 },
    });
    await clock.advance(0);
    loop.ring();
    await clock.advance(99);
    expect(passes).to.equal(1);
    await clock.advance(1);
    expect(passes).to.equal(2);
    await clock.advance(200);
    expect(passes).to.equal(3);
    await clock.advance(400);
    expect(
      events.map((event) => (event.kind === "pass-failed" ? event.retryInMs : event.kind)),
    ).to.deep.equal([100, 200, 400, "pass-done"]);
  });

  it("ends when it is stopped while it rests", async () => {
    start({ pass: async () => undefined, intervalMs: 1_000 });
    await clock.advance(0);
    stop.abort();
    await running;
    expect(clock.sleeping).to.equal(0);
  });

  it("ends when it is stopped during a pass that finishes as if nothing had happened", async () => {
    start({ pass: async () => stop.abort() });
    await running;
    expect(events).to.deep.equal([]);
  });

  it("ends when an event handler stops it", async () => {
    start({ pass: async () => undefined, onEvent: () => stop.abort() });
    await running;
  });

  it("ends when it is stopped with a reason of any kind while it backs off", async () => {
    start({
      pass: async () => {
        throw new Error("never");
      },
    });
    await clock.advance(0);
    stop.abort("enough");
    await running;
  });
});
