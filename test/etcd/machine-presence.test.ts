import { expect } from "chai";
import type { Machine } from "../../cluster/machine.ts";
import { openEtcd } from "../../etcd/client.ts";
import { decodeMachine } from "../../etcd/codec.ts";
import { machineKey } from "../../etcd/keys.ts";
import { type LeaseSession, openSession } from "../../etcd/lease-session.ts";
import { announceMachine } from "../../etcd/machine-presence.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

const never = new AbortController().signal;
const machine: Machine = {
  id: "1".repeat(32),
  address: "10.0.0.1",
  metadata: { region: "lab" },
  capacity: { memoryBytes: 1_000_000, cpuMillis: 2_000 },
  runtimes: ["systemd", "docker"],
  version: "0.1.0",
};

describe("a machine's presence", function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let client: EtcdClient;
  let sessions: LeaseSession[];

  before(async () => {
    server = await EtcdServer.start();
    client = await openEtcd({ endpoints: server.endpoints });
  });
  after(async () => {
    await client?.close();
    await server?.stop();
  });
  beforeEach(() => {
    sessions = [];
  });
  afterEach(async () => {
    for (const session of sessions) await session.close({ revoke: true });
  });

  function open(ttlSeconds = 3, resume?: string): LeaseSession {
    const session = openSession(client, { ttlSeconds, ...(resume === undefined ? {} : { resume }) });
    sessions.push(session);
    return session;
  }

  async function stored(): Promise<{ machine: Machine; lease: string; revision: bigint } | undefined> {
    const [entry] = (await client.range({ key: machineKey(machine.id) }, {})).entries;
    return (
      entry && {
        machine: decodeMachine(entry.value, entry.key),
        lease: entry.lease,
        revision: entry.modRevision,
      }
    );
  }

  it("hangs on the lease and goes with it", async () => {
    const session = open();
    const lease = await session.held(never);
    await announceMachine(client, lease, machine, never);
    expect(await stored()).to.deep.include({ machine, lease: lease.id });
    await session.close({ revoke: true });
    expect(await stored()).to.equal(undefined);
  });

  it("is written again only when it changed", async () => {
    const lease = await open().held(never);
    await announceMachine(client, lease, machine, never);
    const first = await stored();
    await announceMachine(client, lease, machine, never);
    expect(await stored()).to.deep.equal(first);
    const changed = { ...machine, metadata: { region: "elsewhere" } };
    await announceMachine(client, lease, changed, never);
    expect((await stored())?.machine).to.deep.equal(changed);
  });

  it("does not change when an agent restarts and takes up its lease again", async () => {
    const session = open();
    await announceMachine(client, await session.held(never), machine, never);
    const before = await stored();
    await session.close({ revoke: false });
    const again = await open(3, before?.lease).held(never);
    await announceMachine(client, again, machine, never);
    expect(await stored()).to.deep.equal(before);
  });

  it("is taken over from a holder that has gone silent, and is never away meanwhile", async () => {
    const session = open(4);
    const former = await session.held(never);
    await announceMachine(client, former, machine, never);
    await session.close({ revoke: false });
    const lease = await open().held(never);
    const seen: string[] = [];
    const watched = new AbortController();
    const watch = new Promise<void>((resolve, reject) => {
      const handler = {
        onCreated: () => resolve(),
        onEvents: (_header: unknown, events: readonly { readonly kind: string }[]) =>
          seen.push(...events.map(({ kind }) => kind)),
        onProgress: () => undefined,
      };
      client.watch({ key: machineKey(machine.id) }, 0n, handler, watched.signal).catch(reject);
    });
    await watch;
    await announceMachine(client, lease, machine, never);
    expect((await stored())?.lease).to.equal(lease.id);
    expect(await client.timeToLive(former.id, {})).to.equal(undefined);
    await eventually(() => seen.length > 0);
    expect(seen).to.deep.equal(["put"]);
    watched.abort();
  });

  for (const ttlSeconds of [2, 5]) {
    it(`is refused while another live host has the id (TTL ${ttlSeconds} s)`, async () => {
      const holder = await open(ttlSeconds).held(never);
      await announceMachine(client, holder, machine, never);
      const lease = await open().held(never);
      const clone = { ...machine, address: "10.0.0.2" };
      const failure = await announceMachine(client, lease, clone, never).catch((error: unknown) => error);
      expect(failure).to.include({ code: "machine-id-taken" });
      expect(String(failure)).to.contain("10.0.0.1");
      expect((await stored())?.lease).to.equal(holder.id);
    });
  }

  it("is said to be impossible on a lease that has ended", async () => {
    const session = open();
    const lease = await session.held(never);
    await client.revokeLease(lease.id, {});
    const failure = await announceMachine(client, lease, machine, never).catch((error: unknown) => error);
    expect(failure).to.include({ code: "lease-not-found" });
    await eventually(() => session.lease !== undefined && session.lease.id !== lease.id);
  });
});
