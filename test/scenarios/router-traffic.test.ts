/**
 * An app behind routers on real hosts, with clients that keep asking: whatever is done to the app on purpose costs no request, and what
 * happens to it costs no more than was under way there.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import type { Operation } from "../../etcd/protocol.ts";
import type { Host } from "../../hosts/host.ts";
import { describeCounts, Load, type LoadOptions } from "../../hosts/load.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { shareWebApp, webApp } from "../support/web-app.ts";

const routers = [1, 2, 3].map((number) => `deis-router@${number}.service`);
const webs = (...numbers: readonly number[]) => numbers.map((number) => `web@${number}.service`);

describe("an app behind routers", function () {
  this.timeout(120_000);
  const the = useDeployedCluster();
  let load: Load | undefined;

  before("start the routers and an app of three", async () => {
    const { deployed } = the;
    await shareWebApp(deployed.cluster);
    await deployed.write({ "web@.service": webApp({ service: "web" }) });
    await deployed.deisctl("config", "platform", "set", "domain=example.com");
    await deployed.deisctl("install", "router@1", "router@2", "router@3");
    await deployed.deisctl("start", "router@1", "router@2", "router@3");
    await deployed.deisctl("start", ...webs(1, 2, 3));
    await routed(...webs(1, 2, 3));
  });

  afterEach("end the load", async () => {
    await load?.stop();
    load = undefined;
  });

  /** Resolves once each of these units is routed to by every live router. */
  async function routed(...units: readonly string[]): Promise<void> {
    await eventually(
      () => {
        for (const unit of units) {
          const states = the.deployed.reported(unit).map(({ state }) => state.published);
          expect(
            states.map((published) => published?.routed),
            `${unit}: ${JSON.stringify(states)}`,
          ).to.deep.equal([true]);
        }
      },
      { within: 30_000 },
    );
  }

  /** Resolves once every router that runs has told that it is there. */
  async function live(...hosts: readonly Host[]): Promise<void> {
    const wanted = hosts.map((host) => the.deployed.machineOf(host)).sort();
    await eventually(
      async () => {
        const rows = JSON.parse(await the.deployed.deisctl("--output", "json", "router", "list"));
        expect(rows.map(({ machine }: { machine: string }) => machine)).to.deep.equal(wanted);
      },
      { within: 20_000, every: 250 },
    );
  }

  function start(options: Partial<LoadOptions> = {}): Load {
    const targets = the.deployed.hosts.map(({ address }) => address);
    load = Load.start({ targets, host: "web.example.com", connections: 24, ratePerSecond: 600, ...options });
    return load;
  }

  async function status(host: Host, name: string): Promise<number> {
    const asked = Load.start({ targets: [host.address], host: name, connections: 1, ratePerSecond: 100 });
    await eventually(() => asked.ended > 0);
    const { reasons } = await asked.stop();
    const [reason = "status 200"] = reasons.keys();
    return Number(reason.replace("status ", ""));
  }

  async function write(...success: readonly Operation[]): Promise<bigint> {
    return (await the.deployed.etcd.txn({ compare: [], success }, {})).header.revision;
  }

  /** Resolves once every live router serves, or is drained of, what was in the store at a revision. */
  async function acknowledged(what: "revision" | "drained", revision: bigint): Promise<void> {
    await eventually(
      async () => {
        const rows = JSON.parse(
          await the.deployed.etcdctl(["get", "--prefix", "/deis/router/hosts/", "-w", "json"]),
        );
        const records = rows.kvs.map(({ value }: { value: string }) => JSON.parse(atob(value)));
        for (const record of records)
          expect(BigInt(record[what]) >= revision, JSON.stringify(records)).to.equal(true);
      },
      { within: 15_000, every: 5 },
    );
  }

  it("is reached through every router by its name; a host that nobody has is 404, an app without units 503", async () => {
    const { deployed } = the;
    for (const host of deployed.hosts) {
      const asked = start({ targets: [host.address], connections: 2, ratePerSecond: 100 });
      await eventually(() => asked.counts.answers.size === 3);
      expect(asked.failures).to.deep.equal([]);
      await asked.stop();
      expect(await status(host, "nobody.example.com")).to.equal(404);
    }
    await deployed.write({ "idle.service": webApp({ service: "idle" }) });
    await deployed.deisctl("load", "idle");
    await eventually(async () => {
      for (const host of deployed.hosts) expect(await status(host, "idle.example.com")).to.equal(503);
    });
    await deployed.deisctl("destroy", "idle");
    await eventually(async () => {
      for (const host of deployed.hosts) expect(await status(host, "idle.example.com")).to.equal(404);
    });
  });

  it("loses no request by a rolling restart, by scaling 3 → 6 → 2, and by 50 changes of endpoints", async function () {
    const { deployed } = the;
    const steady = start();
    await deployed.deisctl("restart", "--rolling", ...webs(1, 2, 3));
    expect(steady.failures, "rolling restart").to.deep.equal([]);
    await deployed.deisctl("start", ...webs(4, 5, 6));
    await routed(...webs(4, 5, 6));
    await deployed.deisctl("destroy", ...webs(3, 4, 5, 6));
    expect(steady.failures, "scaling").to.deep.equal([]);
    await eventually(() => deployed.reported("web@6.service").length === 0);

    const naive = await Promise.all([0, 1].map(() => listening(deployed.cluster.machineAddress)));
    try {
      for (let change = 0; change < 25; change += 1) {
        const server = naive[change % 2];
        if (server === undefined) break;
        const key = `/deis/services/web/extra-${change % 2}`;
        const added = await write({ kind: "put", key, value: Buffer.from(server.endpoint) });
        await acknowledged("revision", added);
        const removed = await write({ kind: "delete", range: { key } });
        await acknowledged("drained", removed);
        // Drained is drained: what ends all its connections now hurts nobody.
        server.close();
        naive[change % 2] = await listening(deployed.cluster.machineAddress);
      }
    } finally {
      for (const server of naive) server.close();
    }
    await eventually(() => steady.counts.ok + steady.counts.failed >= 30_000, { within: 90_000 });
    const counts = await steady.stop();
    expect(steady.failures).to.deep.equal([]);
    expect(counts.answers.get("naive")).to.be.greaterThan(0);
    tell(this, describeCounts(counts));
  });

  it("loses only what was under way on a container that is killed", async function () {
    const { deployed } = the;
    await deployed.deisctl("start", ...webs(3));
    await routed(...webs(1, 2, 3));
    const steady = start();
    await eventually(() => steady.ended > 500);
    const victim = deployed.hostWith("web@3.service");
    const killed = new Date();
    await victim.exec(["docker", "kill", "web-3"]);
    const gone = new Date();
    const mark = steady.ended;
    await eventually(() => steady.ended > mark + 1_500, { within: 15_000 });
    const counts = await steady.stop();
    for (const failure of steady.failures) {
      expect(failure.at.getTime(), JSON.stringify(failure)).to.be.at.most(gone.getTime());
      expect(failure.at.getTime() + failure.afterMs, JSON.stringify(failure)).to.be.at.least(
        killed.getTime(),
      );
    }
    tell(this, describeCounts(counts));
  });

  it("is not touched by a bad setting, certificate or domain, and 50 changes of structure are at most 5 reloads", async function () {
    const { deployed } = the;
    const [host] = deployed.hosts;
    if (host === undefined) throw new Error("there are hosts");
    const reloads = async () => {
      const log = await host.exec([
        "sh",
        "-c",
        `docker logs deis-router 2>&1 | grep -c '"msg":"reloaded"' || true`,
      ]);
      return Number(log);
    };
    const before = await reloads();
    const steady = start({ ratePerSecond: 200 });
    for (let change = 0; change < 50; change += 1) {
      const value = Buffer.from(`${1 + (change % 9)}`);
      await write({ kind: "put", key: "/deis/router/gzipCompLevel", value });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const last = await write(
      { kind: "put", key: "/deis/router/gzipCompLevel", value: Buffer.from("9; } bogus {") },
      { kind: "put", key: "/deis/certs/bad.example.org/cert", value: Buffer.from("garbage") },
      { kind: "put", key: "/deis/certs/bad.example.org/key", value: Buffer.from("garbage") },
      { kind: "put", key: "/deis/domains/not a name", value: Buffer.from("web") },
      { kind: "put", key: "/deis/services/broken/broken_v1.web.1", value: Buffer.from("10.1.2.3:") },
      { kind: "put", key: "/deis/domains/shop.example.org", value: Buffer.from("web") },
    );
    await acknowledged("revision", last);
    for (const each of deployed.hosts) expect(await status(each, "shop.example.org")).to.equal(200);
    expect((await reloads()) - before).to.be.within(1, 6);
    await steady.stop();
    // A reload closes connections that are idle, and a client may begin to ask at that very moment: any nginx has that.
    const others = steady.failures.filter(({ reason }) => reason !== "ECONNRESET");
    expect(others).to.deep.equal([]);
    tell(this, describeCounts(steady.counts));
    const mended = await write(
      { kind: "delete", range: { key: "/deis/router/gzipCompLevel" } },
      { kind: "delete", range: { key: "/deis/certs/", end: "/deis/certs0" } },
      { kind: "delete", range: { key: "/deis/domains/", end: "/deis/domains0" } },
      { kind: "delete", range: { key: "/deis/services/broken/broken_v1.web.1" } },
    );
    // Told only when the reload that this takes is over: it is no business of the next test's clients.
    await acknowledged("revision", mended);
  });

  it("loses no request by a restart of one router while clients ask the others", async function () {
    const { deployed } = the;
    const restarted = deployed.hostWith(routers[1] ?? "");
    const others = deployed.hosts.filter((host) => host !== restarted);
    const steady = start({ targets: others.map(({ address }) => address) });
    await eventually(() => steady.ended > 300);
    await deployed.deisctl("restart", "router@2");
    await live(...deployed.hosts);
    expect(await status(restarted, "web.example.com")).to.equal(200);
    const counts = await steady.stop();
    expect(steady.failures).to.deep.equal([]);
    tell(this, describeCounts(counts));
  });

  it("answers through the routers that are left when a host loses its power", async function () {
    const { deployed } = the;
    await deployed.deisctl("restart", ...webs(1, 2, 3));
    await routed(...webs(1, 2, 3));
    const victim = deployed.hostWith("web@3.service");
    const left = deployed.hosts.filter((host) => host !== victim);
    await deployed.leadFrom(left[0] ?? victim);
    await deployed.storeLeadFrom(left[0] ?? victim);
    const steady = start({ targets: left.map(({ address }) => address), timeoutMs: 15_000 });
    await eventually(() => steady.counts.answers.has("web@3"));
    const cut = Date.now();
    await victim.kill();
    await live(...left);
    await eventually(() => expect(deployed.placedOn("web@3.service")).not.to.include(victim.name), {
      within: 20_000,
    });
    await routed(...webs(1, 2, 3));
    const mark = steady.ended;
    await eventually(() => steady.ended > mark + 1_200, { within: 15_000 });
    const after = steady.failuresSince(mark).filter(({ at }) => at.getTime() > cut + 12_000);
    expect(after).to.deep.equal([]);
    const counts = await steady.stop();
    tell(this, describeCounts(counts));
    expect(counts.failed).to.be.at.most(counts.ok * 0.002);
  });
});

interface Listening {
  readonly endpoint: string;
  close(): void;
}

/** A server that ends without any grace. */
async function listening(address: string): Promise<Listening> {
  const server: Server = createServer((_, answer) => answer.end("naive\n"));
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${address}:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Shows a line behind the test's name. */
function tell(context: Mocha.Context, text: string): void {
  if (context.test) context.test.title += ` (${text})`;
}
