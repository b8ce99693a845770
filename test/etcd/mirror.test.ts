/** The dangers that only a real etcd and a bad network have. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Mirror } from "../../cluster/ports.ts";
import { openEtcd } from "../../etcd/client.ts";
import { decodeText, decodeUnit } from "../../etcd/codec.ts";
import { type MirrorEvent, openMirror } from "../../etcd/mirror.ts";
import type { EtcdClient, Operation } from "../../etcd/protocol.ts";
import { prefixTable } from "../../etcd/tables.ts";
import { put, remove } from "../contract/mirror.ts";
import { EtcdServer, etcdctl } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const never = new AbortController().signal;
const specs = { t: prefixTable("/t/", decodeText) };

describe("a mirror of a real etcd", function () {
  this.timeout(60_000);
  let server: EtcdServer;
  let direct: EtcdClient;
  let proxy: TcpProxy;
  let client: EtcdClient;
  let mirror: Mirror<{ t: string }>;
  let events: MirrorEvent[];

  beforeEach(async () => {
    server = await EtcdServer.start();
    direct = await openEtcd({ endpoints: server.endpoints });
    proxy = await TcpProxy.open(server.member.port);
    client = await openEtcd({ endpoints: [proxy.url] });
    events = [];
    mirror = openMirror(client, specs, { onEvent: (event) => events.push(event) });
    await mirror.reached(0n, never);
  });
  afterEach(async () => {
    await mirror?.close();
    await client?.close();
    await direct?.close();
    await proxy?.close();
    await server?.stop();
  });

  async function commit(...success: Operation[]): Promise<bigint> {
    return (await direct.txn({ compare: [], success }, { timeoutMs: 15_000 })).header.revision;
  }

  /** One revision for the key, however often the call is attempted. */
  async function createOnce(key: string): Promise<void> {
    await direct.txn(
      { compare: [{ key, target: "create", is: "=", revision: 0n }], success: [put(key, "x")] },
      { timeoutMs: 15_000 },
    );
  }

  function lists(): number {
    return events.filter((event) => event.kind === "listed").length;
  }

  it("loses and doubles none of 5000 changes when it is cut off again and again while they are replayed", async () => {
    await commit(put("/t/start", "0"));
    await eventually(() => mirror.tables.t.get("start") === "0");
    const seen: number[] = [];
    let cuts = 0;
    mirror.onChange(() => {
      for (const name of mirror.takeChanges().t) if (name !== "start") seen.push(Number(name));
      if (cuts < 3 && seen.length > cuts * 1_000) {
        cuts += 1;
        proxy.drop();
      }
    });
    proxy.cut();
    for (let from = 0; from < 5_000; from += 100) {
      const numbers = Array.from({ length: 100 }, (_, at) => from + at);
      await Promise.all(numbers.map((number) => createOnce(`/t/${number}`)));
    }
    proxy.mend();
    await eventually(() => seen.length >= 5_000, { within: 20_000 });
    expect(cuts).to.be.greaterThan(1);
    expect(seen.length).to.equal(5_000);
    expect(new Set(seen).size).to.equal(5_000);
    expect(lists()).to.equal(1);
  });

  it("applies a revision that etcd must send in pieces as one", async () => {
    const sizes: number[] = [];
    mirror.onChange(() => sizes.push(mirror.tables.t.size));
    const value = "x".repeat(250_000);
    proxy.cut();
    await commit(...[1, 2, 3, 4, 5].map((at) => put(`/t/${at}`, value)));
    await commit(...[6, 7, 8, 9, 10].map((at) => put(`/t/${at}`, value)));
    proxy.mend();
    await eventually(() => mirror.tables.t.size === 10);
    for (const size of sizes) expect(size % 5).to.equal(0);
  });

  it("notices a network that swallows everything, and catches up when it is mended", async () => {
    proxy.blackHole();
    const last = await commit(put("/t/1", "one"));
    await eventually(() => events.some((event) => event.kind === "disconnected"), { within: 10_000 });
    expect(mirror.tables.t.size).to.equal(0);
    proxy.mend();
    await eventually(() => mirror.revision >= last, { within: 10_000 });
    expect(mirror.tables.t.get("1")).to.equal("one");
  });

  it("outlives a restart of etcd without listing again", async () => {
    await commit(put("/t/1", "one"));
    await eventually(() => mirror.tables.t.get("1") === "one");
    await server.signal(server.member, "SIGKILL");
    await eventually(() => events.some((event) => event.kind === "disconnected"));
    expect(mirror.tables.t.get("1")).to.equal("one");
    await server.startMember(server.member);
    const last = await commit(put("/t/2", "two"));
    await eventually(() => mirror.revision >= last, { within: 10_000 });
    expect([...mirror.tables.t.entries()]).to.deep.equal([
      ["1", "one"],
      ["2", "two"],
    ]);
    expect(lists()).to.equal(1);
  });

  for (const [story, later] of [
    ["goes back", 0],
    ["went back and has passed the present revision with another history", 10],
  ] as const) {
    it(`follows a store whose revision ${story}: a snapshot was restored`, async () => {
      await commit(put("/t/kept", "1"));
      const snapshot = join(server.member.directory, "..", "snapshot.db");
      await etcdctl(["--endpoints", server.member.url, "snapshot", "save", snapshot]);
      await commit(remove("/t/kept"), put("/t/lost", "2"));
      const before = await commit(put("/t/changed", "old"));
      await eventually(() => mirror.revision >= before);
      proxy.cut();
      await server.signal(server.member, "SIGKILL");
      await rm(server.member.directory, { recursive: true });
      await etcdctl(["snapshot", "restore", snapshot, ...restoreArgs(server.member.args)]);
      await server.startMember(server.member);
      for (let at = 0; at < later; at += 1) await commit(put("/t/changed", "new"));
      mirror.takeChanges();
      proxy.mend();
      const now = (await direct.range({ key: "/t/" }, {})).header.revision;
      await eventually(() => lists() === 2 && mirror.tables.t.get("kept") === "1", { within: 15_000 });
      expect(mirror.revision).to.equal(now);
      expect(mirror.tables.t.get("lost")).to.equal(undefined);
      expect(mirror.tables.t.get("changed")).to.equal(later ? "new" : undefined);
      expect([...mirror.takeChanges().t].sort()).to.deep.equal(["changed", "kept", "lost"]);
      const next = await commit(put("/t/after", "3"));
      await eventually(() => mirror.revision >= next);
      expect(mirror.tables.t.get("after")).to.equal("3");
    });
  }

  it("reads nothing and writes nothing while nothing happens", async () => {
    await commit(put("/t/1", "one"));
    await eventually(() => mirror.tables.t.get("1") === "one");
    const work = () =>
      server.metrics("etcd_server_proposals_applied_total", "etcd_debugging_mvcc_range_total");
    const heard = async () => (await server.metrics("etcd_network_client_grpc_received_bytes_total"))[0] ?? 0;
    const [before, heardBefore] = [await work(), await heard()];
    // The watch asks for a sign of life after a silence, which is all that is ever said.
    await eventually(async () => (await heard()) > heardBefore, { within: 10_000, every: 100 });
    expect(await work()).to.deep.equal(before);
    expect(events.some((event) => event.kind === "disconnected")).to.equal(false);
  });

  it("reports a record that cannot be read, and shows it again once it is mended", async () => {
    const reports: string[] = [];
    const units = openMirror(
      client,
      { units: prefixTable("/t/", decodeUnit) },
      { onEvent: (event) => event.kind === "unreadable" && reports.push(event.error.message) },
    );
    const good = JSON.stringify({ hash: "a", target: "loaded", generation: 0, later: "ignored" });
    await commit(put("/t/good", good), put("/t/bad", good));
    await eventually(() => units.tables.units.size === 2);
    await commit(put("/t/bad", "{"));
    await eventually(() => units.tables.units.unreadable.has("bad"));
    expect([...units.tables.units.entries()].map(([name]) => name)).to.deep.equal(["good"]);
    expect(reports).to.deep.equal(['Cannot read the record at "/t/bad": it is not JSON']);
    await commit(put("/t/bad", good));
    await eventually(() => units.tables.units.size === 2);
    expect(units.tables.units.unreadable.size).to.equal(0);
    await units.close();
  });
});

/** Of the server's arguments those that a restore takes, so that it becomes the same member of the same cluster. */
function restoreArgs(args: readonly string[]): string[] {
  const taken = [
    "--name",
    "--data-dir",
    "--initial-advertise-peer-urls",
    "--initial-cluster",
    "--initial-cluster-token",
  ];
  return args.flatMap((arg, at) => (taken.includes(arg) ? [arg, args[at + 1] ?? ""] : []));
}
