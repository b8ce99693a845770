import { expect } from "chai";
import fc from "fast-check";
import type { Desired, Wanted } from "../../agent/desired.ts";
import {
  type Attempt,
  type Authority,
  type Decision,
  type Flight,
  fencedPurpose,
  gonePurpose,
  purposeOf,
  type RuntimeView,
  reconcile,
  type Situation,
  type Step,
} from "../../agent/reconcile.ts";
import { notStarted, startBegun } from "../../agent/runtime.ts";
import { compileGlob } from "../../cluster/glob.ts";
import type { RuntimeName } from "../../cluster/machine.ts";
import type { UnitState } from "../../cluster/unit-state.ts";

const name = "web.service";
const oldHash = "a".repeat(40);
const hash = "b".repeat(40);

function wanted(change: Partial<Wanted> = {}): Wanted {
  const text = "[Service]\nExecStart=/bin/web\n";
  const wish = {
    kind: "wanted",
    name,
    text,
    hash,
    generation: 0,
    target: "launched",
    runtime: "systemd",
  } as const;
  return { ...wish, fence: false, conflicts: [], ...change };
}

function state(active: string, change: Partial<UnitState> = {}): UnitState {
  const since = "2026-01-01T00:00:00.000Z";
  return { load: "loaded", active, sub: active, hash, generation: 0, since, ...change };
}

interface Row {
  readonly when: string;
  readonly wish?: Desired;
  readonly systemd?: UnitState;
  readonly docker?: UnitState;
  readonly gone?: readonly RuntimeName[];
  readonly without?: readonly RuntimeName[];
  readonly flight?: Flight;
  readonly attempt?: Attempt;
  readonly synced?: false;
  readonly authority?: Authority;
  /** Requests may be on their way to it. */
  readonly published?: boolean;
  /** Steps in order, or `leave`, or `supersede`; each with a word of the reason after a colon. */
  readonly outcome: string;
}

const unreadable: Desired = {
  kind: "unknown",
  name,
  reason: "its placement cannot be read",
  isProblem: true,
};
const fetching: Desired = {
  kind: "unknown",
  name,
  hash,
  reason: "its unit file is being fetched",
  isProblem: false,
};

const flight = (purpose: string, step: Step["kind"]): Flight => ({ purpose, step, startedMs: 0 });
const attempt = (wish: Wanted, retryAtMs: number | "never"): Attempt => ({
  purpose: purposeOf(wish),
  problem: "no such image",
  since: "2026-01-01T00:00:00.000Z",
  retryAtMs,
});

const never = { generation: notStarted };

