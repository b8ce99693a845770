import { expect } from "chai";
import fc from "fast-check";
import type { Run, RunClaim } from "../../cluster/run.ts";
import { explainWhy } from "../../scheduler/why.ts";
import { Cluster, machine, ttlMs, unit } from "./builders.ts";

const job = (shape = {}) => unit("job.service", { runOnce: true, ...shape });
const timer = (shape = {}) => unit("tick.service", { onCalendar: ["*:0/10"], ...shape });
const minute = 60_000;

function run(cluster: Cluster, name: string): Run {
  const found = cluster.model.units.get(name)?.course?.run;
  if (!found) throw new Error(`no run of ${name}`);
  return found;
}

/** What the machine that has the unit says of its run. */
function tell(cluster: Cluster, name: string, claim: Partial<RunClaim> = {}): void {
  const { copy } = cluster.model.units.get(name) ?? {};
  const id = copy?.as.run;
  if (!copy || id === undefined) throw new Error(`no run of ${name} is placed`);
  const full = { run: id, started: "2026-11-21T00:00:00.500Z", ...claim };
  cluster.model.setOutcome(copy.machine.id, name, { claim: full });
}

const ended = { ended: "2026-11-21T00:00:01.000Z", ok: true, exitStatus: 0 };
const failed = { ended: "2026-11-21T00:00:01.000Z", ok: false, exitStatus: 3, problem: "It exited" };
const two = (): Cluster => new Cluster().join(machine("m1"), machine("m2"));

