import { expect } from "chai";
import { hasCode } from "../../cluster/errors.ts";
import type { Mirror, SchedulerWriter } from "../../cluster/ports.ts";
import { checkUnitFile } from "../../cluster/unit.ts";
import { statesTable } from "../../etcd/tables.ts";
import type { SchedulerEvent } from "../../scheduler/events.ts";
import { type SchedulerTables, schedulerTables } from "../../scheduler/look.ts";
import { returnMs } from "../../scheduler/presence.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { machine } from "./builders.ts";

const m1 = "1".repeat(32);
const m2 = "2".repeat(32);
const settings = {
  agent: {
    ttlSeconds: 5,
    unitsDirectory: "/run/deis/units",
    dockerSocket: "/var/run/docker.sock",
    routedSeconds: 5,
    drainSeconds: 10,
  },
  scheduler: { ttlSeconds: 5, spreadBy: [], massLossGraceSeconds: 30 },
};

/** A scheduler on a store in memory. */
class Bench {
  readonly store: MemoryStore;
  readonly mirror: Mirror<SchedulerTables>;
  readonly events: SchedulerEvent[] = [];
  readonly ending = new AbortController();
  writer: SchedulerWriter;
  now = 0;
  readonly scheduler: Scheduler;

  /** Leads from now on. */
  constructor(store = new MemoryStore()) {
    this.store = store;
    this.mirror = store.mirror(schedulerTables);
    this.writer = store.schedulerWriter();
    this.scheduler = new Scheduler({
      mirror: this.mirror,
      settings,
      wall: () => this.now,
      monotonic: () => this.now,
      onEvent: (event) => this.events.push(event),
      openStates: (id) => store.mirrorOf({ states: statesTable(id) }),
      ring: () => undefined,
    });
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.scheduler.standDown();
    await this.mirror.close();
  }

  submit(name: string, text: string, target = "launched", generation = 0): void {
    const { hash } = checkUnitFile(name, text);
    this.store.etcd.put(`/deis/cluster/unit-files/${hash}`, text);
    this.store.etcd.put(`/deis/cluster/units/${name}`, JSON.stringify({ hash, target, generation }));
  }

  async pass(): Promise<void> {
    await this.mirror.reached(this.store.etcd.revision, this.ending.signal);
    await this.scheduler.pass(this.writer, this.ending.signal);
  }

  /** Passes until it is so, as what it follows on the side comes in. */
  async passes(isSo: () => boolean): Promise<void> {
    await eventually(async () => {
      await this.pass();
      return isSo();
    });
  }

  keys(prefix: string): string[] {
    return [...this.store.etcd.dump().keys()]
      .filter((key) => key.startsWith(`/deis/cluster/${prefix}`))
      .map((key) => key.slice("/deis/cluster/".length))
      .sort();
  }

  value(key: string): Record<string, unknown> {
    return JSON.parse(this.store.etcd.dump().get(`/deis/cluster/${key}`) ?? "null");
  }
}

const sleeper = "[Service]\nExecStart=/bin/sleep 100\n";

