import { expect } from "chai";
import { openEtcd } from "../../etcd/client.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";
import { PublishingMachine, systemdUnit } from "./publishing-machine.ts";

const far = 10n ** 12n;

describe("publishing", function () {
  this.timeout(20_000);

  describe("to a store in memory", () => {
    stories(async () => new MemoryEtcd().client());
  });

  describe("to etcd", () => {
    let server: EtcdServer;
    before(async function () {
      this.timeout(30_000);
      server = await EtcdServer.start();
    });
    after(async () => {
      await server?.stop();
    });
    stories(async () => {
      const client = await openEtcd({ endpoints: server.endpoints });
      const all = { kind: "delete", range: { key: "/deis/", end: "/deis0" } } as const;
      await client.txn({ compare: [], success: [all] }, {});
      await client.revokeLease("7001", {});
      await client.revokeLease("7002", {});
      return client;
    });
  });
});

function stories(connect: () => Promise<EtcdClient>): void {
  let host: PublishingMachine;
  let others: PublishingMachine[];

  beforeEach(async () => {
    host = new PublishingMachine(await connect());
    others = [];
  });

  afterEach(async () => {
    for (const each of [host, ...others]) await each.stop();
    await host.client.close();
  });

  const stands = (endpoints: Record<string, string>, on = host) =>
    eventually(async () => expect(await on.endpoints()).to.deep.equal(endpoints));

  /** A running, answering unit of systemd at 10.0.0.1:8080. */
  async function published(): Promise<void> {
    host.answers.set("10.0.0.1:8080", undefined);
    host.place("web.service", systemdUnit(8080));
    await host.publish();
    await stands({ "shop/web": "10.0.0.1:8080" });
    await eventually(() => expect(host.state("web.service")?.published?.routed).to.equal(true));
  }

  it("begins when a unit answers, and its state says how far it is", async () => {
    host.place("web.service", systemdUnit(8080, "HealthPath=/ok\n"));
    await host.publish();
    await eventually(() => {
      expect(host.state("web.service")).to.deep.include({
        active: "active",
        published: { service: "shop", routed: false, problem: "10.0.0.1:8080 refuses connections" },
      });
    });
    expect(await host.endpoints()).to.deep.equal({});

    host.answers.set("10.0.0.1:8080", undefined);
    await stands({ "shop/web": "10.0.0.1:8080" });
    await eventually(() => {
      expect(host.state("web.service")?.published).to.deep.equal({
        service: "shop",
        endpoint: "10.0.0.1:8080",
        routed: true,
      });
    });
    expect(host.probed[0]).to.deep.include({ path: "/ok", host: "10.0.0.1", port: 8080 });
  });

  it("finds the port that Docker chose, and takes it back when the container dies", async () => {
    host.docker.reaches.set("web@1.service", {
      kind: "mapped",
      ports: [
        { containerPort: 443, hostPort: 32_001 },
        { containerPort: 80, hostPort: 32_002 },
      ],
    });
    host.answers.set("10.0.0.1:32002", undefined);
    host.place("web@1.service", "[Container]\nImage=web\nPublishPort=80\nPublishPort=443\n[X-Publish]\n");
    await host.publish();
    await stands({ "web/web@1": "10.0.0.1:32002" });

    host.docker.kill("web@1.service");
    await stands({});
    await eventually(() => {
      expect(host.state("web@1.service")?.published).to.deep.equal({ service: "web", routed: false });
    });
  });

  it("writes many endpoints in few transactions", async () => {
    const ports = Array.from({ length: 300 }, (_, at) => 10_000 + at);
    for (const port of ports) {
      host.answers.set(`10.0.0.1:${port}`, undefined);
      host.place(`web@${port}.service`, systemdUnit(port));
    }
    await host.publish();
    await eventually(async () => expect(Object.keys(await host.endpoints())).to.have.length(300), {
      within: 10_000,
    });
    const { entries } = await host.client.range({ key: "/deis/services/", end: "/deis/services0" }, {});
    expect(new Set(entries.map(({ modRevision }) => modRevision)).size).to.be.below(60);
  });

  it("writes nothing while nothing changes", async () => {
    await published();
    const { header } = await host.client.range({ key: "/" }, {});
    for (let times = 0; times < 5; times += 1) {
      host.ring();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => expect(host.probed.length).to.be.above(0));
    expect((await host.client.range({ key: "/" }, {})).header.revision).to.equal(header.revision);
  });

  it("survives a restart of the agent without a change in the store", async () => {
    await published();
    const { entries: before } = await host.client.range({ key: "/deis/services/shop/web" }, {});
    await host.stop();
    host.answers.set("10.0.0.1:8080", undefined);
    const probes = host.probed.length;
    await host.publish();
    await eventually(() => host.probed.length > probes, { within: 10_000 });
    const { entries: after } = await host.client.range({ key: "/deis/services/shop/web" }, {});
    expect(after).to.deep.equal(before);
    expect(host.state("web.service")?.published?.routed).to.equal(true);
  });

  it("ends after a restart for what went while the agent was away", async () => {
    await published();
    await host.stop();
    host.systemd.kill("web.service");
    host.withdraw("web.service");
    host.systemd.residents.delete("web.service");
    await host.publish();
    await stands({});
  });

  it("ends when the file of a running unit no longer asks for it", async () => {
    await published();
    host.place("web.service", "[Service]\nExecStart=/bin/web\n");
    await stands({});
    await eventually(() => {
      expect(host.state("web.service"))
        .to.include({ active: "active" })
        .and.to.not.have.property("published");
    });
  });

  it("comes back when somebody deletes the endpoint", async () => {
    await published();
    await host.remove("/deis/services/shop/web");
    await stands({ "shop/web": "10.0.0.1:8080" });
  });

  it("comes back under the next lease", async () => {
    await published();
    await host.client.revokeLease("7001", {});
    host.lease = undefined;
    await stands({});
    await host.client.grantLease("7002", 60, {});
    host.lease = "7002";
    host.ring();
    await stands({ "shop/web": "10.0.0.1:8080" });
    const { entries } = await host.client.range({ key: "/deis/services/shop/web" }, {});
    expect(entries[0]?.lease).to.equal("7002");
  });

  it("ends after three failed probes, and begins again when it answers", async () => {
    await published();
    host.answers.set("10.0.0.1:8080", "GET /ok gave 500");
    await eventually(async () => expect(await host.endpoints()).to.deep.equal({}), { within: 15_000 });
    await eventually(() => {
      expect(host.state("web.service")?.published?.problem).to.equal("GET /ok gave 500");
    });
    host.answers.set("10.0.0.1:8080", undefined);
    await stands({ "shop/web": "10.0.0.1:8080" });
  });

  it("ends before a unit is stopped, and the stop waits until every router has let go", async () => {
    await published();
    await host.router("a", 0n);
    await host.router("b", far);
    host.place("web.service", systemdUnit(8080), { target: "loaded" });
    await stands({});
    expect(host.steps("web.service")).to.not.include("stop");
    await host.router("a", far, 0n);
    await eventually(() =>
      expect(host.events.some(({ kind }) => kind === "endpoint-withdrawn")).to.equal(true),
    );
    expect(host.steps("web.service")).to.not.include("stop");
    await host.router("a", far);
    await eventually(() => expect(host.steps("web.service")).to.include("stop"));
    expect(host.events.find(({ kind }) => kind === "unit-drained")).to.deep.include({
      unit: "web.service",
      routers: 2,
    });
  });

  it("makes a stop wait no longer than is allowed for a router that hangs, and says so", async () => {
    host.answers.set("10.0.0.1:8080", undefined);
    await host.router("hangs", 0n);
    host.place("web.service", systemdUnit(8080));
    await host.publish({ routedMs: 200, drainMs: 200 });
    await eventually(() => expect(host.state("web.service")?.published?.routed).to.equal(true));
    host.withdraw("web.service");
    await eventually(() => expect(host.steps("web.service")).to.include("unload"));
    const late = host.events.filter(({ kind }) => kind === "routers-late");
    expect(late.map((event) => "routers" in event && event.routers)).to.deep.equal([["hangs"], ["hangs"]]);
  });

  it("goes through a restart: out, stopped, started, and in again", async () => {
    await published();
    host.place("web.service", systemdUnit(8080), { generation: 1 });
    await eventually(() =>
      expect(host.state("web.service")).to.deep.include({ generation: 1, active: "active" }),
    );
    await stands({ "shop/web": "10.0.0.1:8080" });
    const order = host.events.flatMap((event) =>
      event.kind === "step-done" && event.step !== "acknowledge" ? [event.step] : [],
    );
    expect(order).to.deep.equal(["load", "start", "withdraw", "stop", "start"]);
  });

  it("waits for nobody when a fence stops a unit", async () => {
    host.answers.set("10.0.0.1:8080", undefined);
    await host.router("hangs", 0n);
    host.place("web.service", systemdUnit(8080, "# fence\n"));
    await host.publish({ routedMs: 100, drainMs: 60_000 });
    await eventually(() => expect(host.state("web.service")?.published?.routed).to.equal(true));
    host.authority = "lost";
    host.lease = undefined;
    host.ring();
    await eventually(() => expect(host.steps("web.service")).to.include("stop"), { within: 1_000 });
  });

  it("takes an endpoint over for a unit that moves, and leaves it to the new machine", async () => {
    await published();
    const other = new PublishingMachine(host.client, "10.0.0.2");
    others.push(other);
    other.lease = "7002";
    other.answers.set("10.0.0.2:8080", undefined);
    other.place("web.service", systemdUnit(8080));
    await other.publish();
    await stands({ "shop/web": "10.0.0.2:8080" });
    await eventually(() => {
      expect(host.state("web.service")?.published?.problem).to.equal(
        "Another machine's copy has taken its place",
      );
    });
    host.withdraw("web.service");
    await eventually(() => expect(host.systemd.residents.size).to.equal(0));
    expect(await host.endpoints()).to.deep.equal({ "shop/web": "10.0.0.2:8080" });
    expect(other.events.some(({ kind }) => kind === "endpoint-withdrawn")).to.equal(false);
  });

  describe("by Deis v1's names", () => {
    const unit = (name: string) =>
      `[Service]\nExecStart=/bin/sh -c "docker run --name ${name} -P img start web"\n`;

    it("finds the container that a command of the unit runs", async () => {
      host.answers.set("10.0.0.1:32001", undefined);
      host.place("go_v2.web.1.service", unit("go_v2.web.1"));
      await host.publish();
      await eventually(() => expect(host.state("go_v2.web.1.service")?.active).to.equal("active"));
      expect(await host.endpoints()).to.deep.equal({});
      host.containers.run("go_v2.web.1", 32_001);
      await stands({ "go/go_v2.web.1": "10.0.0.1:32001" });
      host.containers.end("go_v2.web.1");
      await stands({});
    });

    it("publishes a container that no unit of ours started", async () => {
      host.answers.set("10.0.0.1:32001", undefined);
      await host.publish();
      host.containers.run("go_v2.web.1", 32_001);
      await stands({ "go/go_v2.web.1": "10.0.0.1:32001" });
    });

    it("publishes only the newest version, and an older one no longer once a newer one answers", async () => {
      for (const port of [32_001, 32_002, 32_003]) host.answers.set(`10.0.0.1:${port}`, undefined);
      await host.publish();
      host.containers.run("go_v2.web.1", 32_001);
      await stands({ "go/go_v2.web.1": "10.0.0.1:32001" });
      host.containers.run("go_v1.web.1", 32_002);
      host.containers.run("go_v10.web.1", 32_003);
      await stands({ "go/go_v10.web.1": "10.0.0.1:32003" });
      host.containers.end("go_v10.web.1");
      await stands({ "go/go_v2.web.1": "10.0.0.1:32001" });
    });

    it("asks the app's own health settings, and none of its other configuration", async () => {
      host.answers.set("10.0.0.1:32001", "GET /status gave 404");
      await host.put("/deis/config/go/healthcheck_url", "/status");
      await host.put("/deis/config/go/healthcheck_timeout", "3");
      await host.publish();
      host.containers.run("go_v2.web.1", 32_001);
      await eventually(() => expect(host.probed).to.have.length.above(0));
      expect(host.probed[0]).to.deep.include({ path: "/status", timeoutMs: 3_000 });
      expect(await host.endpoints()).to.deep.equal({});
      host.answers.set("10.0.0.1:32001", undefined);
      await stands({ "go/go_v2.web.1": "10.0.0.1:32001" });
    });
  });
}
