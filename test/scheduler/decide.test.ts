import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import { Cluster, graceMs, machine, placement, ttlMs, unit } from "./builders.ts";

const three = (): Cluster => new Cluster().join(machine("m1"), machine("m2"), machine("m3"));

describe("placing", () => {
  it("takes the least loaded machine, and of equals the first by id", () => {
    const cluster = three().submit(
      unit("a.service"),
      unit("b.service"),
      unit("c.service"),
      unit("d.service"),
    );
    expect(cluster.pass()).to.deep.equal([
      "place a.service m1",
      "place b.service m2",
      "place c.service m3",
      "place d.service m1",
    ]);
  });

  it("weighs units that reserve by the share they reserve", () => {
    const cluster = new Cluster().join(
      machine("m1", { memoryBytes: 100 }),
      machine("m2", { memoryBytes: 1_000 }),
    );
    cluster.submit(unit("a.service", { memoryBytes: 50 }));
    cluster.pass();
    cluster.submit(unit("b.service", { memoryBytes: 50 }));
    cluster.pass();
    cluster.submit(unit("c.service", { memoryBytes: 50 }));
    cluster.pass();
    expect([
      cluster.where("a.service"),
      cluster.where("b.service"),
      cluster.where("c.service"),
    ]).to.deep.equal(["m1", "m2", "m2"]);
  });

  it("puts instances of one template apart before it looks at load", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(unit("x.service"), unit("y.service"), unit("z.service"));
    for (const name of ["x.service", "y.service", "z.service"]) {
      cluster.model.setPlacement("m2", name, placement("m2", name));
    }
    cluster.submit(unit("web@1.service"), unit("web@2.service"));
    cluster.pass();
    expect([cluster.where("web@1.service"), cluster.where("web@2.service")]).to.deep.equal(["m1", "m2"]);
  });

  it("keeps away from what PrefersNot names, either way, before anything else", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    for (const name of ["x.service", "y.service", "z.service"]) {
      cluster.submit(unit(name)).model.setPlacement("m2", name, placement("m2", name));
    }
    cluster.submit(unit("noisy.service", { prefersNot: ["web@*"] }));
    cluster.pass();
    cluster.submit(unit("web@1.service"));
    cluster.pass();
    expect([cluster.where("noisy.service"), cluster.where("web@1.service")]).to.deep.equal(["m1", "m2"]);
    cluster.submit(unit("noisy2.service", { prefersNot: ["web@*"] }));
    expect(cluster.decide()[0]).to.have.nested.property(
      "placement.reason",
      "away from what PrefersNot avoids, least loaded of the machines that fit: 1 unit before it",
    );
  });

  it("never refuses a machine for PrefersNot, and takes the one with the fewest of them", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    const soft = { prefersNot: ["web@*"] };
    cluster.submit(...["1", "2", "3", "4"].map((i) => unit(`web@${i}.service`, soft)));
    const reasons = cluster.decide().map((each) => each.kind === "place" && each.placement.reason);
    expect(["1", "2", "3", "4"].map((i) => cluster.where(`web@${i}.service`))).to.deep.equal([
      "m1",
      "m2",
      "m1",
      "m2",
    ]);
    expect(reasons[2]).to.contain("beside 2 units that PrefersNot avoids, fewer than elsewhere or as many");
  });

  it("spreads evenly over the values of SpreadBy, before it looks at machines", () => {
    const zone = (id: string, name: string) => machine(id, { metadata: { zone: name } });
    const cluster = new Cluster().join(zone("m1", "a"), zone("m2", "b"), zone("m3", "b"), zone("m4", "b"));
    const names = ["1", "2", "3", "4"].map((i) => `web@${i}.service`);
    cluster.submit(...names.map((name) => unit(name, { spreadBy: ["zone"] })));
    cluster.pass();
    expect(names.map((name) => cluster.where(name))).to.deep.equal(["m1", "m2", "m3", "m1"]);
    cluster.leave("m1").wait(ttlMs);
    cluster.pass();
    expect(names.map((name) => cluster.where(name))).to.deep.equal(["m4", "m2", "m3", "m2"]);
  });

  it("puts no more instances on a machine than MaxPerMachine allows, also by the neighbour's file", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    const names = ["1", "2", "3"].map((i) => `web@${i}.service`);
    cluster.submit(...names.map((name) => unit(name, { maxPerMachine: 1 })), unit("web@4.service"));
    cluster.pass();
    expect(names.map((name) => cluster.where(name))).to.deep.equal(["m1", "m2", undefined]);
    expect(cluster.where("web@4.service")).to.equal(undefined);
    expect(cluster.why("web@3.service")).to.equal(
      '2 machines rejected it: 2 run an instance of "web@.service", and MaxPerMachine allows no more',
    );
    cluster.destroy("web@1.service");
    cluster.pass();
    expect(cluster.where("web@3.service")).to.equal("m1");
  });

  it("places a unit together with all that a glob of its MachineOf matches", () => {
    const cluster = three().submit(
      unit("db@1.service"),
      unit("db@2.service"),
      unit("log.service", { machineOf: ["db@*"] }),
    );
    cluster.pass();
    expect(["db@1.service", "db@2.service", "log.service"].map((name) => cluster.where(name))).to.deep.equal([
      "m1",
      "m1",
      "m1",
    ]);
    cluster.submit(unit("db@3.service"));
    cluster.pass();
    expect(cluster.where("db@3.service")).to.equal("m1");
    cluster.leave("m1").wait(ttlMs);
    cluster.pass();
    const hosts = new Set(["db@1", "db@2", "db@3", "log"].map((name) => cluster.where(`${name}.service`)));
    expect([...hosts]).to.deep.equal(["m2"]);
  });

  it("waits with a unit whose MachineOf glob matches units on several machines, and moves none that is there", () => {
    const cluster = three().submit(unit("db@1.service"), unit("db@2.service"));
    cluster.pass();
    cluster.submit(unit("log.service", { machineOf: ["db@*"] }));
    cluster.pass();
    expect(cluster.where("log.service")).to.equal(undefined);
    expect(cluster.why("log.service")).to.equal(
      '3 machines rejected it: 3 do not run all units that match "db@*", which MachineOf asks for',
    );
    cluster.destroy("db@1.service");
    cluster.pass();
    expect(cluster.where("log.service")).to.equal("m2");
    cluster.submit(unit("db@4.service", { machineId: "m3" }));
    cluster.pass();
    expect(cluster.where("log.service")).to.equal("m2");
  });

  it("lets the first by name win among global units that conflict", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(
      unit("b.service", { global: true, conflicts: ["a.service"] }),
      unit("a.service", { global: true }),
    );
    cluster.pass();
    expect([cluster.everywhere("a.service"), cluster.everywhere("b.service")]).to.deep.equal([
      ["m1", "m2"],
      [],
    ]);
    cluster.join(machine("m3"));
    cluster.pass();
    expect([cluster.everywhere("a.service"), cluster.everywhere("b.service")]).to.deep.equal([
      ["m1", "m2", "m3"],
      [],
    ]);
    cluster.destroy("a.service");
    cluster.pass();
    expect(cluster.everywhere("b.service")).to.deep.equal(["m1", "m2", "m3"]);
  });

  it("sends away the unit whose new file no longer fits, not its neighbours", () => {
    const cluster = new Cluster().join(machine("m1", { memoryBytes: 2 }));
    cluster.submit(unit("a.service", { memoryBytes: 1 }), unit("b.service", { memoryBytes: 1 }));
    cluster.pass();
    cluster.submit(unit("a.service", { memoryBytes: 2, hash: "h2" }));
    cluster.join(machine("m1", { memoryBytes: 2, metadata: { new: "yes" } }));
    cluster.pass();
    expect([cluster.where("a.service"), cluster.where("b.service")]).to.deep.equal([undefined, "m1"]);
  });

  it("spreads instances across the configured metadata next", () => {
    const zone = (id: string, name: string) => machine(id, { metadata: { zone: name } });
    const cluster = new Cluster({ spreadBy: ["zone"] });
    cluster.join(zone("m1", "a"), zone("m2", "a"), zone("m3", "b"));
    cluster.submit(unit("web@1.service"), unit("web@2.service"), unit("web@3.service"));
    cluster.pass();
    expect(["1", "2", "3"].map((i) => cluster.where(`web@${i}.service`))).to.deep.equal(["m1", "m3", "m2"]);
  });

  it("places 3 of 5 units that all conflict on 3 machines, and says why of the others", () => {
    const names = ["1", "2", "3", "4", "5"].map((i) => `web@${i}.service`);
    const cluster = three().submit(...names.map((name) => unit(name, { conflicts: ["web@*.service"] })));
    cluster.pass();
    expect(names.map((name) => cluster.where(name))).to.deep.equal(["m1", "m2", "m3", undefined, undefined]);
    expect(cluster.why("web@4.service")).to.equal(
      '3 machines rejected it: 3 run units such as "web@1.service" which it conflicts with',
    );
  });

  it("keeps the other instances in sight when one that is gone is forgotten twice", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a@1.service"), unit("a@2.service"));
    cluster.pass();
    const gone = cluster.model.units.get("a@2.service");
    cluster.destroy("a@2.service").pass();
    if (gone) cluster.model.forgetUnit(gone);
    cluster.submit(unit("d.service", { conflicts: ["a@*.service"] })).pass();
    expect(cluster.where("d.service")).to.equal(undefined);
  });

  it("places a unit that another's conflict kept out, once that one is destroyed", () => {
    const cluster = new Cluster().join(machine("m1"));
    cluster.submit(unit("a.service", { conflicts: ["b.service"] })).pass();
    cluster.submit(unit("b.service")).pass();
    expect(cluster.where("b.service")).to.equal(undefined);
    cluster.destroy("a.service");
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "place b.service m1", "unpark b.service"]);
  });

  it("never places a template, nor an inactive unit", () => {
    const cluster = three().submit(unit("web@.service"), unit("a.service", { target: "inactive" }));
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("sums up why nothing can take a unit", () => {
    const cluster = new Cluster().join(
      machine("m1"),
      machine("m2"),
      machine("m3", { metadata: { disk: "ssd" } }),
    );
    cluster.submit(unit("web@2.service"));
    cluster.model.setPlacement("m3", "web@2.service", placement("m3", "web@2.service"));
    cluster.submit(unit("web@1.service", { metadata: { disk: ["ssd"] }, conflicts: ["web@*.service"] }));
    cluster.pass();
    expect(cluster.why("web@1.service")).to.equal(
      '3 machines rejected it: 2 lack metadata "disk=ssd", 1 runs "web@2.service" which it conflicts with',
    );
  });

  it("says that no machine has joined", () => {
    const cluster = new Cluster().submit(unit("a.service"));
    cluster.pass();
    expect(cluster.why("a.service")).to.match(/^no machine has joined the cluster/);
  });

  it("decides the same in slices as at once, but for the slices", () => {
    const names = Array.from({ length: 20 }, (_, i) => `u${i}.service`);
    const whole = three().submit(...names.map((name) => unit(name)));
    const sliced = three().submit(...names.map((name) => unit(name)));
    const parts: unknown[] = [];
    while (sliced.model.agenda.hasMarked) parts.push(...sliced.decide(7));
    expect(parts).to.deep.equal(whole.decide());
  });
});