const table: readonly Row[] = [
  { when: "a launched unit is absent", wish: wanted(), outcome: "load start acknowledge(0): placed here" },
  { when: "a loaded unit is absent", wish: wanted({ target: "loaded" }), outcome: "load: placed here" },
  {
    when: "a launched unit with restarts behind it is absent",
    wish: wanted({ generation: 3 }),
    outcome: "load start acknowledge(3): placed here",
  },
  {
    when: "a container is absent",
    wish: wanted({ runtime: "docker" }),
    outcome: "load@docker start@docker acknowledge(0)@docker: placed",
  },
  { when: "a launched unit runs", wish: wanted(), systemd: state("active"), outcome: "leave: as wanted" },
  {
    when: "a restart was asked for of a unit that is published",
    wish: wanted({ generation: 1 }),
    systemd: state("active"),
    published: true,
    outcome: "withdraw stop acknowledge(-1) start acknowledge(1): restart 1 was asked for",
  },
  {
    when: "a unit that is published is not placed here",
    docker: state("active"),
    published: true,
    outcome: "withdraw@docker unload@docker: not placed here",
  },
  {
    when: "the file of a unit that is published changed",
    wish: wanted({ hash: "c".repeat(40) }),
    systemd: state("active"),
    published: true,
    outcome: "withdraw stop unload load start acknowledge(0): changed",
  },
  {
    when: "a launched unit is starting",
    wish: wanted(),
    systemd: state("activating"),
    outcome: "leave: as wanted",
  },
  {
    when: "a launched unit reloads",
    wish: wanted(),
    systemd: state("reloading"),
    outcome: "leave: as wanted",
  },
  {
    when: "a launched unit is stopping by itself",
    wish: wanted(),
    systemd: state("deactivating"),
    outcome: "leave: as wanted",
  },
  {
    when: "a launched unit has failed",
    wish: wanted(),
    systemd: state("failed"),
    outcome: "leave: Restart=",
  },
  {
    when: "a launched oneshot has ended",
    wish: wanted(),
    systemd: state("inactive", { exitStatus: 0 }),
    outcome: "leave: has ended",
  },
  {
    when: "a launched oneshot has ended and systemd has forgotten its status",
    wish: wanted(),
    systemd: state("inactive"),
    outcome: "leave: has ended",
  },
  {
    when: "a launched unit is loaded and was never started",
    wish: wanted(),
    systemd: state("inactive", never),
    outcome: "start acknowledge(0): target launched",
  },
  {
    when: "a launched unit was stopped by us earlier",
    wish: wanted({ generation: 2 }),
    systemd: state("inactive", { ...never, exitStatus: 143 }),
    outcome: "start acknowledge(2): target launched",
  },
  {
    when: "a launched unit had failed before its last stop",
    wish: wanted(),
    systemd: state("failed", never),
    outcome: "start acknowledge(0): target launched",
  },
  {
    when: "a launched unit runs and its start was not acknowledged (the agent died in between)",
    wish: wanted({ generation: 4 }),
    systemd: state("active", never),
    outcome: "acknowledge(4): runs already",
  },
  {
    when: "a launched unit still starts for an agent that died",
    wish: wanted(),
    systemd: state("activating", never),
    outcome: "acknowledge(0): runs already",
  },
  {
    when: "a launched unit still stops for an agent that died",
    wish: wanted(),
    systemd: state("deactivating", never),
    outcome: "leave: still stopping",
  },
  {
    when: "a restart was asked for of a running unit",
    wish: wanted({ generation: 1 }),
    systemd: state("active"),
    outcome: "stop acknowledge(-1) start acknowledge(1): restart 1 was asked for, 0 was carried out",
  },
  {
    when: "several restarts were asked for meanwhile",
    wish: wanted({ generation: 5 }),
    systemd: state("active", { generation: 2 }),
    outcome: "stop acknowledge(-1) start acknowledge(5): restart 5",
  },
  {
    when: "a restart was asked for of a failed unit",
    wish: wanted({ generation: 1 }),
    systemd: state("failed"),
    outcome: "stop acknowledge(-1) start acknowledge(1): restart 1",
  },
  {
    when: "a restart was asked for of a unit that has ended",
    wish: wanted({ generation: 1 }),
    systemd: state("inactive"),
    outcome: "stop acknowledge(-1) start acknowledge(1): restart 1",
  },
  {
    when: "a restart was asked for of a unit that is only loaded",
    wish: wanted({ generation: 1, target: "loaded" }),
    systemd: state("inactive", never),
    outcome: "leave: as wanted",
  },
  {
    when: "a unit was destroyed and created again while it ran on here",
    wish: wanted({ generation: 0 }),
    systemd: state("active", { generation: 7 }),
    outcome: "acknowledge(0): counted from 0",
  },
  {
    when: "the file of a running unit changed",
    wish: wanted(),
    systemd: state("active", { hash: oldHash }),
    outcome: "stop unload load start acknowledge(0): changed from aaaaaaa to bbbbbbb",
  },
  {
    when: "the file of a failed unit changed",
    wish: wanted(),
    systemd: state("failed", { hash: oldHash }),
    outcome: "stop unload load start acknowledge(0): changed",
  },
  {
    when: "the file of a unit that is only loaded changed",
    wish: wanted({ target: "loaded" }),
    systemd: state("inactive", { hash: oldHash, ...never }),
    outcome: "stop unload load: changed",
  },
  {
    when: "the file and the restart generation changed together",
    wish: wanted({ generation: 1 }),
    systemd: state("active", { hash: oldHash }),
    outcome: "stop unload load start acknowledge(1): changed",
  },
  {
    when: "the file of a running unit changed and it is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("active", { hash: oldHash }),
    outcome: "stop unload load: changed",
  },
  {
    when: "systemd no longer finds the file of a running unit",
    wish: wanted({ generation: 2 }),
    systemd: state("active", { load: "not-found", generation: 2 }),
    outcome: "load: no longer finds",
  },
  {
    when: "a running unit is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("active"),
    outcome: "stop acknowledge(-1): target loaded",
  },
  {
    when: "a starting unit is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("activating"),
    outcome: "stop acknowledge(-1): target loaded",
  },
  {
    when: "a stopping unit is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("deactivating"),
    outcome: "leave: still stopping",
  },
  {
    when: "a unit that has ended is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("inactive"),
    outcome: "acknowledge(-1): target loaded",
  },
  {
    when: "a failed unit is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("failed"),
    outcome: "acknowledge(-1): target loaded",
  },
  {
    when: "a unit that is only loaded was started by its timer, by another unit or by hand",
    wish: wanted({ target: "loaded" }),
    systemd: state("active", never),
    outcome: "leave: started by others",
  },
  {
    when: "a unit is to be only loaded whose start an agent before this one had begun",
    wish: wanted({ target: "loaded" }),
    systemd: state("activating", { generation: startBegun }),
    outcome: "stop acknowledge(-1): target loaded",
  },
  {
    when: "a launched unit runs whose start an agent before this one had begun",
    wish: wanted({ generation: 2 }),
    systemd: state("active", { generation: startBegun }),
    outcome: "acknowledge(2): runs already",
  },
  {
    when: "a launched unit does not run though an agent before this one had begun its start",
    wish: wanted(),
    systemd: state("inactive", { generation: startBegun }),
    outcome: "start acknowledge(0): target launched",
  },
  { when: "a running unit is not placed here", systemd: state("active"), outcome: "unload: not placed here" },
  { when: "a failed unit is not placed here", systemd: state("failed"), outcome: "unload: not placed here" },
  {
    when: "a container is not placed here",
    docker: state("inactive"),
    outcome: "unload@docker: not placed here",
  },
  {
    when: "a unit that both runtimes have is not placed here",
    systemd: state("active"),
    docker: state("active"),
    outcome: "unload unload@docker: not placed here",
  },
  {
    when: "a unit became a container",
    wish: wanted({ runtime: "docker" }),
    systemd: state("active", { hash: oldHash }),
    outcome: "unload load@docker start@docker acknowledge(0)@docker: moved it from systemd to docker",
  },
  {
    when: "a unit became a container and its old form lingers",
    wish: wanted({ runtime: "docker" }),
    systemd: state("inactive", { hash: oldHash }),
    docker: state("active"),
    outcome: "unload: moved it from systemd to docker",
  },
  {
    when: "a unit became a container and systemd cannot be reached",
    wish: wanted({ runtime: "docker" }),
    systemd: state("active", { hash: oldHash }),
    gone: ["systemd"],
    outcome: "leave: may still run on systemd",
  },
  {
    when: "the mirror is not synced and a unit runs",
    systemd: state("active"),
    synced: false,
    outcome: "leave: not been read",
  },
  {
    when: "the mirror is not synced and a unit is wanted",
    wish: wanted(),
    synced: false,
    outcome: "leave: not been read",
  },
  {
    when: "the mirror is not synced and a plan is under way",
    systemd: state("active"),
    flight: flight(gonePurpose, "unload"),
    synced: false,
    outcome: "leave: under way",
  },
  {
    when: "the store is lost and a stray unit runs",
    systemd: state("active"),
    authority: "lost",
    outcome: "leave: store cannot be reached",
  },
  {
    when: "the store is lost and a unit is absent",
    wish: wanted(),
    authority: "lost",
    outcome: "leave: store cannot be reached",
  },
  {
    when: "the store is lost and an unfenced unit runs",
    wish: wanted(),
    systemd: state("active"),
    authority: "lost",
    outcome: "leave: store cannot be reached",
  },
  {
    when: "the store is lost and a fenced unit runs",
    wish: wanted({ fence: true }),
    systemd: state("active"),
    authority: "lost",
    outcome: "stop acknowledge(-1): about to lapse",
  },
  {
    when: "the store is lost and a fenced unit starts",
    wish: wanted({ fence: true }),
    systemd: state("activating", never),
    authority: "lost",
    outcome: "stop acknowledge(-1): about to lapse",
  },
  {
    when: "the store is lost and a fenced unit has failed",
    wish: wanted({ fence: true }),
    systemd: state("failed"),
    authority: "lost",
    outcome: "leave: does not run",
  },
  {
    when: "the store is lost while a fenced unit is being loaded",
    wish: wanted({ fence: true }),
    flight: flight(purposeOf(wanted({ fence: true })), "load"),
    authority: "lost",
    outcome: "supersede: about to lapse",
  },
  {
    when: "the store is lost and a fenced unit is being stopped for that",
    wish: wanted({ fence: true }),
    systemd: state("active"),
    flight: flight(fencedPurpose, "stop"),
    authority: "lost",
    outcome: "leave: under way",
  },
  {
    when: "the store is lost while an unfenced unit is being started",
    wish: wanted(),
    flight: flight(purposeOf(wanted()), "start"),
    authority: "lost",
    outcome: "leave: under way",
  },
  {
    when: "the agent has just begun and holds no lease yet, and a fenced unit runs",
    wish: wanted({ fence: true }),
    systemd: state("active"),
    authority: "awaited",
    outcome: "leave: not been announced yet",
  },
  {
    when: "the agent has just begun and holds no lease yet, and a stray unit runs",
    systemd: state("active"),
    authority: "awaited",
    outcome: "leave: not been announced yet",
  },
  {
    when: "the store is back and a fenced unit was stopped",
    wish: wanted({ fence: true }),
    systemd: state("inactive", never),
    outcome: "start acknowledge(0): target launched",
  },
  {
    when: "the placement of a running unit is unreadable",
    wish: unreadable,
    systemd: state("active"),
    outcome: "leave: cannot be read",
  },
  {
    when: "the placement of an absent unit is unreadable",
    wish: unreadable,
    outcome: "leave: cannot be read",
  },
  { when: "the file of a new unit is being fetched", wish: fetching, outcome: "leave: being fetched" },
  {
    when: "the placement becomes unreadable while a plan is under way",
    wish: unreadable,
    systemd: state("inactive", never),
    flight: flight(purposeOf(wanted()), "start"),
    outcome: "leave: under way",
  },
  {
    when: "its runtime is not connected and the unit runs",
    wish: wanted({ generation: 1 }),
    systemd: state("active"),
    gone: ["systemd"],
    outcome: "leave: cannot be reached",
  },
  {
    when: "its runtime is not connected and the unit is absent",
    wish: wanted(),
    gone: ["systemd"],
    outcome: "leave: cannot be reached",
  },
  {
    when: "this machine has no such runtime",
    wish: wanted({ runtime: "docker" }),
    without: ["docker"],
    outcome: "leave: cannot be reached",
  },
  {
    when: "a stray unit's runtime is not connected",
    systemd: state("active"),
    gone: ["systemd"],
    outcome: "leave: cannot be reached",
  },
  {
    when: "what is wanted is under way",
    wish: wanted(),
    flight: flight(purposeOf(wanted()), "load"),
    outcome: "leave: load is under way",
  },
  {
    when: "a unit that is being pulled is no longer placed here",
    flight: flight(purposeOf(wanted()), "load"),
    outcome: "supersede: now wanted gone",
  },
  {
    when: "a unit that is being started is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("activating", { generation: startBegun }),
    flight: flight(purposeOf(wanted()), "start"),
    outcome: "supersede: target loaded",
  },
  {
    when: "a unit that is being started got a new file",
    wish: wanted(),
    systemd: state("activating", { ...never, hash: oldHash }),
    flight: flight(purposeOf(wanted({ hash: oldHash })), "start"),
    outcome: "supersede: changed",
  },
  {
    when: "a unit that is being started is to be restarted",
    wish: wanted({ generation: 1 }),
    systemd: state("activating", never),
    flight: flight(purposeOf(wanted()), "start"),
    outcome: "supersede: runs already",
  },
  {
    when: "a unit that is being unloaded is placed here again",
    wish: wanted(),
    systemd: state("deactivating"),
    flight: flight(gonePurpose, "unload"),
    outcome: "supersede: wanted launched",
  },
  {
    when: "a unit that is being stopped by its fence may run again",
    wish: wanted({ fence: true }),
    systemd: state("deactivating", never),
    flight: flight(fencedPurpose, "stop"),
    outcome: "supersede: wanted launched",
  },
  {
    when: "a start failed for good",
    wish: wanted(),
    attempt: attempt(wanted(), "never"),
    outcome: "leave: failed for good: no such image",
  },
  {
    when: "a start failed and its time to try again has not come",
    wish: wanted(),
    attempt: attempt(wanted(), 1_001),
    outcome: "leave: will be tried again: no such image",
  },
  {
    when: "a start failed and its time to try again has come",
    wish: wanted(),
    attempt: attempt(wanted(), 1_000),
    outcome: "load start acknowledge(0): placed here",
  },
  {
    when: "a start failed for good and a restart is asked for",
    wish: wanted({ generation: 1 }),
    systemd: state("inactive"),
    attempt: attempt(wanted(), "never"),
    outcome: "stop acknowledge(-1) start acknowledge(1): restart 1",
  },
  {
    when: "a start failed for good and the unit got a new file",
    wish: wanted(),
    attempt: attempt(wanted({ hash: oldHash }), "never"),
    outcome: "load start acknowledge(0): placed here",
  },
  {
    when: "a start failed for good and the unit is to be only loaded",
    wish: wanted({ target: "loaded" }),
    systemd: state("failed"),
    attempt: attempt(wanted(), "never"),
    outcome: "acknowledge(-1): target loaded",
  },
  {
    when: "a start failed for good and the unit leaves",
    systemd: state("failed"),
    attempt: attempt(wanted(), "never"),
    outcome: "unload: not placed here",
  },
];

