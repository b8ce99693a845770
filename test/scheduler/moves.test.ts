import { expect } from "chai";
import type { Decision } from "../../scheduler/decision.ts";
import { Cluster, machine, placement, unit } from "./builders.ts";

/** One unit on m1, and two machines to go to. */
function onM1(...units: Parameters<Cluster["submit"]>): Cluster {
  const cluster = new Cluster().join(machine("m1")).submit(...units);
  cluster.pass();
  for (const each of units) cluster.report("m1", each.name);
  return cluster.join(machine("m2"), machine("m3"));
}

describe("a cordon", () => {
  it("keeps new units away and leaves what runs", () => {
    const cluster = onM1(unit("a.service")).cordon("m1").cordon("m2");
    expect(cluster.pass()).to.deep.equal([]);
    cluster.submit(unit("b.service"), unit("c.service"));
    expect(cluster.pass()).to.deep.equal(["place b.service m3", "place c.service m3"]);
  });

  it("is told as a reason, with the operator's words", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.cordon("m1", { reason: "new kernel" }).cordon("m2").submit(unit("a.service"));
    expect(cluster.pass()).to.deep.equal(["park a.service"]);
    expect(cluster.why("a.service")).to.equal(
      "2 machines rejected it: 1 is cordoned (new kernel), 1 is cordoned",
    );
  });

  it("is lifted, and units that waited come", () => {
    const cluster = new Cluster().join(machine("m1")).cordon("m1").submit(unit("a.service"));
    cluster.submit(unit("g.service", { global: true }));
    cluster.pass();
    cluster.uncordon("m1");
    expect(cluster.pass()).to.include.members(["place a.service m1", "place g.service m1"]);
  });

  it("is in force on a machine that comes back", () => {
    const cluster = new Cluster().cordon("m1").join(machine("m1")).submit(unit("a.service"));
    expect(cluster.pass()).to.deep.equal(["park a.service"]);
  });

  it("carries a new file to a unit that is there already", () => {
    const cluster = onM1(unit("a.service")).cordon("m1");
    cluster.submit(unit("a.service", { hash: "h2" }));
    expect(cluster.pass()).to.deep.equal(["place a.service m1"]);
  });

  it("starts no global unit anew, and stops none", () => {
    const cluster = onM1(unit("g.service", { global: true }));
    cluster.pass();
    cluster
      .drain("m1")
      .cordon("m2")
      .submit(unit("h.service", { global: true }));
    expect(cluster.pass()).to.deep.equal(["place h.service m3"]);
    expect(cluster.everywhere("g.service")).to.deep.equal(["m1", "m2", "m3"]);
  });
});