describe("a unit with RunOnce", () => {
  it("is recorded before it is placed, and placed with its run", () => {
    const cluster = two().submit(job());
    expect(cluster.decide()).to.deep.equal([
      {
        kind: "record-run",
        unit: "job.service",
        run: { status: "due", run: "2026-11-21T00:00:00.000Z", hash: "h1", generation: 0 },
        reason: "the run of 2026-11-21T00:00:00.000Z is due",
      },
      {
        kind: "place",
        placement: {
          machine: "m1",
          unit: "job.service",
          hash: "h1",
          target: "launched",
          generation: 0,
          run: "2026-11-21T00:00:00.000Z",
          reason: "least loaded of the machines that fit: 0 units before it",
        },
      },
    ]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("keeps its place once it has ended, but no room there", () => {
    const cluster = new Cluster().join(machine("m1", { memoryBytes: 2 }));
    cluster.submit(job({ memoryBytes: 2, conflicts: ["other*"] }));
    cluster.pass();
    tell(cluster, "job.service");
    expect(cluster.pass()).to.deep.equal(["run job.service running"]);
    cluster.submit(unit("other.service", { memoryBytes: 2 }));
    expect(cluster.pass()).to.deep.equal(["park other.service"]);
    tell(cluster, "job.service", ended);
    expect(cluster.pass()).to.deep.equal([
      "run job.service finished",
      "place other.service m1",
      "unpark other.service",
    ]);
    expect(cluster.where("job.service")).to.equal("m1");
    expect(run(cluster, "job.service")).to.deep.include({
      status: "finished",
      machine: "m1",
      exitStatus: 0,
      ended: "2026-11-21T00:00:01.000Z",
    });
  });

  for (const end of [ended, failed]) {
    it(`is not run again when its machine goes after it ${end.ok ? "finished" : "failed"}`, () => {
      const cluster = two().submit(job());
      cluster.pass();
      tell(cluster, "job.service", end);
      cluster.pass();
      cluster.leave("m1").wait(ttlMs);
      expect(cluster.pass()).to.deep.equal(["withdraw job.service m1", "sweep-states m1"]);
      cluster.join(machine("m1")).wait(1_000_000);
      expect(cluster.pass()).to.deep.equal([]);
      expect(run(cluster, "job.service").status).to.equal(end.ok ? "finished" : "failed");
    });
  }

  it("is begun again elsewhere when its machine goes in its midst", () => {
    const cluster = two().submit(job());
    cluster.pass();
    tell(cluster, "job.service");
    cluster.pass();
    cluster.leave("m1").wait(ttlMs);
    expect(cluster.pass()).to.deep.equal([
      "run job.service due",
      "withdraw job.service m1",
      "place job.service m2",
      "sweep-states m1",
    ]);
    tell(cluster, "job.service", ended);
    cluster.pass();
    expect(run(cluster, "job.service")).to.include({ status: "finished", machine: "m2" });
  });

  it("runs again for a restart, a new file, and a start after a stop, each time as a later run", () => {
    const cluster = two().submit(job());
    const runs: (string | undefined)[] = [];
    const finish = (): void => {
      cluster.wait(10);
      cluster.pass();
      runs.push(run(cluster, "job.service").run);
      tell(cluster, "job.service", ended);
      cluster.pass();
      expect(run(cluster, "job.service").status).to.equal("finished");
    };
    finish();
    cluster.submit(job({ generation: 1 }));
    finish();
    cluster.submit(job({ generation: 1, hash: "h2" }));
    finish();
    cluster.submit(job({ generation: 1, hash: "h2", target: "loaded" })).wait(1);
    expect(cluster.pass()).to.deep.equal(["forget-run job.service", "place job.service m1"]);
    cluster.submit(job({ generation: 1, hash: "h2" })).wait(1);
    finish();
    expect(runs).to.deep.equal([...new Set(runs)].sort());
    expect(runs).to.have.length(4);
  });

  it("does not leave a machine that it was handed to, though it no longer fits there", () => {
    const ssd = { metadata: { disk: "ssd" } };
    const cluster = new Cluster().join(machine("m1", ssd), machine("m2", ssd));
    cluster.submit(job({ metadata: { disk: ["ssd"] } }));
    cluster.pass();
    cluster.join(machine("m1"));
    expect(cluster.pass()).to.deep.equal([]);
    tell(cluster, "job.service", ended);
    expect(cluster.pass()).to.deep.equal(["run job.service finished", "withdraw job.service m1"]);
  });

  it("is let end on a machine that is drained, and leaves it then", () => {
    const cluster = two().submit(job());
    cluster.pass();
    tell(cluster, "job.service");
    cluster.pass();
    cluster.cordon("m1", { drain: true });
    expect(cluster.pass()).to.deep.equal(["park job.service"]);
    expect(cluster.why("job.service")).to.equal(
      "its machine m1 is being drained, and its run goes on there until it ends",
    );
    tell(cluster, "job.service", ended);
    expect(cluster.pass()).to.deep.equal([
      "run job.service finished",
      "withdraw job.service m1",
      "unpark job.service",
    ]);
  });

  it("waits like any unit when nothing can take it", () => {
    const cluster = new Cluster().submit(job());
    expect(cluster.pass()).to.deep.equal(["run job.service due", "park job.service"]);
    cluster.join(machine("m1"));
    expect(cluster.pass()).to.deep.equal(["place job.service m1", "unpark job.service"]);
  });

  it("is not run again because a unit that it goes with is placed again", () => {
    const cluster = two().submit(unit("db.service"), job({ machineOf: ["db.service"] }));
    cluster.pass();
    expect(cluster.where("job.service")).to.equal("m1");
    tell(cluster, "job.service", ended);
    cluster.pass();
    cluster.leave("m1").wait(ttlMs);
    cluster.pass();
    expect([cluster.where("db.service"), cluster.where("job.service")]).to.deep.equal(["m2", undefined]);
    cluster.submit(job({ machineOf: ["db.service"], generation: 1 })).wait(1);
    cluster.pass();
    expect(cluster.where("job.service")).to.equal("m2");
  });

  it("is forgotten with its run when it is destroyed", () => {
    const cluster = two().submit(job());
    cluster.pass();
    cluster.destroy("job.service");
    expect(cluster.pass()).to.deep.equal(["withdraw job.service m1", "forget-run job.service"]);
    expect(cluster.model.units.size).to.equal(0);
  });

  it("is loaded without a run while its target is loaded", () => {
    const cluster = two().submit(job({ target: "loaded" }));
    expect(cluster.pass()).to.deep.equal(["place job.service m1"]);
    expect(cluster.model.units.get("job.service")?.copy?.as).to.not.have.property("run");
  });
});

describe("a cluster timer", () => {
  it("waits for its first tick, and is then placed for it", () => {
    const cluster = two().submit(timer());
    expect(cluster.pass()).to.deep.equal(["run tick.service scheduled"]);
    expect(run(cluster, "tick.service").next).to.equal("2026-11-21T00:10:00.000Z");
    cluster.wait(10 * minute - 1);
    expect(cluster.pass()).to.deep.equal([]);
    cluster.wait(1);
    expect(cluster.pass()).to.deep.equal(["run tick.service due", "place tick.service m1"]);
    expect(run(cluster, "tick.service")).to.include({
      run: "2026-11-21T00:10:00.000Z",
      next: "2026-11-21T00:20:00.000Z",
    });
  });

  it("runs where it ran before, once for each tick", () => {
    const cluster = two().submit(timer(), unit("a.service"), unit("b.service"));
    cluster.pass();
    for (let tick = 1; tick <= 3; tick += 1) {
      cluster.wait(10 * minute);
      const passed = cluster.pass();
      expect(passed).to.deep.equal(["run tick.service due", "place tick.service m1"]);
      tell(cluster, "tick.service", ended);
      expect(cluster.pass()).to.deep.equal(["run tick.service finished"]);
      expect(cluster.pass()).to.deep.equal([]);
    }
  });

  it("begins its next run elsewhere when the machine of the last one is cordoned", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(10 * minute);
    cluster.pass();
    tell(cluster, "tick.service", ended);
    cluster.pass();
    cluster.cordon("m1");
    expect(cluster.pass()).to.deep.equal([]);
    cluster.wait(10 * minute);
    expect(cluster.pass()).to.deep.equal([
      "run tick.service due",
      "withdraw tick.service m1",
      "place tick.service m2",
    ]);
  });

  it("answers why with what its runs came to", () => {
    const cluster = two().submit(timer());
    const summary = (): unknown => {
      const answer = explainWhy("tick.service", cluster.model, { get: () => undefined });
      return "summary" in answer ? answer.summary : answer;
    };
    cluster.pass();
    expect(summary()).to.equal("it waits for its first tick; the next is due at 2026-11-21T00:10:00.000Z");
    cluster.wait(10 * minute);
    cluster.pass();
    tell(cluster, "tick.service", failed);
    cluster.pass();
    expect(summary()).to.equal(
      "the run of 2026-11-21T00:10:00.000Z failed on m1 with status 3: It exited; the next is due at 2026-11-21T00:20:00.000Z",
    );
  });

  it("passes over a tick that comes during a run, and says so", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(10 * minute);
    cluster.pass();
    tell(cluster, "tick.service");
    cluster.pass();
    cluster.wait(10 * minute);
    const [decision] = cluster.decide();
    expect(decision).to.have.property(
      "reason",
      "the run of 2026-11-21T00:10:00.000Z is under way on m1; the tick of 2026-11-21T00:20:00.000Z was passed over; the next is due at 2026-11-21T00:30:00.000Z",
    );
    tell(cluster, "tick.service", ended);
    expect(cluster.pass()).to.deep.equal(["run tick.service finished"]);
  });

  it("makes one run of all ticks that nobody was there for", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(55 * minute);
    expect(cluster.pass()).to.deep.equal(["run tick.service due", "place tick.service m1"]);
    expect(run(cluster, "tick.service")).to.include({
      run: "2026-11-21T00:10:00.000Z",
      next: "2026-11-21T01:00:00.000Z",
    });
    tell(cluster, "tick.service", ended);
    expect(cluster.pass()).to.deep.equal(["run tick.service finished"]);
  });

  it("loses a run whose machine goes in its midst, and runs elsewhere at the next tick", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(10 * minute);
    cluster.pass();
    tell(cluster, "tick.service");
    cluster.pass();
    cluster.leave("m1").wait(ttlMs);
    expect(cluster.pass()).to.deep.equal([
      "run tick.service lost",
      "withdraw tick.service m1",
      "sweep-states m1",
    ]);
    expect(run(cluster, "tick.service").problem).to.equal("the machine m1 went away in its midst");
    cluster.wait(10 * minute);
    expect(cluster.pass()).to.deep.equal(["run tick.service due", "place tick.service m2"]);
  });

  it("gives a run that its machine never claimed to another", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(10 * minute);
    cluster.pass();
    cluster.leave("m1").wait(ttlMs);
    expect(cluster.pass()).to.deep.equal([
      "withdraw tick.service m1",
      "place tick.service m2",
      "sweep-states m1",
    ]);
    expect(run(cluster, "tick.service").run).to.equal("2026-11-21T00:10:00.000Z");
  });

  it("runs at once for a restart, and at its next tick again", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.submit(timer({ generation: 1 })).wait(minute);
    expect(cluster.pass()).to.deep.equal(["run tick.service due", "place tick.service m1"]);
    expect(run(cluster, "tick.service")).to.include({
      run: "2026-11-21T00:01:00.000Z",
      generation: 1,
      next: "2026-11-21T00:10:00.000Z",
    });
  });

  it("keeps the file it runs with until the run has ended, and runs with the new one next", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(10 * minute);
    cluster.pass();
    tell(cluster, "tick.service");
    cluster.pass();
    cluster.submit(timer({ hash: "h2", onCalendar: ["*:0/15"] }));
    expect(cluster.pass()).to.deep.equal([]);
    tell(cluster, "tick.service", ended);
    expect(cluster.pass()).to.deep.equal(["run tick.service finished"]);
    expect(run(cluster, "tick.service")).to.include({ hash: "h2", next: "2026-11-21T00:15:00.000Z" });
    cluster.wait(5 * minute);
    expect(cluster.decide()[1]).to.have.nested.property("placement.hash", "h2");
  });

  it("takes a new file while no machine has taken its run", () => {
    const cluster = two().submit(timer({ metadata: { disk: ["ssd"] } }));
    cluster.pass();
    cluster.wait(10 * minute);
    expect(cluster.pass()).to.deep.equal(["run tick.service due", "park tick.service"]);
    cluster.submit(timer({ hash: "h2" }));
    expect(cluster.decide().find(({ kind }) => kind === "place")).to.have.nested.property(
      "placement.hash",
      "h2",
    );
  });

  it("does not tick while it is stopped, nor for the time it was", () => {
    const cluster = two().submit(timer({ target: "loaded" }));
    expect(cluster.pass()).to.deep.equal(["place tick.service m1"]);
    cluster.wait(30 * minute);
    expect(cluster.pass()).to.deep.equal([]);
    cluster.submit(timer());
    expect(cluster.pass()).to.deep.equal(["run tick.service scheduled"]);
    expect(run(cluster, "tick.service").next).to.equal("2026-11-21T00:40:00.000Z");
  });

  it("is taken up by a new leader as it stands", () => {
    const cluster = two().submit(timer());
    cluster.pass();
    cluster.wait(10 * minute);
    const [recorded, placed] = cluster.decide();
    if (recorded?.kind !== "record-run" || placed?.kind !== "place") throw new Error("nothing was decided");
    for (const known of [[recorded], [recorded, placed]]) {
      const next = two()
        .submit(timer())
        .wait(10 * minute + 1);
      next.model.setRun("tick.service", recorded.run);
      for (const each of known) {
        if (each.kind === "place") next.model.setPlacement("m1", "tick.service", each.placement);
      }
      expect(next.pass()).to.deep.equal(known.length === 2 ? [] : ["place tick.service m1"]);
      expect(next.model.units.get("tick.service")?.copy?.as.run).to.equal("2026-11-21T00:10:00.000Z");
    }
  });
});

