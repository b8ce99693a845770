import { readFileSync } from "node:fs";
import { expect } from "chai";
import { type ClusterEvent, datePast, eventKinds, eventsOf } from "../../cluster/events.ts";
import type { UnitState } from "../../cluster/unit-state.ts";

const hash = "22f25e029e50c9a5eece8467b98a9d0d60e40b97";
const machine = "f1ee0001000000000000000000000000";
const launched = { hash, target: "launched", generation: 0 } as const;
const running: UnitState = {
  load: "loaded",
  active: "active",
  sub: "running",
  hash,
  generation: 0,
  since: "2026-11-20T19:21:26Z",
};

describe("eventsOf", () => {
  const unit = (before?: object, after?: object): readonly ClusterEvent[] =>
    eventsOf({
      table: "units",
      name: "web.service",
      revision: 7n,
      deleted: after === undefined,
      ...(before ? { before: { ...launched, ...before } } : {}),
      ...(after ? { after: { ...launched, ...after } } : {}),
    });
  const state = (before?: Partial<UnitState>, after?: Partial<UnitState>): readonly ClusterEvent[] =>
    eventsOf({
      table: "states",
      name: `${machine}/web.service`,
      revision: 7n,
      deleted: after === undefined,
      ...(before ? { before: { ...running, ...before } } : {}),
      ...(after ? { after: { ...running, ...after } } : {}),
    });

  it("tells how runs begin and end, and where a unit fails too often", () => {
    const run = {
      status: "running",
      run: "2026-11-21T03:00:00Z",
      hash,
      generation: 0,
      machine,
      started: "t1",
    } as const;
    const over = { ...run, status: "failed", ended: "t2", exitStatus: 3, problem: "It exited" } as const;
    const told = eventsOf({
      table: "runs",
      name: "job.service",
      revision: 7n,
      deleted: false,
      before: run,
      after: over,
    });
    expect(told).to.deep.equal([
      {
        revision: "7",
        kind: "unit-run",
        unit: "job.service",
        machine,
        time: "t2",
        exitStatus: 3,
        reason: "It exited",
        message: `the run of 2026-11-21T03:00:00Z failed on ${machine} with status 3: It exited`,
      },
    ]);
    const next = { ...over, next: "t3" };
    expect(
      eventsOf({
        table: "runs",
        name: "job.service",
        revision: 7n,
        deleted: false,
        before: over,
        after: next,
      }),
    ).to.deep.equal([]);
    const tried = { hash, generation: 0, machines: [{ machine, at: "t1", count: 2, problem: "It exited" }] };
    expect(
      eventsOf({ table: "failures", name: "web.service", revision: 8n, deleted: false, after: tried }),
    ).to.deep.equal([
      {
        revision: "8",
        kind: "unit-failing",
        unit: "web.service",
        machine,
        time: "t1",
        reason: "It exited",
        message: "failed 2 times there: It exited",
      },
    ]);
  });

  it("tells a unit's submission, new file, new target, restart and end", () => {
    expect(unit(undefined, {})).to.deep.equal([
      {
        revision: "7",
        kind: "unit-submitted",
        unit: "web.service",
        ...launched,
        message: "submitted, target launched, file 22f25e0",
      },
    ]);
    expect(unit({}, { hash: "b".repeat(40) })).to.have.nested.property(
      "0.message",
      "its file is now bbbbbbb, was 22f25e0",
    );
    expect(unit({}, { target: "loaded" })).to.have.nested.property(
      "0.message",
      "target is now loaded, was launched",
    );
    expect(unit({}, { generation: 1 })).to.have.nested.property("0.kind", "unit-restart");
    expect(unit({})).to.have.nested.property("0.kind", "unit-destroyed");
  });

  it("tells each change of one edit, and nothing when nothing changed", () => {
    const both = unit({ target: "inactive" }, { generation: 1 });
    expect(both.map(({ kind }) => kind)).to.deep.equal(["unit-target", "unit-restart"]);
    expect(unit({}, {})).to.deep.equal([]);
  });

  it("tells what a unit does on its machine, with the time its agent saw it", () => {
    const [event] = state({ active: "activating", sub: "start" }, {});
    expect(event).to.include({
      kind: "unit-state",
      unit: "web.service",
      machine,
      active: "active",
      sub: "running",
      time: running.since,
      message: "active (running)",
    });
    const [failed] = state({}, { active: "failed", sub: "failed", exitStatus: 7, problem: "no such image" });
    expect(failed).to.include({
      message: "failed (failed), exit status 7: no such image",
      reason: "no such image",
    });
  });

  it("takes no time from a state that an agent only reports anew", () => {
    expect(state(undefined, {})[0]).to.include({ since: running.since }).and.not.have.property("time");
    expect(state({}, {})).to.deep.equal([]);
  });

  it("tells of a unit that was started again between two reports", () => {
    const since = "2026-11-20T20:00:00Z";
    expect(state({}, { since, generation: 1 })[0]).to.include({
      time: since,
      generation: 1,
      message: "active (running), started again",
    });
  });

  it("tells placements with their reason, and departures", () => {
    const placement = { machine, unit: "web.service", hash, target: "launched", generation: 0 } as const;
    const name = `${machine}/web.service`;
    const placed = { ...placement, reason: "least loaded" };
    const change = { table: "placements", name, revision: 8n, deleted: false } as const;
    expect(eventsOf({ ...change, after: placed })[0]).to.include({
      kind: "unit-placed",
      machine,
      reason: "least loaded",
      message: "placed: least loaded",
    });
    expect(eventsOf({ ...change, before: placed, after: placed })[0]).to.include({ kind: "unit-renewed" });
    expect(eventsOf({ ...change, deleted: true, before: placed })[0]).to.include({ kind: "unit-withdrawn" });
    const reason = "2 machines rejected it";
    expect(
      eventsOf({
        table: "unplaced",
        name: "web.service",
        revision: 8n,
        deleted: false,
        after: { hash, reason },
      })[0],
    ).to.include({ kind: "unit-unplaced", unit: "web.service", message: reason });
  });

  it("has every kind on its page", () => {
    const page = readFileSync(new URL("../../docs/deisctl.md", import.meta.url), "utf8");
    expect(eventKinds.filter((kind) => !page.includes(`\`${kind}\``))).to.deep.equal([]);
  });

  it("says nothing about a record that cannot be read", () => {
    expect(eventsOf({ table: "units", name: "web.service", revision: 7n, deleted: false })).to.deep.equal([]);
  });
});