describe("reconcile", () => {
  for (const row of table) {
    it(`when ${row.when}: ${row.outcome}`, () => {
      const decision = reconcile(situation(row)).get(name);
      expect(decision, "every unit has a decision").not.to.equal(undefined);
      const [steps, reason] = split(row.outcome);
      expect(decision && shown(decision)).to.equal(steps);
      expect(decision && reasonOf(decision)).to.include(reason);
    });
  }

  describe("beside a unit that conflicts with it", () => {
    const rival = "web@2.service";
    const wish = wanted({ conflicts: [compileGlob("web@*.service")] });
    const beside = (active: string, change: Partial<Situation> = {}): string => {
      const plain = situation({ when: "", outcome: "", wish });
      const runtimes = new Map<RuntimeName, RuntimeView>([
        ["systemd", { connected: true, observed: new Map() }],
        ["docker", { connected: true, observed: new Map([[rival, state(active)]]) }],
      ]);
      const decision = reconcile({ ...plain, runtimes, ...change }).get(name);
      return decision ? shown(decision) : "";
    };

    for (const active of ["active", "activating", "deactivating"]) {
      it(`waits while that one is still ${active} and no longer placed here`, () => {
        expect(beside(active)).to.equal("leave");
      });
    }
    for (const active of ["inactive", "failed"]) {
      it(`starts once that one is ${active}`, () => {
        expect(beside(active)).to.equal("load start acknowledge(0)");
      });
    }
    it("starts when both are placed here: that is for the scheduler to judge", () => {
      const both = new Map<string, Desired>([
        [name, wish],
        [rival, wanted({ name: rival, runtime: "docker" })],
      ]);
      expect(beside("active", { desired: both })).to.equal("load start acknowledge(0)");
    });
    it("is loaded at once when it is not to be started", () => {
      const loaded = new Map<string, Desired>([[name, { ...wish, target: "loaded" }]]);
      expect(beside("active", { desired: loaded })).to.equal("load");
    });
  });

  it("has rows of different names", () => {
    const names = table.map(({ when }) => when);
    expect(new Set(names).size).to.equal(names.length);
  });

  it("loads and starts with the mark of a unit not started, and acknowledges afterwards", () => {
    const decision = reconcile(situation({ when: "", outcome: "", wish: wanted({ generation: 2 }) })).get(
      name,
    );
    const steps = decision?.kind === "act" ? decision.plan.steps : [];
    const unit = { name, text: wanted().text, hash };
    expect(steps).to.deep.equal([
      { kind: "load", runtime: "systemd", unit: { ...unit, generation: notStarted } },
      { kind: "start", runtime: "systemd", unit: { ...unit, generation: startBegun }, generation: 2 },
      { kind: "acknowledge", runtime: "systemd", generation: 2 },
    ]);
  });

  it("never acts without a synced mirror, whatever else is true", () => {
    fc.assert(
      fc.property(arbitraryRow(), (row) => {
        const decision = reconcile({ ...situation(row), synced: false }).get(name);
        expect(decision?.kind ?? "leave").to.equal("leave");
      }),
    );
  });

  it("without the lease stops fenced units and does nothing else, whatever else is true", () => {
    fc.assert(
      fc.property(arbitraryRow(), (row) => {
        const decision = reconcile({ ...situation(row), authority: "lost" }).get(name);
        if (!decision || decision.kind === "leave") return;
        expect(row.wish?.kind === "wanted" && row.wish.fence).to.equal(true);
        if (decision.kind === "act")
          expect(decision.plan.steps.map(({ kind }) => kind)).to.deep.equal(["stop", "acknowledge"]);
      }),
    );
  });

  it("never acts on a runtime that is not connected, nor beside a plan that is under way", () => {
    fc.assert(
      fc.property(arbitraryRow(), (row) => {
        const decision = reconcile(situation(row)).get(name);
        if (decision?.kind !== "act") return;
        expect(row.flight).to.equal(undefined);
        for (const step of decision.plan.steps) expect(row.gone ?? []).not.to.include(step.runtime);
      }),
    );
  });

  it("takes what may be published out of the traffic before it stops it, but for a fence, which must not wait", () => {
    fc.assert(
      fc.property(arbitraryRow(), fc.boolean(), (row, published) => {
        const decision = reconcile(situation({ ...row, published })).get(name);
        if (decision?.kind !== "act") return;
        const order = decision.plan.steps.map(({ kind }) => kind);
        const down = order.findIndex((kind) => kind === "stop" || kind === "unload");
        const isDue = published && down >= 0 && decision.plan.purpose !== fencedPurpose;
        expect(order.filter((kind) => kind === "withdraw")).to.have.length(isDue ? 1 : 0);
        if (isDue) expect(order[down - 1]).to.equal("withdraw");
      }),
    );
  });

  it("takes a unit down before it brings it up", () => {
    fc.assert(
      fc.property(arbitraryRow(), (row) => {
        const decision = reconcile(situation(row)).get(name);
        if (decision?.kind !== "act") return;
        const order = decision.plan.steps.map(({ kind }) => kind);
        const up = order.findIndex((kind) => kind === "load" || kind === "start");
        const down = Math.max(order.lastIndexOf("stop"), order.lastIndexOf("unload"));
        if (up >= 0) expect(down).to.be.lessThan(up);
        if (order.includes("start")) expect(order.indexOf("start")).to.be.above(order.indexOf("load"));
      }),
    );
  });
});

