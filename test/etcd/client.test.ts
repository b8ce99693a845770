import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { describeError, hasCode, hintOf, type PlatformError } from "../../cluster/errors.ts";
import { openEtcd } from "../../etcd/client.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { makePki } from "../support/etcd-pki.ts";
import { EtcdServer, type TlsPaths } from "../support/etcd-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const put = (key: string, value = "x") =>
  ({ compare: [], success: [{ kind: "put", key, value: Buffer.from(value) }] }) as const;

describe("a client of one etcd", function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let client: EtcdClient | undefined;
  let proxy: TcpProxy | undefined;

  before(async () => {
    server = await EtcdServer.start();
  });
  after(async () => {
    await server?.stop();
  });
  afterEach(async () => {
    await client?.close();
    await proxy?.close();
    client = undefined;
    proxy = undefined;
  });

  it("says where it found no etcd, and what to do, when its time is up", async () => {
    proxy = await TcpProxy.open(server.member.port);
    proxy.cut();
    client = await openEtcd({ endpoints: [proxy.url] });
    const began = performance.now();
    const failure = await failureOf(client.range({ key: "/x" }, { timeoutMs: 1_000 }));
    expect(performance.now() - began).to.be.lessThan(2_000);
    expect(failure).to.include({ code: "store-unreachable", retryable: true });
    expect(failure.message).to.contain(proxy.url).and.to.contain('read "/x"');
    expect(hintOf(failure)).to.contain("endpoint health");
  });

  it("ends a call at once when its signal aborts, also against a server that never answers", async () => {
    proxy = await TcpProxy.open(server.member.port);
    proxy.blackHole();
    client = await openEtcd({ endpoints: [proxy.url] });
    const stop = new AbortController();
    const call = client.range({ key: "/x" }, { signal: stop.signal, timeoutMs: 20_000 });
    const began = performance.now();
    stop.abort("enough");
    expect(await call.catch((reason: unknown) => reason)).to.equal("enough");
    expect(performance.now() - began).to.be.lessThan(500);
  });

  it("answers as soon as the network is mended", async () => {
    proxy = await TcpProxy.open(server.member.port);
    client = await openEtcd({ endpoints: [proxy.url] });
    await client.txn(put("/x"), {});
    proxy.blackHole();
    const call = client.txn(put("/x", "y"), { timeoutMs: 20_000 });
    expect(await failureOf(client.range({ key: "/x" }, { timeoutMs: 600 }))).to.include({
      code: "store-unreachable",
    });
    proxy.mend();
    const { retried } = await call;
    expect(retried).to.equal(true);
  });

  it("tells a request that etcd refuses from a store that is away", async () => {
    client = await openEtcd({ endpoints: server.endpoints });
    const many = Array.from({ length: 129 }, (_, at) => put(`/many/${at}`).success[0]);
    const failure = await failureOf(client.txn({ compare: [], success: many }, {}));
    expect(failure).to.include({ code: "store-rejected", retryable: false });
    expect(describeError(failure)).to.contain("too many operations");
  });

  it("holds conditions inside a transaction", async () => {
    client = await openEtcd({ endpoints: server.endpoints });
    await client.txn(put("/when/a", "1"), {});
    const when = (key: string, revision: bigint) =>
      ({
        kind: "when",
        compare: [{ key, target: "create", is: "=", revision }],
        success: [{ kind: "put", key, value: Buffer.from("2") }],
      }) as const;
    await client.txn({ compare: [], success: [when("/when/a", 0n), when("/when/b", 0n)] }, {});
    const { entries } = await client.range({ key: "/when/", end: "/when0" }, {});
    expect(entries.map(({ key, value }) => `${key}=${value}`)).to.deep.equal(["/when/a=1", "/when/b=2"]);
  });

  it("grants a lease once, however often it is asked, and revokes one that has ended", async () => {
    client = await openEtcd({ endpoints: server.endpoints });
    expect(await client.grantLease("4242", 5, {})).to.equal(5);
    expect(await client.grantLease("4242", 5, {})).to.equal(5);
    expect(await client.keepAlive("4242", {})).to.equal(5);
    expect(await client.timeToLive("4242", {})).to.deep.include({ granted: 5 });
    await client.revokeLease("4242", {});
    await client.revokeLease("4242", {});
    expect(await client.keepAlive("4242", {})).to.equal(0);
    expect(await client.timeToLive("4242", {})).to.equal(undefined);
    const write = client.txn(
      { compare: [], success: [{ kind: "put", key: "/x", value: Buffer.from("x"), lease: "4242" }] },
      {},
    );
    expect(await failureOf(write)).to.include({ code: "lease-not-found" });
  });

  it("names a certificate file that it cannot read", async () => {
    const files = { cafile: "/nowhere/ca.pem", certfile: "/nowhere/c.pem", keyfile: "/nowhere/k.pem" };
    const failure = await failureOf(openEtcd({ endpoints: ["https://127.0.0.1:1"], ...files }));
    expect(failure).to.include({ code: "certificate-unreadable" });
    expect(failure.message).to.contain("/nowhere/ca.pem");
  });
});

describe("a client of three etcd members over TLS", function () {
  this.timeout(60_000);
  let directory: string;
  let tls: TlsPaths;
  let server: EtcdServer;
  let client: EtcdClient;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-pki-"));
    tls = await makePki(directory);
    server = await EtcdServer.start({ members: 3, tls });
    client = await openEtcd({
      endpoints: server.endpoints,
      cafile: tls.ca,
      certfile: tls.certificate,
      keyfile: tls.key,
    });
  });
  afterEach(async () => {
    await client?.close();
    await server?.stop();
    await rm(directory, { recursive: true });
  });

  it("is refused without a certificate, with a hint at the certificates", async () => {
    const stranger = await openEtcd({ endpoints: server.endpoints });
    const failure = await failureOf(stranger.range({ key: "/x" }, { timeoutMs: 1_000 }));
    await stranger.close();
    expect(hasCode(failure, "store-unreachable")).to.equal(true);
    expect(hintOf(failure)).to.contain("etcd.cafile");
  });

  for (const [what, signal] of [
    ["killed", "SIGKILL"],
    ["frozen", "SIGSTOP"],
  ] as const) {
    for (const role of ["leader", "follower"] as const) {
      it(`goes on writing after the ${role} was ${what}`, async function () {
        const leader = await server.leader();
        const victim =
          role === "leader" ? leader : (server.members.find((member) => member !== leader) ?? leader);
        const gap = await longestGap(client, () => server.signal(victim, signal));
        if (this.test) this.test.title += `: the longest gap was ${Math.round(gap)} ms`;
        expect(gap).to.be.lessThan(5_000);
      });
    }
  }
});

/** Writes without pause, does harm after a while, and resolves to the longest time between two writes that succeeded. */
async function longestGap(client: EtcdClient, harm: () => Promise<void>): Promise<number> {
  let last = performance.now();
  let gap = 0;
  const write = async (count: number) => {
    for (let at = 0; at < count; at += 1) {
      await client.txn(put("/gap", String(at)), { timeoutMs: 15_000 });
      gap = Math.max(gap, performance.now() - last);
      last = performance.now();
    }
  };
  await write(50);
  gap = 0;
  await harm();
  await write(200);
  return gap;
}

async function failureOf(promise: Promise<unknown>): Promise<PlatformError> {
  return promise.then(
    () => {
      throw new Error("expected a failure");
    },
    (error) => error,
  );
}