describe("a placed unit", () => {
  it("stays when machines come, and when it becomes uneven", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a.service"), unit("b.service"));
    cluster.pass();
    cluster.join(machine("m2"), machine("m3"));
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("is told its new file, target and restart in place", () => {
    const cluster = three().submit(unit("a.service"));
    cluster.pass();
    cluster.submit(unit("a.service", { hash: "h2", target: "loaded", generation: 2 }));
    expect(cluster.pass()).to.deep.equal(["place a.service m1"]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("is told its new file only on machines that are not held, and on those once they are released", () => {
    const cluster = three().submit(unit("a.service", { global: true }));
    cluster.pass();
    const held = [{ hash: "h1", generation: 0, machines: ["m1", "m2", "m3"] }];
    cluster.submit(unit("a.service", { global: true, hash: "h2", generation: 1, held }));
    expect(cluster.pass()).to.deep.equal([]);
    const rest = [{ hash: "h1", generation: 0, machines: ["m3"] }];
    cluster.submit(unit("a.service", { global: true, hash: "h2", generation: 1, held: rest }));
    expect(cluster.pass()).to.deep.equal(["place a.service m1", "place a.service m2"]);
    cluster.join(machine("m4"));
    const [joined] = cluster.decide();
    expect(joined).to.have.nested.property("placement.hash", "h2");
    cluster.submit(unit("a.service", { global: true, hash: "h2", generation: 1 }));
    expect(cluster.pass()).to.deep.equal(["place a.service m3"]);
  });

  it("takes up a new target also where it is held", () => {
    const cluster = three().submit(unit("a.service", { global: true }));
    cluster.pass();
    const held = [{ hash: "h1", generation: 0, machines: ["m1"] }];
    cluster.submit(unit("a.service", { global: true, hash: "h2", target: "loaded", held }));
    const [first] = cluster.decide();
    expect(first)
      .to.have.property("placement")
      .that.includes({ machine: "m1", hash: "h1", target: "loaded" });
  });

  it("moves when its new file no longer fits, leaving first", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2", { metadata: { disk: "ssd" } }));
    cluster.submit(unit("a.service")).pass();
    cluster.submit(unit("a.service", { hash: "h2", metadata: { disk: ["ssd"] } }));
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "place a.service m2"]);
  });

  it("leaves when its machine no longer fits, even if nothing else does", () => {
    const cluster = new Cluster().join(machine("m1", { metadata: { disk: "ssd" } }));
    cluster.submit(unit("a.service", { metadata: { disk: ["ssd"] } })).pass();
    cluster.join(machine("m1", { metadata: { disk: "hdd" } }));
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "park a.service"]);
  });

  it("is withdrawn when its target is inactive or it is destroyed", () => {
    const cluster = three().submit(unit("a.service"), unit("b.service"));
    cluster.pass();
    cluster.submit(unit("a.service", { target: "inactive" })).destroy("b.service");
    expect(cluster.pass().sort()).to.deep.equal(["withdraw a.service m1", "withdraw b.service m2"]);
  });

  it("is left alone while its record cannot be read", () => {
    const cluster = three().submit(unit("a.service"));
    cluster.pass();
    cluster.model.setTrouble("a.service", "record", new PlatformError("record-invalid", "Cannot read it"));
    cluster.destroy("a.service").leave("m1");
    expect(cluster.pass()).to.deep.equal(["sweep-states m1"]);
    expect(cluster.where("a.service")).to.equal("m1");
  });

  it("is left alone while its machine's record cannot be read, and nothing new goes there", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a.service"));
    cluster.pass();
    cluster.model.setMachine("m1", "unreadable");
    cluster.submit(unit("b.service"));
    expect(cluster.pass()).to.deep.equal(["park b.service"]);
    expect(cluster.where("a.service")).to.equal("m1");
  });

  it("runs once: a second copy is withdrawn", () => {
    const cluster = three().submit(unit("a.service"));
    cluster.model.setPlacement("m3", "a.service", placement("m3", "a.service"));
    cluster.model.setPlacement("m2", "a.service", placement("m2", "a.service"));
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m3"]);
  });
});