function situation(row: Row): Situation {
  const { wish, flight, attempt } = row;
  const view = (runtime: RuntimeName, seen: UnitState | undefined): [RuntimeName, RuntimeView] => [
    runtime,
    { connected: !row.gone?.includes(runtime), observed: new Map(seen ? [[name, seen]] : []) },
  ];
  const views = [view("systemd", row.systemd), view("docker", row.docker)];
  return {
    synced: row.synced ?? true,
    authority: row.authority ?? "held",
    desired: new Map(wish ? [[name, wish]] : []),
    runtimes: new Map(views.filter(([runtime]) => !row.without?.includes(runtime))),
    flights: new Map(flight ? [[name, flight]] : []),
    attempts: new Map(attempt ? [[name, attempt]] : []),
    nowMs: 1_000,
    mayPublish: () => row.published ?? false,
  };
}

function split(outcome: string): [string, string] {
  const at = outcome.indexOf(": ");
  return [outcome.slice(0, at), outcome.slice(at + 2)];
}

function shown(decision: Decision): string {
  return decision.kind === "act" ? decision.plan.steps.map(shownStep).join(" ") : decision.kind;
}

function shownStep(step: Step): string {
  const number = step.kind === "acknowledge" ? `(${step.generation})` : "";
  return `${step.kind}${number}${step.runtime === "docker" ? "@docker" : ""}`;
}

