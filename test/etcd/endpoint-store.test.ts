import { expect } from "chai";
import type { EndpointStore, EndpointWrite } from "../../cluster/ports.ts";
import { openEtcd } from "../../etcd/client.ts";
import { openEndpointStore } from "../../etcd/endpoint-store.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";

const never = new AbortController().signal;
const publish = (name: string, address: string, over = 0n): EndpointWrite => ({
  kind: "publish",
  service: "shop",
  name,
  address,
  over,
});
const withdraw = (name: string): EndpointWrite => ({ kind: "withdraw", service: "shop", name });

describe("the store of endpoints", function () {
  this.timeout(30_000);

  describe("in memory", () => {
    contract(async () => new MemoryEtcd().client());
  });

  describe("on etcd", () => {
    let server: EtcdServer;
    before(async () => {
      server = await EtcdServer.start();
    });
    after(async () => {
      await server?.stop();
    });
    contract(async () => {
      const client = await openEtcd({ endpoints: server.endpoints });
      for (const lease of ["11", "12"]) await client.revokeLease(lease, {});
      const all = { kind: "delete", range: { key: "/deis/", end: "/deis0" } } as const;
      await client.txn({ compare: [], success: [all] }, {});
      return client;
    });
  });
});

function contract(connect: () => Promise<EtcdClient>): void {
  let client: EtcdClient;
  let store: EndpointStore;

  beforeEach(async () => {
    client = await connect();
    store = openEndpointStore(client);
    for (const lease of ["11", "12"]) await client.grantLease(lease, 60, {});
  });
  afterEach(async () => {
    await client.close();
  });

  async function stored(): Promise<
    Record<string, readonly [address: string, lease: string, revision: bigint]>
  > {
    const { endpoints, health } = store.follow("shop");
    await endpoints.reached(0n, never);
    const table = endpoints.tables.endpoints;
    const found = [...table.entries()].map(
      ([name, { address, lease }]) => [name, [address, lease, table.revisionOf(name) ?? 0n]] as const,
    );
    await Promise.all([endpoints.close(), health.close()]);
    return Object.fromEntries(found);
  }

  it("keeps what was published on the writer's lease, until that ends", async () => {
    const revision = await store.write([publish("a", "10.0.0.1:1")], "11", never);
    expect(await stored()).to.deep.equal({ a: ["10.0.0.1:1", "11", revision] });
    await client.revokeLease("11", {});
    expect(await stored()).to.deep.equal({});
  });

  it("writes over nothing but what the writer has seen", async () => {
    const first = await store.write([publish("a", "10.0.0.1:1")], "11", never);
    await store.write([publish("a", "10.0.0.2:1")], "12", never);
    expect((await stored()).a?.[0]).to.equal("10.0.0.1:1");
    await store.write([publish("a", "10.0.0.2:1", first)], "12", never);
    expect((await stored()).a?.slice(0, 2)).to.deep.equal(["10.0.0.2:1", "12"]);
  });

  it("deletes only what hangs on the writer's lease, and does so twice without harm", async () => {
    await store.write([publish("a", "10.0.0.1:1"), publish("b", "10.0.0.1:2")], "11", never);
    await store.write([withdraw("a"), withdraw("b")], "12", never);
    expect(Object.keys(await stored())).to.deep.equal(["a", "b"]);
    await store.write([withdraw("a")], "11", never);
    await store.write([withdraw("a")], "11", never);
    expect(Object.keys(await stored())).to.deep.equal(["b"]);
  });

  it("takes more writes than fit in one transaction", async () => {
    const many = Array.from({ length: 300 }, (_, at) => publish(`u${at}`, `10.0.0.1:${at + 1}`));
    await store.write(many, "11", never);
    expect(Object.keys(await stored())).to.have.length(300);
  });

  it("rejects a write on a lease that has ended", async () => {
    await client.revokeLease("11", {});
    const outcome = await store.write([publish("a", "10.0.0.1:1")], "11", never).then(
      () => "stored",
      (error: { code?: string }) => error.code,
    );
    expect(outcome).to.equal("lease-not-found");
  });

  it("finds the endpoints on a lease, and nothing else that hangs on it", async () => {
    await store.write([publish("b", "10.0.0.1:2"), publish("a", "10.0.0.1:1")], "11", never);
    await store.write([publish("c", "10.0.0.2:1")], "12", never);
    const put = {
      kind: "put",
      key: "/deis/cluster/machines/m",
      value: Buffer.from("{}"),
      lease: "11",
    } as const;
    await client.txn({ compare: [], success: [put] }, {});
    expect(await store.onLease("11", never)).to.deep.equal([
      { service: "shop", name: "a" },
      { service: "shop", name: "b" },
    ]);
    expect(await store.onLease("4711", never)).to.deep.equal([]);
  });

  it("follows an app's health settings and none of its secrets", async () => {
    const put = (key: string, value: string) => ({ kind: "put", key, value: Buffer.from(value) }) as const;
    const success = [
      put("/deis/config/shop/healthcheck_url", "/ok"),
      put("/deis/config/shop/database_url", "secret"),
      put("/deis/config/shop2/healthcheck_url", "/other"),
    ];
    await client.txn({ compare: [], success }, {});
    const { endpoints, health } = store.follow("shop");
    await health.reached(0n, never);
    expect([...health.tables.settings.entries()]).to.deep.equal([["url", "/ok"]]);
    await Promise.all([endpoints.close(), health.close()]);
  });
}