describe("a machine that goes", () => {
  it("gives its units to others, and no others move", () => {
    const cluster = three().join(machine("m4"));
    const names = ["1", "2", "3"].map((i) => `web@${i}.service`);
    cluster.submit(...names.map((name) => unit(name, { conflicts: ["web@*"] }))).pass();
    cluster.leave("m2");
    expect(cluster.pass()).to.deep.equal([
      "withdraw web@2.service m2",
      "place web@2.service m4",
      "sweep-states m2",
    ]);
  });

  it("keeps a unit that no other machine can take, and says so", () => {
    const cluster = three().submit(unit("a.service", { machineId: "m2" }));
    cluster.pass();
    cluster.leave("m2");
    expect(cluster.pass()).to.deep.equal(["park a.service", "sweep-states m2"]);
    expect(cluster.why("a.service")).to.match(/^its machine m2 is gone and the machine "m2"/);
    cluster.join(machine("m2"));
    expect(cluster.pass()).to.deep.equal(["unpark a.service"]);
  });

  it("with more than a third of the others holds everything until the grace is over", () => {
    const cluster = three().submit(unit("a.service"), unit("b.service"), unit("c.service"));
    cluster.pass();
    cluster.leave("m1", "m2");
    expect(cluster.pass()).to.deep.equal(["park b.service", "park a.service"]);
    expect(cluster.why("a.service")).to.match(/2 of 3 machines vanished at once/);
    cluster.join(machine("m1"));
    expect(cluster.pass()).to.deep.equal(["unpark a.service"]);
    cluster.wait(graceMs);
    expect(cluster.pass()).to.deep.equal([
      "withdraw b.service m2",
      "place b.service m1",
      "unpark b.service",
      "sweep-states m2",
    ]);
  });

  it("is waited for on the first look of a new leader", () => {
    const cluster = new Cluster().join(machine("m2")).submit(unit("a.service"));
    cluster.model.setPlacement("m1", "a.service", placement("m1", "a.service"));
    expect(cluster.pass()).to.deep.equal([]);
    cluster.wait(5_000);
    expect(cluster.pass()).to.include("place a.service m2");
  });
});