function reasonOf(decision: Decision): string {
  return decision.kind === "act" ? decision.plan.reason : decision.reason;
}

function arbitraryRow(): fc.Arbitrary<Row> {
  const active = fc.constantFrom("active", "activating", "deactivating", "inactive", "failed", "reloading");
  const observed = fc.option(
    fc
      .record({
        active,
        hash: fc.constantFrom(hash, oldHash),
        generation: fc.integer({ min: -2, max: 2 }),
        load: fc.constantFrom("loaded", "not-found"),
      })
      .map(({ active, ...change }) => state(active, change)),
    { nil: undefined },
  );
  const wish = fc
    .record({
      target: fc.constantFrom("loaded" as const, "launched" as const),
      runtime: fc.constantFrom("systemd" as const, "docker" as const),
      generation: fc.integer({ min: 0, max: 2 }),
      fence: fc.boolean(),
    })
    .map(wanted);
  const purpose = fc.oneof(fc.constantFrom(gonePurpose, fencedPurpose), wish.map(purposeOf));
  const step = fc.constantFrom<Step["kind"][]>("load", "start", "stop", "unload", "acknowledge");
  return fc
    .record({
      wish: fc.option(fc.oneof(wish, fc.constantFrom<Desired[]>(unreadable, fetching)), { nil: undefined }),
      systemd: observed,
      docker: observed,
      gone: fc.subarray<RuntimeName>(["systemd", "docker"]),
      flight: fc.option(fc.tuple(purpose, step), { nil: undefined }),
    })
    .map(({ wish, systemd, docker, gone, flight: under }) => ({
      when: "",
      outcome: "",
      gone,
      ...(wish ? { wish } : {}),
      ...(systemd ? { systemd } : {}),
      ...(docker ? { docker } : {}),
      ...(under ? { flight: flight(...under) } : {}),
    }));
}
