import { expect } from "chai";
import { openEtcd } from "../../etcd/client.ts";
import { type LeaseSession, openSession, type SessionEvent } from "../../etcd/lease-session.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const never = new AbortController().signal;

describe("a lease session", () => {
  let memory: MemoryEtcd;
  let clock: ManualClock;
  let session: LeaseSession;
  let events: SessionEvent[];

  beforeEach(() => {
    memory = new MemoryEtcd();
    clock = new ManualClock();
    events = [];
  });
  afterEach(async () => {
    await session.close({ revoke: false });
  });

  function open(resume?: string): void {
    session = openSession(memory.client(), {
      ttlSeconds: 6,
      clock,
      backoff: { initialMs: 100, maxMs: 100, random: () => 0 },
      onEvent: (event) => events.push(event),
      ...(resume === undefined ? {} : { resume }),
    });
  }

  const kinds = () => events.map(({ kind }) => kind).filter((kind) => kind !== "keep-alive-failed");

  it("holds one lease and keeps it as long as the store answers", async () => {
    open();
    const { id, lost } = await session.held(never);
    await clock.advance(600_000);
    expect(session.lease?.id).to.equal(id);
    expect(lost.aborted).to.equal(false);
    expect(kinds()).to.deep.equal(["held"]);
  });

  it("is lost when two thirds of the TTL have passed since the last acknowledged keep-alive was sent", async () => {
    open();
    const { lost } = await session.held(never);
    await clock.advance(2_000);
    memory.cut();
    await clock.advance(3_999);
    expect(lost.aborted).to.equal(false);
    expect(session.trustedForMs).to.equal(1);
    await clock.advance(1);
    expect(lost.aborted).to.equal(true);
    expect(session.lease).to.equal(undefined);
    expect(session.trustedForMs).to.equal(0);
    expect(kinds()).to.deep.equal(["held", "lost"]);
  });

  it("survives an outage shorter than that without anyone noticing", async () => {
    open();
    const { id, lost } = await session.held(never);
    await clock.advance(2_000);
    memory.cut();
    await clock.advance(3_500);
    memory.resume();
    await clock.advance(60_000);
    expect(lost.aborted).to.equal(false);
    expect(session.lease?.id).to.equal(id);
  });

  it("takes the same lease up again after a longer outage if it still lives, so that what hangs on it stays", async () => {
    open();
    const { id, lost } = await session.held(never);
    memory.commit([{ kind: "put", key: "/mine", value: Buffer.from("x"), lease: id }]);
    memory.cut();
    await clock.advance(20_000);
    memory.resume();
    await clock.advance(1_000);
    expect(lost.aborted).to.equal(true);
    expect(session.lease?.id).to.equal(id);
    expect(session.lease?.lost.aborted).to.equal(false);
    expect(memory.dump().get("/mine")).to.equal("x");
    expect(events.at(-1)).to.deep.include({ kind: "held", resumed: true });
  });

  it("takes a new lease when the store has ended the old one", async () => {
    open();
    const { id, lost } = await session.held(never);
    memory.expireLease(id);
    await clock.advance(2_000);
    expect(lost.aborted).to.equal(true);
    expect((await session.held(never)).id).to.not.equal(id);
    expect(kinds()).to.deep.equal(["held", "lost", "held"]);
  });

  it("learns at once that the store has ended the lease, if it is doubted", async () => {
    open();
    const { id, lost } = await session.held(never);
    await clock.advance(100);
    memory.expireLease(id);
    session.doubt();
    await clock.advance(0);
    expect(lost.aborted).to.equal(true);
    expect((await session.held(never)).id).to.not.equal(id);
  });

  it("tells when a lease that was doubted lives, and asks no more often afterwards", async () => {
    open();
    const { id, lost } = await session.held(never);
    let told = 0;
    session.onChange(() => {
      told += 1;
    });
    await clock.advance(100);
    session.doubt();
    session.doubt();
    await clock.advance(0);
    expect(told).to.equal(1);
    await clock.advance(60_000);
    expect(told).to.equal(1);
    expect(lost.aborted).to.equal(false);
    expect(session.lease?.id).to.equal(id);
  });

  it("keeps a doubted lease while nobody answers, as any other", async () => {
    open();
    const { lost } = await session.held(never);
    await clock.advance(1_900);
    memory.cut();
    session.doubt();
    await clock.advance(1_000);
    expect(lost.aborted).to.equal(false);
    memory.resume();
    await clock.advance(60_000);
    expect(lost.aborted).to.equal(false);
    expect(kinds()).to.deep.equal(["held"]);
  });

  it("takes up the lease of an earlier process, and a new one if that has ended", async () => {
    open();
    const { id } = await session.held(never);
    await session.close({ revoke: false });
    open(id);
    expect((await session.held(never)).id).to.equal(id);
    expect(events.at(-1)).to.deep.include({ kind: "held", resumed: true });
    await session.close({ revoke: true });
    open(id);
    expect((await session.held(never)).id).to.not.equal(id);
  });

  it("gives its lease back when it is closed for good", async () => {
    open();
    const { id, lost } = await session.held(never);
    memory.commit([{ kind: "put", key: "/mine", value: Buffer.from("x"), lease: id }]);
    await session.close({ revoke: true });
    expect(lost.aborted).to.equal(true);
    expect(memory.dump().size).to.equal(0);
  });

  it("is closed for good without a store, and leaves its lease to lapse", async () => {
    open();
    const { lost } = await session.held(never);
    memory.cut();
    await session.close({ revoke: true });
    expect(lost.aborted).to.equal(true);
  });

  it("starts when the store comes, however late, and tells whoever waits when it is closed before", async () => {
    memory.cut();
    open();
    const waiting = session.held(never).catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(session.lease).to.equal(undefined);
    await session.close({ revoke: false });
    expect(await waiting).to.include({ code: "store-closed" });
  });

  it("refuses a TTL that etcd could not keep", async () => {
    open();
    expect(() => openSession(memory.client(), { ttlSeconds: 1 })).to.throw("TTL of 1 s");
  });
});