describe("datePast", () => {
  const event = (revision: number, time?: string): ClusterEvent => ({
    revision: String(revision),
    kind: "unit-state",
    message: "",
    ...(time === undefined ? {} : { time }),
  });

  it("puts events without a time between those that have one", () => {
    const dated = datePast([event(1), event(2, "19:01"), event(3), event(4, "19:05"), event(5)]);
    expect(dated.map(({ time, notBefore, notAfter }) => [notBefore, time, notAfter])).to.deep.equal([
      [undefined, undefined, "19:01"],
      [undefined, "19:01", undefined],
      ["19:01", undefined, "19:05"],
      [undefined, "19:05", undefined],
      ["19:05", undefined, undefined],
    ]);
  });

  it("takes a state's own time where it fits between its neighbours'", () => {
    const since = (revision: number, time: string): ClusterEvent => ({ ...event(revision), since: time });
    const dated = datePast([
      since(1, "18:00"),
      event(2, "19:01"),
      since(3, "18:00"),
      since(4, "19:03"),
      event(5, "19:05"),
    ]);
    expect(dated.map(({ time, notBefore, notAfter }) => [notBefore, time, notAfter])).to.deep.equal([
      [undefined, undefined, "19:01"],
      [undefined, "19:01", undefined],
      ["19:01", undefined, "19:05"],
      [undefined, "19:03", undefined],
      [undefined, "19:05", undefined],
    ]);
  });

  it("does not believe a clock that runs ahead of a later event's", () => {
    const [first, second] = datePast([event(1, "19:09"), event(2, "19:05")]);
    expect(first).to.include({ notAfter: "19:05" }).and.not.have.property("time");
    expect(second).to.include({ time: "19:05" });
  });
});