describe("a scheduler's pass", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(async () => {
    await bench.close();
  });

  it("writes a placement with its reason, and nothing more the next time", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("web.service", sleeper);
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m1}/web.service`]);
    expect(bench.value(`placements/${m1}/web.service`)).to.include({ target: "launched", generation: 0 });
    expect(bench.value(`placements/${m1}/web.service`).reason).to.match(/least loaded/);
    const revision = bench.store.etcd.revision;
    await bench.pass();
    expect(bench.store.etcd.revision).to.equal(revision);
  });

  it("says why a unit is placed nowhere, and takes it back once it is placed", async () => {
    bench.submit("web.service", `${sleeper}[X-Fleet]\nMachineMetadata=disk=ssd\n`);
    await bench.pass();
    expect(bench.value("unplaced/web.service").reason).to.match(/^no machine has joined the cluster/);
    bench.store.addMachine(machine(m1));
    await bench.pass();
    expect(bench.value("unplaced/web.service").reason).to.equal(
      '1 machine rejected it: 1 lacks metadata "disk=ssd"',
    );
    bench.store.addMachine(machine(m2, { metadata: { disk: "ssd" } }));
    await bench.pass();
    expect(bench.keys("unplaced/")).to.deep.equal([]);
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m2}/web.service`]);
  });

  it("carries a new file, target and restart to the machine the unit is on", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("web.service", sleeper);
    await bench.pass();
    bench.store.addMachine(machine(m2));
    bench.submit("web.service", "[Service]\nExecStart=/bin/sleep 200\n", "loaded", 3);
    await bench.pass();
    const { hash } = checkUnitFile("web.service", "[Service]\nExecStart=/bin/sleep 200\n");
    expect(bench.value(`placements/${m1}/web.service`)).to.include({ hash, target: "loaded", generation: 3 });
  });

  it("leaves a unit with an unreadable record as it is, reports it, and goes on with the rest", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("a.service", sleeper);
    await bench.pass();
    bench.store.etcd.put("/deis/cluster/units/a.service", "{ not json");
    bench.submit("b.service", sleeper);
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([
      `placements/${m1}/a.service`,
      `placements/${m1}/b.service`,
    ]);
    expect(bench.events.filter((event) => event.kind === "unit-unreadable")).to.have.length(1);
    bench.store.etcd.delete("/deis/cluster/units/a.service");
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m1}/b.service`]);
  });

  it("places a unit as soon as its missing file arrives", async () => {
    bench.store.addMachine(machine(m1));
    const { hash } = checkUnitFile("a.service", sleeper);
    bench.store.etcd.put(
      "/deis/cluster/units/a.service",
      JSON.stringify({ hash, target: "launched", generation: 0 }),
    );
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([]);
    bench.store.etcd.put(`/deis/cluster/unit-files/${hash}`, sleeper);
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m1}/a.service`]);
  });

  it("places nothing twice after a write that failed", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("a.service", sleeper);
    const good = bench.writer;
    bench.writer = { write: () => Promise.reject(new Error("the store is away")) };
    await bench.pass().then(
      () => expect.fail("the pass must reject"),
      () => undefined,
    );
    expect(bench.keys("placements/")).to.deep.equal([]);
    bench.writer = good;
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m1}/a.service`]);
  });

  it("writes nothing once another leads", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("a.service", sleeper);
    bench.store.schedulerWriter(m2);
    const error = await bench.pass().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(hasCode(error, "leadership-lost")).to.equal(true);
    expect(bench.keys("placements/")).to.deep.equal([]);
  });

  it("sweeps the states of a machine that is gone, with its placements", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("a.service", sleeper);
    await bench.pass();
    bench.store.etcd.put(`/deis/cluster/states/${m1}/a.service`, "{}");
    bench.store.addMachine(machine(m2));
    bench.store.removeMachine(m1);
    await bench.pass();
    expect(bench.keys("placements/"), "it may yet come back").to.deep.equal([`placements/${m1}/a.service`]);
    bench.now += returnMs;
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m2}/a.service`]);
    expect(bench.keys("states/")).to.deep.equal([]);
  });

  it("moves nothing of a machine that vanishes and is back at once, and asks to look again before it would", async () => {
    bench.store.addMachine(machine(m1));
    bench.store.addMachine(machine(m2));
    bench.submit("a.service", sleeper);
    await bench.pass();
    const before = bench.keys("placements/");
    const [at] = before.map((key) => key.split("/")[1] ?? "");
    bench.store.removeMachine(at ?? "");
    await bench.pass();
    expect(bench.scheduler.dueInMs).to.equal(returnMs);
    bench.store.addMachine(machine(at ?? ""));
    bench.now += returnMs;
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal(before);
  });

  it("counts metadata that was set at run time, and an empty value hides the machine's own", async () => {
    const key = `/deis/cluster/metadata/${m1}/disk`;
    bench.store.etcd.put(key, "ssd");
    bench.store.addMachine(machine(m1, { metadata: { disk: "hdd" } }));
    bench.submit("a.service", `${sleeper}[X-Fleet]\nMachineMetadata=disk=ssd\n`);
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m1}/a.service`]);
    bench.store.etcd.put(key, "");
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([]);
    expect(bench.value("unplaced/a.service").reason).to.contain('lacks metadata "disk=ssd"');
    // It holds again when the machine comes back.
    bench.store.etcd.put(key, "ssd");
    bench.store.removeMachine(m1);
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([]);
    bench.store.addMachine(machine(m1, { metadata: { disk: "hdd" } }));
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([`placements/${m1}/a.service`]);
    bench.store.etcd.delete(key);
    await bench.pass();
    expect(bench.keys("placements/")).to.deep.equal([]);
  });

  it("collects a unit file minutes after its last reference is gone, and no other", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("a.service", sleeper);
    bench.submit("b.service", "[Service]\nExecStart=/bin/true\n");
    await bench.pass();
    bench.store.etcd.delete("/deis/cluster/units/a.service");
    bench.now += 60_000;
    await bench.pass();
    bench.now += 60_000;
    await bench.pass();
    expect(bench.keys("unit-files/")).to.have.length(2);
    bench.now += 301_000;
    await bench.pass();
    const { hash } = checkUnitFile("b.service", "[Service]\nExecStart=/bin/true\n");
    expect(bench.keys("unit-files/")).to.deep.equal([`unit-files/${hash}`]);
  });

  it("does not collect the file that a held machine keeps", async () => {
    bench.submit("a.service", sleeper);
    const { hash } = checkUnitFile("a.service", sleeper);
    const text = "[Service]\nExecStart=/bin/true\n";
    const newer = checkUnitFile("a.service", text).hash;
    const held = [{ hash, generation: 0, machines: [m1] }];
    bench.store.etcd.put(`/deis/cluster/unit-files/${newer}`, text);
    bench.store.etcd.put(
      "/deis/cluster/units/a.service",
      JSON.stringify({ hash: newer, target: "launched", generation: 0, held }),
    );
    for (const wait of [60_000, 60_000, 301_000]) {
      bench.now += wait;
      await bench.pass();
    }
    expect(bench.keys("unit-files/")).to.have.length(2);
  });

  it("announces an app with its first unit, and retires it with its last", async () => {
    bench.submit("web.service", `${sleeper}[X-Publish]\nService=shop\nPort=80\n`, "inactive");
    await bench.pass();
    expect(bench.keys("apps/")).to.deep.equal(["apps/shop"]);
    bench.store.etcd.delete("/deis/cluster/apps/shop");
    bench.store.etcd.put("/deis/cluster/apps/old", "{}");
    await bench.pass();
    expect(bench.keys("apps/")).to.deep.equal(["apps/shop"]);
    bench.store.etcd.delete("/deis/cluster/units/web.service");
    await bench.pass();
    expect(bench.keys("apps/")).to.deep.equal([]);
  });

  it("keeps an app whose unit cannot be read any more", async () => {
    bench.submit("web.service", `${sleeper}[X-Publish]\nService=shop\nPort=80\n`);
    await bench.pass();
    bench.store.etcd.put("/deis/cluster/units/web.service", "{");
    await bench.pass();
    expect(bench.keys("apps/")).to.deep.equal(["apps/shop"]);
  });

  it("answers questions under the lease of who asks, and only while it leads", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("web.service", sleeper);
    await bench.pass();
    const store = bench.store.clusterStore();
    const asked = store.ask({ kind: "why", unit: "web.service" }, bench.ending.signal);
    await eventually(() => bench.keys("questions/").length === 1);
    bench.scheduler.look();
    expect(bench.keys("answers/")).to.deep.equal([]);
    await bench.pass();
    const answer = await asked;
    expect(answer.placements.map((each) => each.machine)).to.deep.equal([m1]);
    expect(answer.summary).to.match(/^it is on 1+: least loaded/);
    const plan = store.ask({ kind: "rebalance" }, bench.ending.signal);
    await eventually(() => bench.keys("questions/").length === 1);
    await bench.pass();
    expect(await plan).to.have.property("moves").that.is.empty;
  });

  it("answers a bad question with what is wrong with it", async () => {
    await bench.store.etcd.client().grantLease("7", 15, {});
    const value = Buffer.from('{"kind":"how"}');
    bench.store.etcd.commit([{ kind: "put", key: "/deis/cluster/questions/q1", value, lease: "7" }]);
    await bench.pass();
    expect(bench.value("answers/q1")).to.have.nested.property("error.code", "question-invalid");
    bench.store.etcd.expireLease("7");
    expect(bench.keys("answers/")).to.deep.equal([]);
  });

  it("drains a machine as its agents report, across a change of leader", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("web.service", sleeper);
    await bench.pass();
    bench.store.addMachine(machine(m2));
    bench.store.etcd.put(`/deis/cluster/cordons/${m1}`, '{"drain":true,"since":"2026-01-01T00:00:00Z"}');
    await bench.passes(() => bench.keys("placements/").length === 2);
    expect(bench.value(`placements/${m2}/web.service`)).to.include({ move: "arriving", target: "launched" });
    expect(bench.value(`placements/${m1}/web.service`)).to.include({ target: "launched" });
    const successor = new Bench(bench.store);
    await bench.scheduler.standDown();
    const { hash = "" } = bench.value(`placements/${m2}/web.service`);
    const since = "2026-01-01T00:00:00Z";
    const state = {
      load: "loaded",
      active: "active",
      sub: "running",
      hash: String(hash),
      generation: 0,
      since,
    };
    await bench.store
      .stateWriter(m2)
      .write([{ kind: "report", unit: "web.service", state }], bench.ending.signal);
    await successor.passes(() => bench.keys("placements/").length === 1);
    expect(bench.value(`placements/${m2}/web.service`)).not.to.have.property("move");
    await successor.close();
  });

  it("ends a wanted move that cannot be, and says why", async () => {
    bench.store.addMachine(machine(m1));
    bench.submit("web.service", sleeper);
    await bench.pass();
    bench.store.etcd.put("/deis/cluster/moves/web.service", JSON.stringify({ from: m1, reason: "by hand" }));
    await bench.passes(() => bench.keys("moves/").length === 0);
    const told = bench.events.flatMap((event) => (event.kind === "decided" ? [event.decision] : []));
    expect(told.at(-1)).to.include({
      kind: "end-move",
      reason: "nothing else can take it: there is no other machine",
    });
  });

  it("takes a cordon that cannot be read for one", async () => {
    bench.store.addMachine(machine(m1));
    bench.store.etcd.put(`/deis/cluster/cordons/${m1}`, "yes");
    bench.submit("web.service", sleeper);
    await bench.pass();
    expect(bench.value("unplaced/web.service").reason).to.equal(
      "1 machine rejected it: 1 is cordoned (its cordon cannot be read)",
    );
  });
});