describe("a lease session on a real etcd", function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let direct: EtcdClient;
  let proxy: TcpProxy;
  let client: EtcdClient;
  let session: LeaseSession;

  beforeEach(async () => {
    server = await EtcdServer.start();
    direct = await openEtcd({ endpoints: server.endpoints });
    proxy = await TcpProxy.open(server.member.port);
    client = await openEtcd({ endpoints: [proxy.url] });
    session = openSession(client, { ttlSeconds: 3 });
  });
  afterEach(async () => {
    await session?.close({ revoke: false });
    await client?.close();
    await direct?.close();
    await proxy?.close();
    await server?.stop();
  });

  for (const harm of ["cut", "blackHole"] as const) {
    it(`stops believing in its lease before etcd ends it (${harm})`, async () => {
      const lease = await session.held(never);
      await direct.txn(
        { compare: [], success: [{ kind: "put", key: "/mine", value: Buffer.from("x"), lease: lease.id }] },
        {},
      );
      proxy[harm]();
      await eventually(() => lease.lost.aborted);
      expect(await direct.timeToLive(lease.id, {})).to.not.equal(undefined);
      expect((await direct.range({ key: "/mine" }, {})).entries.length).to.equal(1);
      await eventually(async () => (await direct.timeToLive(lease.id, {})) === undefined, { every: 100 });
      proxy.mend();
      const next = await session.held(AbortSignal.timeout(5_000));
      expect(next.id).to.not.equal(lease.id);
    });
  }

  it("keeps its lease over a restart of etcd", async () => {
    const lease = await session.held(never);
    await server.signal(server.member, "SIGKILL");
    await server.startMember(server.member);
    expect((await session.held(AbortSignal.timeout(5_000))).id).to.equal(lease.id);
  });

  it("costs etcd no agreement while it is kept", async () => {
    await session.held(never);
    const renewed = async () => (await server.metrics("etcd_debugging_lease_renewed_total"))[0] ?? 0;
    const [before, renewedBefore] = [(await direct.range({ key: "/" }, {})).header, await renewed()];
    await eventually(async () => (await renewed()) >= renewedBefore + 2, { every: 100 });
    expect(session.lease?.lost.aborted).to.equal(false);
    expect((await direct.range({ key: "/" }, {})).header).to.deep.equal(before);
  });
});