describe("a drain", () => {
  it("places the new copy first, and withdraws the old one when the new one is ready", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    expect(cluster.pass()).to.deep.equal(["arriving a.service m2"]);
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m2", "a.service", { active: "activating" });
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m2", "a.service");
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "place a.service m2"]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("waits until a unit that publishes is reached by requests", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.report("m2", "a.service", { published: { service: "shop", routed: false } });
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m2", "a.service", { published: { service: "shop", endpoint: "h:1", routed: true } });
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "place a.service m2"]);
  });

  it("says why, here and there", () => {
    const cluster = onM1(unit("a.service")).cordon("m1", { drain: true, reason: "new disk" });
    expect(reasons(cluster.decide())).to.deep.equal([
      "least loaded of the machines that fit: 0 units before it; to take over from m1: that machine is being drained (new disk)",
    ]);
    cluster.report("m2", "a.service");
    expect(reasons(cluster.decide())).to.deep.equal([
      "moved to m2: that machine is being drained (new disk)",
      "moved from m1: that machine is being drained (new disk)",
    ]);
  });

  it("does not take a report from before the new copy was placed for an answer", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.report("m2", "a.service");
    const report = cluster.reports.get("m2/a.service");
    if (report) cluster.reports.set("m2/a.service", { ...report, placedAt: 3n });
    expect(cluster.pass()).to.deep.equal([]);
    expect(cluster.wait(2_000).pass()).to.deep.equal(["withdraw a.service m1", "place a.service m2"]);
  });

  it("keeps the old copy when the new one fails, and tries another machine", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.report("m2", "a.service", { active: "failed", problem: "no such image" });
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m2", "arriving a.service m3"]);
    cluster.report("m3", "a.service", { active: "failed", problem: "no such image" });
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m3", "park a.service"]);
    expect(cluster.where("a.service")).to.equal("m1");
    expect(cluster.why("a.service")).to.equal(
      "its machine m1 is being drained, but it stays there: 2 machines rejected it: 2 were tried in vain: no such image",
    );
    expect(cluster.pass()).to.deep.equal([]);
    expect(cluster.wait(300_000).pass()).to.deep.equal(["arriving a.service m2", "unpark a.service"]);
  });

  it("tries a machine again at once when the unit has changed", () => {
    const cluster = onM1(unit("a.service")).cordon("m3").drain("m1");
    cluster.pass();
    cluster.report("m2", "a.service", { active: "failed", problem: "no such image" });
    cluster.pass();
    cluster.submit(unit("a.service", { hash: "h2" }));
    expect(cluster.pass()).to.include("arriving a.service m2");
  });

  it("gives a copy up that is not ready in ten minutes", () => {
    const cluster = onM1(unit("a.service")).cordon("m3").drain("m1");
    cluster.pass();
    cluster.report("m2", "a.service", { active: "activating", sub: "auto-restart" });
    expect(cluster.pass()).to.deep.equal([]);
    expect(cluster.wait(599_000).pass()).to.deep.equal([]);
    expect(cluster.wait(1_000).pass()).to.deep.equal(["withdraw a.service m2", "park a.service"]);
    expect(cluster.why("a.service")).to.match(
      /1 was tried in vain: it was not ready there in time, 1 is cordoned$/,
    );
  });

  it("leaves a unit that nothing else can take, and says so", () => {
    const cluster = onM1(unit("a.service", { machineId: "m1" }), unit("b.service", { memoryBytes: 2 ** 40 }));
    const small = new Cluster()
      .join(machine("m1", { memoryBytes: 8 }))
      .submit(unit("b.service", { memoryBytes: 4 }));
    small.pass();
    small.join(machine("m2", { memoryBytes: 2 })).drain("m1");
    expect(small.pass()).to.deep.equal(["park b.service"]);
    expect(small.why("b.service")).to.equal(
      "its machine m1 is being drained, but it stays there: 1 machine rejected it: 1 has less than the reserved 4 bytes of memory free",
    );
    cluster.drain("m1").pass();
    expect(cluster.where("a.service")).to.equal("m1");
    expect(cluster.why("a.service")).to.equal(
      "its machine m1 is being drained, but it stays there: MachineID asks for this machine",
    );
  });

  it("says of the only machine that there is no other", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a.service"));
    cluster.pass();
    cluster.drain("m1").pass();
    expect(cluster.why("a.service")).to.match(/it stays there: there is no other machine$/);
  });

  for (const [what, shape] of [
    ["a fenced unit", { fence: true }],
    ["a unit that conflicts with itself", { conflicts: ["a@*"] }],
  ] as const) {
    it(`stops ${what} before it starts elsewhere`, () => {
      const cluster = onM1(unit("a@1.service", shape)).drain("m1");
      const [leaving] = cluster.decide();
      expect(leaving).to.deep.include({ kind: "place" });
      expect(leaving?.kind === "place" && leaving.placement).to.include({
        target: "loaded",
        move: "leaving",
      });
      cluster.report("m1", "a@1.service", { active: "deactivating" });
      expect(cluster.pass()).to.deep.equal([]);
      cluster.report("m1", "a@1.service", { active: "inactive", sub: "dead" });
      expect(cluster.pass()).to.deep.equal(["withdraw a@1.service m1", "place a@1.service m2"]);
    });
  }

  it("starts a stopped unit again where it was if nothing else can take it any more", () => {
    const cluster = onM1(unit("a.service", { fence: true })).drain("m1");
    cluster.pass();
    cluster.leave("m2", "m3").report("m1", "a.service", { active: "inactive" });
    const [again, parked] = cluster.decide();
    expect(again?.kind === "place" && again.placement).to.include({ machine: "m1", target: "launched" });
    expect(again?.kind === "place" && again.placement.move).to.equal(undefined);
    expect(parked).to.include({ kind: "park" });
  });

  it("stops instances that cannot run twice one at a time", () => {
    const units = [1, 2].map((n) => unit(`a@${n}.service`, { fence: true }));
    const cluster = onM1(...units).drain("m1");
    expect(cluster.pass()).to.deep.equal(["leaving a@1.service m1"]);
    cluster.report("m1", "a@1.service", { active: "inactive" });
    expect(cluster.pass()).to.deep.equal(["withdraw a@1.service m1", "place a@1.service m2"]);
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m2", "a@1.service");
    expect(cluster.pass()).to.deep.equal(["leaving a@2.service m1"]);
  });

  it("moves units that do not run in one go", () => {
    const cluster = onM1(unit("a.service"), unit("b.service", { target: "loaded" })).cordon("m3");
    cluster.report("m1", "a.service", { active: "failed" }).report("m1", "b.service", { active: "inactive" });
    expect(cluster.drain("m1").pass()).to.deep.equal([
      "withdraw a.service m1",
      "place a.service m2",
      "withdraw b.service m1",
      "place b.service m2",
    ]);
  });

  it("moves a few units at once", () => {
    const units = [1, 2, 3, 4, 5, 6].map((n) => unit(`a${n}.service`));
    const cluster = onM1(...units).drain("m1");
    expect(cluster.pass()).to.have.length(4);
    const target = cluster.arriving("a1.service") ?? "";
    cluster.report(target, "a1.service");
    expect(cluster.pass().map((each) => each.split(" ").slice(0, 2).join(" "))).to.deep.equal([
      "withdraw a1.service",
      "place a1.service",
      "arriving a5.service",
    ]);
  });

  it("counts what is arriving", () => {
    const cluster = new Cluster().join(machine("m1", { memoryBytes: 8 }));
    cluster.submit(unit("a.service", { memoryBytes: 4 }), unit("b.service", { memoryBytes: 4 })).pass();
    cluster.join(machine("m2", { memoryBytes: 6 })).drain("m1");
    expect(cluster.pass()).to.deep.equal(["arriving a.service m2", "park b.service"]);
    cluster.submit(unit("c.service", { memoryBytes: 4 }));
    expect(cluster.pass()).to.deep.equal(["park c.service"]);
  });

  it("moves units together that MachineOf binds", () => {
    const cluster = onM1(unit("db.service"), unit("web.service", { machineOf: ["db.service"] })).drain("m1");
    expect(cluster.pass()).to.deep.equal(["arriving db.service m2", "arriving web.service m2"]);
    cluster.report("m2", "db.service");
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m2", "web.service");
    expect(cluster.pass()).to.deep.equal([
      "withdraw db.service m1",
      "place db.service m2",
      "withdraw web.service m1",
      "place web.service m2",
    ]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("stops all of a company first if one of them must not run twice", () => {
    const cluster = onM1(
      unit("db.service", { fence: true }),
      unit("web.service", { machineOf: ["db.service"] }),
    );
    cluster.drain("m1");
    expect(cluster.pass()).to.deep.equal(["leaving db.service m1", "leaving web.service m1"]);
    cluster.report("m1", "db.service", { active: "inactive" });
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m1", "web.service", { active: "failed" });
    expect(cluster.pass()).to.deep.equal([
      "withdraw db.service m1",
      "withdraw web.service m1",
      "place db.service m2",
      "place web.service m2",
    ]);
  });

  it("takes all of a company back if one of them fails", () => {
    const cluster = onM1(unit("db.service"), unit("web.service", { machineOf: ["db.service"] })).cordon("m3");
    cluster.drain("m1").pass();
    cluster.report("m2", "db.service").report("m2", "web.service", { active: "failed", problem: "no port" });
    expect(cluster.pass()).to.deep.equal([
      "withdraw db.service m2",
      "withdraw web.service m2",
      "park db.service",
      "park web.service",
    ]);
  });

  it("is undone by an uncordon: what has not left stays", () => {
    const cluster = onM1(unit("a.service"), unit("b.service", { fence: true })).drain("m1");
    expect(cluster.pass()).to.deep.equal(["arriving a.service m2", "leaving b.service m1"]);
    cluster.report("m2", "a.service").uncordon("m1");
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m2", "place b.service m1"]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("takes back what it said of a stranded unit once it is over", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a.service"));
    cluster.pass();
    cluster.drain("m1").pass();
    expect(cluster.uncordon("m1").pass()).to.deep.equal(["unpark a.service"]);
    cluster.drain("m1").pass();
    expect(cluster.cordon("m1").pass()).to.deep.equal(["unpark a.service"]);
  });

  it("is over for a unit that is destroyed or stopped on its way", () => {
    const cluster = onM1(unit("a.service"), unit("b.service")).cordon("m3").drain("m1");
    cluster.pass();
    cluster.destroy("a.service").submit(unit("b.service", { target: "inactive" }));
    expect(cluster.pass().sort()).to.deep.equal([
      "withdraw a.service m1",
      "withdraw a.service m2",
      "withdraw b.service m1",
      "withdraw b.service m2",
    ]);
  });

  it("brings a new file up on the new machine, and lets the old copy be until then", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.submit(unit("a.service", { hash: "h2" }));
    expect(cluster.pass()).to.deep.equal(["arriving a.service m2"]);
    cluster.report("m2", "a.service", { hash: "h1" });
    expect(cluster.pass()).to.deep.equal([]);
    cluster.report("m2", "a.service", { hash: "h2" });
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "place a.service m2"]);
  });

  it("stops a unit on both machines when it is to be stopped meanwhile", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.submit(unit("a.service", { target: "loaded" }));
    expect(cluster.pass()).to.deep.equal(["place a.service m1", "arriving a.service m2"]);
    cluster.report("m2", "a.service", { active: "inactive" });
    expect(cluster.pass()).to.deep.equal(["withdraw a.service m1", "place a.service m2"]);
  });

  it("lets the new copy take over at once when the old one's machine dies", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.leave("m1");
    expect(cluster.pass().filter((each) => each.includes("a.service"))).to.deep.equal([
      "withdraw a.service m1",
      "place a.service m2",
    ]);
  });

  it("goes elsewhere when the machine dies that a unit is arriving at", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    cluster.leave("m2");
    expect(cluster.pass()).to.include.members(["withdraw a.service m2", "arriving a.service m3"]);
  });

  it("places a unit anew whose old and new machine die", () => {
    const cluster = onM1(unit("a.service")).join(machine("m4"), machine("m5"), machine("m6")).drain("m1");
    cluster.pass();
    cluster.leave("m1", "m2");
    expect(cluster.pass()).to.include.members([
      "withdraw a.service m2",
      "withdraw a.service m1",
      "place a.service m3",
    ]);
  });

  it("starts a unit elsewhere whose machine dies while it is being stopped", () => {
    const cluster = onM1(unit("a.service", { fence: true })).drain("m1");
    cluster.pass();
    cluster.leave("m1");
    expect(cluster.pass()).to.include.members(["withdraw a.service m1", "place a.service m2"]);
  });

  it("is not obstructed by a target that is to be drained, too", () => {
    const cluster = onM1(unit("a.service")).drain("m1");
    cluster.pass();
    expect(cluster.drain("m2").pass()).to.deep.equal(["withdraw a.service m2", "arriving a.service m3"]);
  });

  it("is carried on by another leader from what is written", () => {
    const other = new Cluster().join(machine("m1"), machine("m2")).drain("m1");
    other.submit(unit("a.service"), unit("b.service", { fence: true }));
    other.model.setPlacement("m1", "a.service", placement("m1", "a.service"));
    other.model.setPlacement("m2", "a.service", placement("m2", "a.service", { move: "arriving" }));
    other.model.setPlacement(
      "m1",
      "b.service",
      placement("m1", "b.service", { target: "loaded", move: "leaving" }),
    );
    expect(other.pass()).to.deep.equal([]);
    other.report("m2", "a.service").report("m1", "b.service", { active: "inactive" });
    expect(other.pass()).to.deep.equal([
      "withdraw a.service m1",
      "place a.service m2",
      "withdraw b.service m1",
      "place b.service m2",
    ]);
  });

  it("finishes what a former leader wrote only half of", () => {
    const other = new Cluster().join(machine("m1"), machine("m2")).drain("m1").submit(unit("a.service"));
    other.model.setPlacement("m2", "a.service", placement("m2", "a.service", { move: "arriving" }));
    expect(other.pass()).to.deep.equal(["place a.service m2"]);
  });
});