describe("units bound by MachineOf", () => {
  const pair = [unit("pong.service", { machineOf: ["ping.service"] }), unit("ping.service")];

  it("are placed together, whichever comes first by name", () => {
    const cluster = three().submit(unit("aaa.service"), ...pair);
    cluster.pass();
    expect(cluster.where("pong.service")).to.equal(cluster.where("ping.service"));
  });

  it("go where both fit, not where the first would go alone", () => {
    const cluster = new Cluster().join(
      machine("m1", { memoryBytes: 10 }),
      machine("m2", { memoryBytes: 100 }),
    );
    cluster.submit(
      unit("ping.service", { memoryBytes: 1 }),
      unit("pong.service", { machineOf: ["ping.service"], memoryBytes: 50 }),
    );
    cluster.pass();
    expect([cluster.where("ping.service"), cluster.where("pong.service")]).to.deep.equal(["m2", "m2"]);
  });

  it("move together", () => {
    const cluster = three().submit(...pair);
    cluster.pass();
    cluster.leave("m1");
    expect(cluster.pass()).to.have.members([
      "withdraw ping.service m1",
      "place ping.service m2",
      "withdraw pong.service m1",
      "place pong.service m2",
      "sweep-states m1",
    ]);
  });

  it("wait for a peer that is not started", () => {
    const cluster = three().submit(unit("pong.service", { machineOf: ["ping.service"] }));
    cluster.pass();
    expect(cluster.why("pong.service")).to.match(/do not run "ping.service" which MachineOf asks for/);
    cluster.submit(unit("ping.service"));
    expect(cluster.pass()).to.include.members(["place ping.service m1", "place pong.service m1"]);
  });

  it("leave with their peer", () => {
    const cluster = three().submit(...pair);
    cluster.pass();
    cluster.submit(unit("ping.service", { target: "inactive" }));
    expect(cluster.pass()).to.include.members(["withdraw ping.service m1", "withdraw pong.service m1"]);
  });

  it("may even ask for each other", () => {
    const cluster = three().submit(
      unit("a.service", { machineOf: ["b.service"] }),
      unit("b.service", { machineOf: ["a.service"] }),
    );
    expect(cluster.pass()).to.have.members(["place a.service m1", "place b.service m1"]);
  });
});