describe("any life of a cluster timer", () => {
  type Happening = "minute" | "ttl" | "claim" | "end" | "leave" | "join" | "restart-leader";
  const happenings = fc.array(
    fc.constantFrom<Happening>(
      "minute",
      "minute",
      "ttl",
      "claim",
      "claim",
      "end",
      "end",
      "leave",
      "join",
      "restart-leader",
    ),
    { maxLength: 60 },
  );

  it("begins no tick twice, and none that is not one", () => {
    fc.assert(
      fc.property(happenings, (life) => {
        let cluster = new Cluster();
        const ids = ["m1", "m2", "m3"];
        const here = new Set(ids);
        for (const id of ids) cluster.join(machine(id));
        const wanted = unit("tick.service", { onCalendar: ["*:*"] });
        cluster.submit(wanted);
        const begun: string[] = [];
        for (const happening of life) {
          const node = cluster.model.units.get("tick.service");
          const copy = node?.copy;
          const claim = copy && node?.course?.outcomes.get(copy.machine.id)?.claim;
          const due = copy?.as.run;
          if (happening === "minute") cluster.wait(minute);
          if (happening === "ttl") cluster.wait(ttlMs);
          if (happening === "leave") {
            const [id] = here;
            if (id !== undefined && here.delete(id)) cluster.leave(id);
          }
          if (happening === "join") {
            for (const id of ids) if (!here.has(id)) cluster.join(machine(id));
            for (const id of ids) here.add(id);
          }
          if (happening === "claim" && copy && due !== undefined && claim?.run !== due) {
            if (here.has(copy.machine.id)) {
              begun.push(due);
              tell(cluster, "tick.service");
            }
          }
          if (happening === "end" && copy && claim && claim.run === due && here.has(copy.machine.id)) {
            tell(cluster, "tick.service", ended);
          }
          if (happening === "restart-leader") cluster = successor(cluster, wanted, here);
          cluster.pass();
        }
        expect(begun).to.deep.equal([...new Set(begun)].sort());
        for (const tick of begun) expect(Date.parse(tick) % minute).to.equal(0);
      }),
      { numRuns: 500 },
    );
  });

  /** A cluster whose scheduler knows only what was written. */
  function successor(before: Cluster, wanted: ReturnType<typeof unit>, here: ReadonlySet<string>): Cluster {
    const next = new Cluster();
    next.now = before.now;
    for (const id of here) next.join(machine(id));
    next.submit(wanted);
    const node = before.model.units.get("tick.service");
    next.model.setRun("tick.service", node?.course?.run);
    if (node?.copy) {
      const { machine: host, as } = node.copy;
      next.model.setPlacement(host.id, "tick.service", {
        machine: host.id,
        unit: "tick.service",
        hash: as.hash,
        target: "launched",
        generation: as.generation,
        ...(as.run === undefined ? {} : { run: as.run }),
        reason: "",
      });
    }
    for (const [id, outcome] of node?.course?.outcomes ?? []) {
      next.model.setOutcome(id, "tick.service", outcome);
    }
    return next;
  }
});
