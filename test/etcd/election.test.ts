import { expect } from "chai";
import type { SchedulerWriter } from "../../cluster/ports.ts";
import { openEtcd } from "../../etcd/client.ts";
import { campaign, type Leadership } from "../../etcd/election.ts";
import { leaderKey } from "../../etcd/keys.ts";
import { type LeaseSession, openSession } from "../../etcd/lease-session.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { openSchedulerWriter } from "../../etcd/scheduler-writer.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

interface Candidate {
  readonly name: string;
  readonly proxy: TcpProxy;
  readonly client: EtcdClient;
  readonly session: LeaseSession;
  campaign(signal?: AbortSignal): Promise<Leadership>;
}

const never = new AbortController().signal;

describe("an election", function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let direct: EtcdClient;
  let candidates: Candidate[];
  let terms: Leadership[];
  let a: Candidate;
  let b: Candidate;

  before(async () => {
    server = await EtcdServer.start();
    direct = await openEtcd({ endpoints: server.endpoints });
  });
  after(async () => {
    await direct?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    candidates = [];
    terms = [];
    a = await candidate("a");
    b = await candidate("b");
  });
  afterEach(async () => {
    for (const { proxy } of candidates) proxy.mend();
    for (const term of terms) await term.resign().catch(() => undefined);
    for (const { session, client, proxy } of candidates) {
      await session.close({ revoke: true });
      await client.close();
      await proxy.close();
    }
  });

  async function candidate(name: string): Promise<Candidate> {
    const proxy = await TcpProxy.open(server.member.port);
    const client = await openEtcd({ endpoints: [proxy.url] });
    const session = openSession(client, { ttlSeconds: 3 });
    const made: Candidate = {
      name,
      proxy,
      client,
      session,
      campaign: async (signal = never) => {
        const term = await campaign(client, session, name, signal);
        terms.push(term);
        return term;
      },
    };
    candidates.push(made);
    return made;
  }

  async function leader(): Promise<string | undefined> {
    return (await direct.range({ key: leaderKey }, {})).entries[0]?.value.toString();
  }

  function writerOf(of: Candidate, term: Leadership): SchedulerWriter {
    return openSchedulerWriter(of.client, term.fence);
  }

  const park = { kind: "park", unit: "web.service", unplaced: { hash: "h", reason: "why" } } as const;

  it("has one leader, and hands over within milliseconds when it resigns", async () => {
    const first = await a.campaign();
    expect(await leader()).to.equal("a");
    const waiting = b.campaign();
    // The second has looked and waits once it would see a change.
    await eventually(async () => b.session.lease !== undefined);
    const began = performance.now();
    await first.resign();
    await waiting;
    expect(performance.now() - began).to.be.lessThan(1_000);
    expect(await leader()).to.equal("b");
    expect(first.lost.aborted).to.equal(true);
  });

  it("lets a leader resign that cannot reach the store: its key goes with its lease", async () => {
    const first = await a.campaign();
    a.proxy.cut();
    await first.resign();
    expect(first.lost.aborted).to.equal(true);
    await eventually(async () => expect(await leader()).to.equal(undefined), { within: 10_000 });
  });

  it("does not elect a candidate that gave up, nor disturb the others", async () => {
    const first = await a.campaign();
    const stop = new AbortController();
    const waiting = b.campaign(stop.signal).catch((reason: unknown) => reason);
    stop.abort("enough");
    expect(await waiting).to.equal("enough");
    await first.resign();
    expect(await leader()).to.equal(undefined);
    await a.campaign();
    expect(await leader()).to.equal("a");
  });

  it("tells the leader when its key is deleted, and fences off what it still writes", async () => {
    const first = await a.campaign();
    const waiting = b.campaign();
    await direct.txn({ compare: [], success: [{ kind: "delete", range: { key: leaderKey } }] }, {});
    const second = await waiting;
    await eventually(() => first.lost.aborted);
    expect(await codeOf(writerOf(a, first).write([park], never))).to.equal("leadership-lost");
    await writerOf(b, second).write([park], never);
  });

  it("never has two that can write: a leader cut off from the store stands down before the next is elected", async () => {
    const first = await a.campaign();
    const writer = writerOf(a, first);
    await writer.write([park], never);
    let stoodDown = 0;
    first.lost.addEventListener("abort", () => {
      stoodDown = performance.now();
    });
    const waiting = b.campaign();
    a.proxy.blackHole();
    const second = await waiting;
    const elected = performance.now();
    expect(stoodDown).to.be.greaterThan(0);
    expect(stoodDown).to.be.lessThan(elected);
    a.proxy.mend();
    expect(await codeOf(writer.write([park], never))).to.equal("leadership-lost");
    expect(second.lost.aborted).to.equal(false);
    expect(await leader()).to.equal("b");
  });

  it("does not let a term's writes pass in the next term of the same leader", async () => {
    const first = await a.campaign();
    const lease = a.session.lease;
    await direct.txn({ compare: [], success: [{ kind: "delete", range: { key: leaderKey } }] }, {});
    const second = await a.campaign();
    expect(a.session.lease).to.equal(lease);
    expect(second.fence.createRevision > first.fence.createRevision).to.equal(true);
    expect(await codeOf(writerOf(a, first).write([park], never))).to.equal("leadership-lost");
    await writerOf(a, second).write([park], never);
  });

  it("leads on over a short cut of the connection", async () => {
    const first = await a.campaign();
    a.proxy.drop();
    await writerOf(a, first).write([park], never);
    expect(first.lost.aborted).to.equal(false);
    expect(await leader()).to.equal("a");
  });

  it("elects someone again after a restart of etcd", async () => {
    const first = await a.campaign();
    await server.signal(server.member, "SIGKILL");
    await server.startMember(server.member);
    if (first.lost.aborted) await a.campaign();
    expect(await leader()).to.equal("a");
  });
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "done",
    (error) => error.code,
  );
}