describe("a unit that replaces another", () => {
  it("takes its machine, and the other goes elsewhere", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(unit("a.service"), unit("b.service"), unit("c.service")).pass();
    cluster.submit(unit("new.service", { replaces: ["b.service"] }));
    expect(cluster.pass()).to.deep.equal([
      "place new.service m2",
      "withdraw b.service m2",
      "place b.service m1",
    ]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("leaves alone what cannot go elsewhere, if there is another machine for itself", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(unit("b.service", { machineId: "m1" })).pass();
    cluster.submit(unit("new.service", { replaces: ["b.service"] }));
    expect(cluster.pass()).to.deep.equal(["place new.service m2"]);
  });

  it("pushes the other out where there is no other machine", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("b.service"));
    cluster.pass();
    cluster.submit(unit("new.service", { replaces: ["b.service"] }));
    cluster.pass();
    expect(cluster.where("new.service")).to.equal("m1");
    expect(cluster.why("b.service")).to.equal(
      '1 machine rejected it: 1 runs "new.service" which replaces it',
    );
  });

  it("and is replaced by it in turn, waits until that one has left", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(unit("b.service", { replaces: ["a.service"] })).pass();
    cluster.submit(unit("a.service", { replaces: ["b.service"] }));
    expect(cluster.pass()).to.deep.equal(["park a.service"]);
    expect(cluster.why("a.service")).to.equal(
      '2 machines rejected it: 2 cannot take it while "b.service" is placed: the two replace each other',
    );
    expect(cluster.pass()).to.deep.equal([]);
    cluster.destroy("b.service");
    expect(cluster.pass()).to.deep.equal(["withdraw b.service m1", "place a.service m1", "unpark a.service"]);
  });

  it("and is replaced by it in turn, is the one that runs if its name comes first", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(
      unit("b.service", { replaces: ["a.service"] }),
      unit("a.service", { replaces: ["b.service"] }),
    );
    expect(cluster.pass()).to.deep.equal(["place a.service m1", "park b.service"]);
  });

  it("does not send a circle of three round for ever", () => {
    const cluster = new Cluster().join(machine("m1"));
    cluster.submit(
      unit("a.service", { replaces: ["b.service"] }),
      unit("b.service", { replaces: ["c.service"] }),
      unit("c.service", { replaces: ["a.service"] }),
    );
    expect(cluster.pass().length).to.be.lessThan(20);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("that is also its peer, which no unit file may ask for, ends too", () => {
    const cluster = three().submit(unit("b.service"));
    cluster.pass();
    cluster.submit(unit("a.service", { machineOf: ["b.service"], replaces: ["b.service"] }));
    expect(cluster.pass().length).to.be.lessThan(30);
  });
});