describe("a wanted move", () => {
  it("goes where it is wanted, and is over then", () => {
    const cluster = onM1(unit("a.service")).want("a.service", { to: "m3" });
    expect(cluster.pass()).to.deep.equal(["arriving a.service m3"]);
    cluster.report("m3", "a.service");
    expect(cluster.pass()).to.deep.equal([
      "withdraw a.service m1",
      "place a.service m3",
      "end-move a.service",
    ]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("goes to the best other machine if none is named", () => {
    const cluster = onM1(unit("a.service")).want("a.service", {});
    expect(cluster.pass()).to.deep.equal(["arriving a.service m2"]);
  });

  it("is undone when it is called off", () => {
    const cluster = onM1(unit("a.service")).want("a.service", {});
    cluster.pass();
    expect(cluster.want("a.service", undefined).pass()).to.deep.equal(["withdraw a.service m2"]);
  });

  for (const [what, prepare, reason] of [
    ["of a unit that is elsewhere", (c: Cluster) => c.want("a.service", { from: "m2" }), /it is not on m2/],
    [
      "of a unit that does not exist",
      (c: Cluster) => c.want("x.service", { from: "m1" }),
      /there is no such unit/,
    ],
    ["to where it is", (c: Cluster) => c.want("a.service", { to: "m1" }), /it is on m1 already/],
    [
      "to a machine that is not there",
      (c: Cluster) => c.want("a.service", { to: "m9" }),
      /nothing else can take it/,
    ],
    [
      "of a global unit",
      (c: Cluster) => {
        c.submit(unit("a.service", { global: true, hash: "h2" })).pass();
        return c.want("a.service", { from: "m1" });
      },
      /a global unit/,
    ],
    [
      "to a machine that refuses it",
      (c: Cluster) => c.cordon("m2").want("a.service", { to: "m2" }),
      /1 is cordoned/,
    ],
  ] as const) {
    it(`${what} is ended with the reason`, () => {
      const decisions = prepare(onM1(unit("a.service"))).decide();
      expect(decisions.map((each) => each.kind)).to.deep.equal(["end-move"]);
      expect(reasons(decisions)[0]).to.match(reason);
    });
  }

  it("is ended when the new copy fails, and the unit stays", () => {
    const cluster = onM1(unit("a.service")).want("a.service", { to: "m2" });
    cluster.pass();
    cluster.report("m2", "a.service", { active: "failed", problem: "no port" });
    const decisions = cluster.decide();
    expect(decisions.map((each) => each.kind)).to.deep.equal(["withdraw", "end-move"]);
    expect(reasons(decisions)[1]).to.equal('"a.service" did not come up on m2: no port');
    expect(cluster.pass()).to.deep.equal([]);
  });
});

function reasons(decisions: readonly Decision[]): string[] {
  return decisions.map((decision) =>
    decision.kind === "place"
      ? decision.placement.reason
      : decision.kind === "park"
        ? decision.unplaced.reason
        : decision.kind === "unpark" || decision.kind === "withdraw" || decision.kind === "end-move"
          ? decision.reason
          : "",
  );
}
