import { expect } from "chai";
import type { AgentEvent } from "../../agent/events.ts";
import type { Flight } from "../../agent/reconcile.ts";
import { RouterWatch } from "../../agent/router-watch.ts";
import { Withdrawals } from "../../agent/withdrawals.ts";
import type { RouterRecord } from "../../cluster/router-record.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OneTableMirror } from "./machine-under-test.ts";

const never = new AbortController().signal;
const router = (revision: bigint, drained = revision): RouterRecord => ({
  address: "10.0.0.9",
  revision,
  drained,
});

/** A promise whose outcome a test may look at without waiting for it. */
function watched<T>(promise: Promise<T>): { outcome: T | undefined } {
  const seen: { outcome: T | undefined } = { outcome: undefined };
  promise.then(
    (outcome) => {
      seen.outcome = outcome;
    },
    () => undefined,
  );
  return seen;
}

describe("waiting for the routers", () => {
  let clock: ManualClock;
  let mirrors: OneTableMirror<"routers", RouterRecord>[];
  let closed: number;
  let watch: RouterWatch;
  const store = new Map<string, RouterRecord>();

  beforeEach(() => {
    clock = new ManualClock();
    mirrors = [];
    closed = 0;
    store.clear();
    watch = new RouterWatch({
      clock,
      follow: () => {
        const mirror = new OneTableMirror<"routers", RouterRecord>("routers");
        for (const [name, record] of store) mirror.put(name, record);
        const close = mirror.close.bind(mirror);
        mirror.close = async () => {
          closed += 1;
          await close();
        };
        mirrors.push(mirror);
        return mirror;
      },
    });
  });

  afterEach(async () => {
    await watch.close();
  });

  const put = (name: string, record: RouterRecord | undefined) => {
    if (record) store.set(name, record);
    else store.delete(name);
    for (const mirror of mirrors) mirror.put(name, record);
  };
  const acknowledged = (revision: bigint, what: "revision" | "drained" = "revision", withinMs = 5_000) =>
    watched(watch.acknowledged(what, revision, { withinMs, signal: never }));
  const sync = async () => {
    await clock.advance(0);
    for (const mirror of mirrors) mirror.sync();
    await clock.advance(0);
  };

  it("ends at once where there is no router, but not before that is known", async () => {
    const waiting = acknowledged(5n);
    await clock.advance(0);
    expect(waiting.outcome).to.equal(undefined);
    await sync();
    expect(waiting.outcome).to.deep.equal({ routers: 0, late: [] });
  });

  it("ends when the last of them has come so far", async () => {
    put("a", router(5n));
    put("b", router(4n));
    const waiting = acknowledged(5n);
    await sync();
    expect(waiting.outcome).to.equal(undefined);
    put("b", router(7n));
    await clock.advance(0);
    expect(waiting.outcome).to.deep.equal({ routers: 2, late: [] });
  });

  it("does not wait for a router that goes away", async () => {
    put("a", router(1n));
    const waiting = acknowledged(5n);
    await sync();
    put("a", undefined);
    await clock.advance(0);
    expect(waiting.outcome).to.deep.equal({ routers: 0, late: [] });
  });

  it("ends when the time is over, and names who is late", async () => {
    put("b", router(1n));
    put("a", router(5n, 4n));
    const [served, drained] = [acknowledged(5n), acknowledged(5n, "drained")];
    await sync();
    await clock.advance(4_999);
    expect(served.outcome).to.equal(undefined);
    await clock.advance(1);
    expect(served.outcome?.late).to.deep.equal(["b"]);
    expect(drained.outcome?.late).to.deep.equal(["a", "b"]);
  });

  it("ends when the time is over although the store does not answer", async () => {
    const waiting = acknowledged(5n);
    await clock.advance(5_000);
    expect(waiting.outcome).to.deep.equal({ routers: 0, late: ["store"] });
  });

  it("follows the routers once for all who wait, and for 10 s after the last of them", async () => {
    const [one, other] = [acknowledged(1n), acknowledged(2n)];
    await sync();
    expect(one.outcome && other.outcome).to.not.equal(undefined);
    expect(mirrors).to.have.length(1);
    await clock.advance(9_999);
    expect(closed).to.equal(0);
    await clock.advance(1);
    expect(closed).to.equal(1);
    acknowledged(3n);
    expect(mirrors).to.have.length(2);
  });

  describe("before a stop", () => {
    let events: AgentEvent[];
    let withdrawals: Withdrawals;
    let rings: number;
    const flight = (step: Flight["step"]): ReadonlyMap<string, Flight> =>
      new Map([["web.service", { purpose: "", step, startedMs: 0 }]]);

    beforeEach(() => {
      events = [];
      rings = 0;
      withdrawals = new Withdrawals({
        routers: watch,
        patience: { routedMs: 5_000, drainMs: 10_000 },
        clock,
        onEvent: (event) => events.push(event),
        ring: () => {
          rings += 1;
        },
      });
    });

    const withdraw = () => watched(withdrawals.withdraw("web.service", never).then(() => "done"));

    it("first the endpoint goes, then the routers let go of it, then their requests end", async () => {
      put("a", router(4n));
      const waiting = withdraw();
      expect(rings).to.equal(1);
      expect([...withdrawals.units]).to.deep.equal(["web.service"]);
      expect(withdrawals.pending).to.deep.equal(["web.service"]);
      withdrawals.gone("web.service", 5n);
      await sync();
      expect(waiting.outcome).to.equal(undefined);
      put("a", router(5n, 4n));
      await clock.advance(0);
      expect(waiting.outcome).to.equal(undefined);
      put("a", router(5n));
      await clock.advance(0);
      expect(waiting.outcome).to.equal("done");
      expect(events).to.deep.equal([
        { kind: "unit-drained", unit: "web.service", routers: 1, durationMs: 0 },
      ]);
    });

    it("no router is asked for a unit that was not published", async () => {
      const waiting = withdraw();
      withdrawals.gone("web.service", 0n);
      await clock.advance(0);
      expect(waiting.outcome).to.equal("done");
      expect(mirrors).to.have.length(0);
    });

    it("a router that hangs costs its time once, and not the time to drain", async () => {
      put("hangs", router(1n));
      const waiting = withdraw();
      withdrawals.gone("web.service", 5n);
      await sync();
      await clock.advance(5_000);
      expect(waiting.outcome).to.equal("done");
      expect(events.map(({ kind }) => kind)).to.deep.equal(["routers-late", "unit-drained"]);
    });

    it("a store that does not take the withdrawal costs no more than the time of a router", async () => {
      const waiting = withdraw();
      await clock.advance(5_000);
      expect(waiting.outcome).to.equal("done");
      expect(events).to.deep.equal([
        { kind: "withdrawal-unconfirmed", unit: "web.service", durationMs: 5_000 },
      ]);
    });

    it("the unit stays out until it is started again or left alone", async () => {
      for (const [step, isOut] of [
        ["stop", true],
        ["unload", true],
        ["acknowledge", true],
        ["start", false],
      ] as const) {
        withdraw();
        withdrawals.gone("web.service", 0n);
        await clock.advance(0);
        withdrawals.retain(flight(step));
        expect(withdrawals.units.has("web.service"), step).to.equal(isOut);
      }
      withdrawals.retain(new Map());
      expect(withdrawals.units.size).to.equal(0);
    });

    it("an end from outside is passed on", async () => {
      const ending = new AbortController();
      const outcome = withdrawals.withdraw("web.service", ending.signal).then(
        () => "done",
        (error: Error) => error.message,
      );
      ending.abort(new Error("superseded"));
      expect(await outcome).to.equal("superseded");
      expect(withdrawals.pending).to.deep.equal([]);
    });
  });
});