describe("a global unit", () => {
  it("is on every machine that fits, and on those that join", () => {
    const cluster = three().submit(unit("g.service", { global: true, metadata: { disk: ["ssd"] } }));
    cluster.join(machine("m2", { metadata: { disk: "ssd" } }));
    expect(cluster.pass()).to.deep.equal(["place g.service m2"]);
    cluster.join(machine("m4", { metadata: { disk: "ssd" } }));
    expect(cluster.pass()).to.deep.equal(["place g.service m4"]);
    cluster.join(machine("m2"));
    expect(cluster.pass()).to.deep.equal(["withdraw g.service m2"]);
  });

  it("that conflicts with one that is there starts nowhere, and says why", () => {
    const cluster = three().submit(unit("g1.service", { global: true }));
    cluster.pass();
    cluster.submit(unit("g0.service", { global: true, conflicts: ["g1.service"] }));
    expect(cluster.pass()).to.deep.equal(["park g0.service"]);
    expect(cluster.everywhere("g1.service")).to.deep.equal(["m1", "m2", "m3"]);
    cluster.destroy("g1.service");
    cluster.pass();
    expect(cluster.everywhere("g0.service")).to.deep.equal(["m1", "m2", "m3"]);
  });

  it("keeps its place on a machine that may come back, but not for ever", () => {
    const cluster = three().submit(unit("g.service", { global: true }));
    cluster.pass();
    cluster.leave("m3");
    expect(cluster.pass()).to.deep.equal(["sweep-states m3"]);
    cluster.wait(600_000);
    expect(cluster.pass()).to.deep.equal(["withdraw g.service m3"]);
  });
});
