import { expect } from "chai";
import { type Probed, Prober } from "../../agent/prober.ts";
import { ManualClock } from "../support/manual-clock.ts";

describe("a prober", () => {
  let clock: ManualClock;
  let asked: { readonly port: number; readonly atMs: number; answer: (problem?: string) => void }[];
  let rings: number;
  let prober: Prober;
  let ending: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    clock = new ManualClock();
    asked = [];
    rings = 0;
    prober = new Prober({
      clock,
      random: () => 0.5,
      ring: () => {
        rings += 1;
      },
      probe: ({ port }, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve("cut"));
          asked.push({ port, atMs: clock.monotonic(), answer: resolve });
        }),
    });
    ending = new AbortController();
    running = prober.run(ending.signal);
  });

  afterEach(async () => {
    ending.abort();
    await running;
  });

  const target = (port: number, change: Partial<Probed> = {}): Probed => ({
    host: "10.0.0.1",
    port,
    timeoutMs: 1_000,
    run: "1",
    assumed: false,
    notBeforeMs: 0,
    ...change,
  });
  const watch = async (...targets: Probed[]) => {
    prober.watch(new Map(targets.map((each) => [`${each.port}`, each])));
    await clock.advance(0);
  };
  async function answer(problem?: string): Promise<void> {
    for (const probe of asked.splice(0)) probe.answer(problem);
    await clock.advance(0);
  }

  it("asks a new target at once, then once in its period, and never twice at a time", async () => {
    await watch(target(1));
    expect(asked).to.have.length(1);
    await clock.advance(60_000);
    expect(asked, "while one is under way").to.have.length(1);
    await answer();
    expect(prober.health("1")).to.deep.equal({ kind: "answering", failures: 0 });
    expect(rings).to.equal(1);
    await clock.advance(4_999);
    expect(asked).to.have.length(0);
    await clock.advance(1);
    expect(asked).to.have.length(1);
    await answer();
    expect(rings, "no news").to.equal(1);
  });

  it("rings when three probes in a row have failed", async () => {
    await watch(target(1));
    await answer();
    await clock.advance(5_000);
    for (const expected of [1, 1, 2]) {
      expect(asked).to.have.length(1);
      await answer("refused");
      expect(rings).to.equal(expected);
      await clock.advance(1_000);
    }
    expect(prober.health("1")?.kind).to.equal("failing");
  });

  it("begins anew for another run, and keeps what it knows when only the path changes", async () => {
    await watch(target(1));
    await answer();
    await watch(target(1, { path: "/ok" }));
    expect(prober.health("1")?.kind).to.equal("answering");
    await watch(target(1, { path: "/ok", run: "2" }));
    expect(prober.health("1")?.kind).to.equal("awaited");
    expect(asked).to.have.length(1);
  });

  it("does not listen to the answer of a run that is over", async () => {
    await watch(target(1));
    const [old] = asked.splice(0);
    await watch(target(1, { run: "2" }));
    old?.answer();
    await clock.advance(0);
    expect(prober.health("1")?.kind).to.equal("awaited");
  });

  it("waits for the initial delay of a new run, once", async () => {
    await watch(target(1, { notBeforeMs: 20_000 }));
    await clock.advance(19_999);
    expect(asked).to.have.length(0);
    await clock.advance(1);
    await answer("refused");
    await clock.advance(200);
    expect(asked, "soon again").to.have.length(1);
  });

  it("believes in what the agent before it published, and asks it within a period", async () => {
    await watch(target(1, { assumed: true, notBeforeMs: 20_000 }));
    expect(prober.health("1")?.kind).to.equal("assumed");
    expect(asked).to.have.length(0);
    await clock.advance(5_000);
    expect(asked).to.have.length(1);
  });

  it("asks 64 at once at most, and the others as those answer", async () => {
    await watch(...Array.from({ length: 100 }, (_, at) => target(at + 1)));
    expect(asked).to.have.length(64);
    await answer();
    expect(asked).to.have.length(36);
  });

  it("forgets what is no longer watched", async () => {
    await watch(target(1), target(2));
    await answer();
    await watch(target(2));
    expect(prober.health("1")).to.equal(undefined);
    await clock.advance(10_000);
    expect(asked.map(({ port }) => port)).to.deep.equal([2]);
  });
});
