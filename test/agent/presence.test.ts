import { expect } from "chai";
import type { AgentEvent } from "../../agent/events.ts";
import { Presence } from "../../agent/presence.ts";
import { PlatformError } from "../../cluster/errors.ts";
import type { Machine } from "../../cluster/machine.ts";
import type { HeldLease } from "../../cluster/ports.ts";
import { openSession } from "../../etcd/lease-session.ts";
import { announceMachine } from "../../etcd/machine-presence.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";
import { MemorySession } from "../support/memory-session.ts";

const id = "0123456789abcdef0123456789abcdef";

describe("presence", () => {
  const stop = new AbortController();
  const ends: (() => Promise<void>)[] = [];
  const events: AgentEvent[] = [];
  let machine: Machine;

  beforeEach(() => {
    events.length = 0;
    machine = {
      id,
      address: "10.0.0.1",
      metadata: {},
      capacity: { memoryBytes: 1, cpuMillis: 1 },
      runtimes: ["systemd"],
      version: "1",
    };
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  after(() => stop.abort());

  function begin(change: Partial<ConstructorParameters<typeof Presence<HeldLease>>[0]> = {}) {
    const session = new MemorySession();
    const announced: [string, Machine][] = [];
    const kept: string[] = [];
    let rings = 0;
    const presence = new Presence<HeldLease>({
      session,
      announce: async (lease, record) => void announced.push([lease.id, record]),
      describe: async () => machine,
      caughtUp: async () => undefined,
      keep: async (lease) => void kept.push(lease),
      ring: () => {
        rings += 1;
      },
      onEvent: (event) => events.push(event),
      backoff: { initialMs: 1, maxMs: 2 },
      ...change,
    });
    const abort = new AbortController();
    const running = presence.run(abort.signal);
    ends.push(async () => {
      abort.abort(new Error("the test is over"));
      await running;
    });
    return { presence, session, announced, kept, rings: () => rings };
  }

  it("has no authority before a lease is held", async () => {
    const { presence, announced } = begin();
    expect(presence.authority).to.equal("awaited");
    expect(announced).to.deep.equal([]);
  });

  it("announces the machine on its lease, keeps the lease's id and has authority then", async () => {
    const { presence, session, announced, kept } = begin();
    session.give("7");
    await eventually(() => presence.authority === "held");
    expect(announced).to.deep.equal([["7", machine]]);
    expect(kept).to.deep.equal(["7"]);
  });

  it("has no authority until the mirror has caught up with the announcement", async () => {
    let caughtUp: () => void = () => undefined;
    const { presence, session, announced } = begin({
      caughtUp: () =>
        new Promise((resolve) => {
          caughtUp = resolve;
        }),
    });
    session.give("7");
    await eventually(() => announced.length === 1);
    await eventually(() => caughtUp !== undefined);
    expect(presence.authority).to.equal("awaited");
    await eventually(() => {
      caughtUp();
      return presence.authority === "held";
    });
  });

  it("loses authority with the lease, rings, and announces again on the next one", async () => {
    const { presence, session, announced, rings } = begin();
    session.give("7");
    await eventually(() => presence.authority === "held");
    const before = rings();
    session.take();
    expect(presence.authority).to.equal("lost");
    expect(rings()).to.be.above(before);
    session.give("8");
    await eventually(() => presence.authority === "held");
    expect(announced.map(([lease]) => lease)).to.deep.equal(["7", "8"]);
    expect(events.map(({ kind }) => kind)).to.deep.equal(["announced", "lease-lost", "announced"]);
  });

  it("says that its machine id is taken, keeps trying and has no authority meanwhile", async () => {
    let taken = true;
    const { presence, session } = begin({
      announce: async () => {
        if (taken)
          throw new PlatformError("machine-id-taken", `Cannot announce machine "${id}"`, { retryable: true });
      },
    });
    session.give("7");
    await eventually(() => events.filter(({ kind }) => kind === "announce-failed").length >= 2);
    expect(presence.authority).to.equal("awaited");
    taken = false;
    await eventually(() => presence.authority === "held");
  });

  it("announces again when something in the machine's record changed", async () => {
    const { presence, session, announced } = begin();
    session.give("7");
    await eventually(() => presence.authority === "held");
    machine = { ...machine, runtimes: ["docker", "systemd"] };
    presence.refresh();
    await eventually(() => announced.length === 2);
    expect(announced[1]?.[1].runtimes).to.deep.equal(["docker", "systemd"]);
    expect(presence.authority).to.equal("held");
  });

  it("announces again when the record has left the store though the lease lives, and keeps its authority", async () => {
    const { presence, session, announced } = begin();
    session.give("7");
    await eventually(() => presence.authority === "held");
    presence.recordGone();
    await eventually(() => announced.length === 2);
    expect(announced.map(([lease]) => lease)).to.deep.equal(["7", "7"]);
    expect(presence.authority).to.equal("held");
    expect(events.map(({ kind }) => kind)).to.deep.equal(["announced"]);
  });

  it("does not take what is not announced yet for gone", async () => {
    const { presence, announced } = begin();
    presence.recordGone();
    expect(presence.authority).to.equal("awaited");
    expect(announced).to.deep.equal([]);
  });

  it("loses authority at two thirds of the TTL after the last answer was asked for, before the store can forget the machine", async () => {
    const store = new MemoryEtcd();
    const clock = new ManualClock();
    const client = store.client();
    const session = openSession(client, { ttlSeconds: 6, clock });
    ends.push(async () => {
      await session.close({ revoke: false });
      await client.close();
    });
    const presence = new Presence({
      session,
      announce: (lease, record, signal) => announceMachine(client, lease, record, signal, clock),
      describe: async () => machine,
      caughtUp: async () => undefined,
      keep: async () => undefined,
      ring: () => undefined,
      onEvent: (event) => events.push(event),
    });
    const abort = new AbortController();
    const running = presence.run(abort.signal);
    ends.push(async () => {
      abort.abort(new Error("the test is over"));
      await running;
    });
    await eventually(() => presence.authority === "held");
    store.cut();
    await clock.advance(3_900);
    expect(presence.authority, "after 3.9 s of silence").to.equal("held");
    await clock.advance(200);
    expect(presence.authority, "after 4.1 s of silence").to.equal("lost");

    store.resume();
    await eventually(async () => {
      await clock.advance(500);
      return presence.authority === "held";
    });
    expect([...store.dump().keys()]).to.deep.equal([`/deis/cluster/machines/${id}`]);
  });
});
