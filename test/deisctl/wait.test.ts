import { expect } from "chai";
import type { Placement } from "../../cluster/placement.ts";
import type { Run } from "../../cluster/run.ts";
import type { UnitRecord } from "../../cluster/unit.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { type Goal, judge, type UnitView } from "../../deisctl/wait.ts";

const hash = "a".repeat(40);
const wishRevision = 10n;

function record(target: UnitRecord["target"], generation = 0): UnitRecord {
  return { hash, target, generation };
}

function placement(target: Placement["target"], of: Partial<Placement> = {}): Placement {
  return { machine: "m1", unit: "web.service", hash, target, generation: 0, reason: "least loaded", ...of };
}

function state(active: string, of: Partial<UnitState> = {}): UnitState {
  const sub = active === "active" ? "running" : active === "inactive" ? "dead" : active;
  return { load: "loaded", active, sub, hash, generation: 0, since: "2026-11-20T19:21:26Z", ...of };
}

/** `at`: the revision of the state; the wish was written at 10. */
function view(of: {
  record?: UnitRecord;
  placement?: Placement;
  state?: UnitState;
  at?: bigint;
  unplaced?: string;
  unplacedAt?: bigint;
  unplacedHash?: string;
  run?: Partial<Run>;
  runAt?: bigint;
}): UnitView {
  const copy = {
    machine: "m1",
    ...(of.placement ? { placement: of.placement } : {}),
    ...(of.state ? { state: of.state, stateRevision: of.at ?? 11n } : {}),
  };
  return {
    ...(of.record ? { record: of.record, recordRevision: wishRevision } : {}),
    ...(of.unplaced === undefined
      ? {}
      : {
          unplaced: { hash: of.unplacedHash ?? hash, reason: of.unplaced },
          unplacedRevision: of.unplacedAt ?? 11n,
        }),
    ...(of.run
      ? { run: { status: "due", hash, generation: 0, ...of.run }, runRevision: of.runAt ?? 11n }
      : {}),
    copies: of.placement || of.state ? [copy] : [],
  };
}

const launched = { record: record("launched"), placement: placement("launched") };
const loaded = { record: record("loaded"), placement: placement("loaded") };

describe("judge", () => {
  for (const [says, goal, seen, kind, settled] of [
    [
      "waits for the scheduler while nothing is placed",
      "launched",
      { record: record("launched") },
      "waiting",
    ],
    ["fails when the unit was destroyed meanwhile", "launched", {}, "failed"],
    ["fails when someone wants less meanwhile", "launched", { record: record("loaded") }, "failed"],
    [
      "waits while the placement has an older file",
      "launched",
      { ...launched, placement: placement("launched", { hash: "b" }) },
      "waiting",
    ],
    [
      "waits while the placement is only loaded",
      "launched",
      { ...launched, placement: placement("loaded") },
      "waiting",
    ],
    [
      "is done with a timer that waits for its first tick",
      "launched",
      { record: record("launched"), run: { status: "scheduled" } },
      "done",
    ],
    ["waits for a run that is due", "launched", { record: record("launched"), run: {} }, "waiting"],
    [
      "is done with a run that has finished",
      "launched",
      { ...launched, run: { status: "finished", machine: "m1" } },
      "done",
    ],
    [
      "fails with a run that has failed",
      "launched",
      {
        ...launched,
        run: { status: "failed", machine: "m1", problem: "The main process exited with status 3" },
      },
      "failed",
    ],
    [
      "does not believe a run from before the wish, until the scheduler had time to forget it",
      "launched",
      { ...launched, run: { status: "finished", machine: "m1" }, runAt: 9n },
      "waiting",
    ],
    [
      "believes a run from before the wish in the end",
      "launched",
      { ...launched, run: { status: "finished", machine: "m1" }, runAt: 9n },
      "done",
      true,
    ],
    [
      "does not believe a run of an older file",
      "launched",
      { ...launched, run: { status: "finished", hash: "b", machine: "m1" } },
      "waiting",
    ],
    ["waits while the agent has not spoken", "launched", launched, "waiting"],
    [
      "waits while the agent has an older file",
      "launched",
      { ...launched, state: state("active", { hash: "b" }) },
      "waiting",
    ],
    ["waits while it activates", "launched", { ...launched, state: state("activating") }, "waiting"],
    ["is done when it is active", "launched", { ...launched, state: state("active") }, "done"],
    [
      "is done when it was active all the time",
      "launched",
      { ...launched, state: state("active"), at: 5n },
      "done",
    ],
    [
      "waits for a restart that was not carried out",
      "launched",
      { ...launched, record: record("launched", 1), state: state("active") },
      "waiting",
    ],
    [
      "is done with the restart's generation",
      "launched",
      { ...launched, record: record("launched", 1), state: state("active", { generation: 1 }) },
      "done",
    ],
    [
      "waits while it only looks ended since it was loaded",
      "launched",
      { ...launched, state: state("inactive"), at: 5n },
      "waiting",
    ],
    [
      "waits while it looks ended since an earlier run",
      "launched",
      { ...launched, state: state("inactive", { exitStatus: 0 }), at: 5n },
      "waiting",
    ],
    [
      "is done when a oneshot has completed",
      "launched",
      { ...launched, state: state("inactive", { exitStatus: 0 }) },
      "done",
    ],
    [
      "fails when it ended with a status",
      "launched",
      { ...launched, state: state("inactive", { exitStatus: 7 }) },
      "failed",
    ],
    [
      "fails when it failed since",
      "launched",
      { ...launched, state: state("failed", { exitStatus: 203 }) },
      "failed",
    ],
    [
      "waits while an old failure stands",
      "launched",
      { ...launched, state: state("failed"), at: 5n },
      "waiting",
    ],
    [
      "fails when the agent says what is wrong",
      "launched",
      { ...launched, state: state("inactive", { load: "error", problem: "no such image" }) },
      "failed",
    ],
    [
      "fails when the agent tries a broken start again",
      "launched",
      {
        ...launched,
        state: state("activating", { load: "error", sub: "auto-restart", problem: "no such image" }),
      },
      "failed",
    ],
    [
      "waits through systemd's own restarts",
      "launched",
      { ...launched, state: state("activating", { sub: "auto-restart" }) },
      "waiting",
    ],
    [
      "waits while the agent still loads it",
      "launched",
      { ...launched, state: state("activating", { load: "not-found", sub: "load" }) },
      "waiting",
    ],
    [
      "believes a younger cannot-be-placed at once",
      "launched",
      { record: record("launched"), unplaced: "no" },
      "unplaceable",
    ],
    [
      "gives an older cannot-be-placed time to be withdrawn",
      "launched",
      { record: record("launched"), unplaced: "no", unplacedAt: 5n },
      "waiting",
    ],
    [
      "believes an older one in the end",
      "launched",
      { record: record("launched"), unplaced: "no", unplacedAt: 5n },
      "unplaceable",
      true,
    ],
    [
      "ignores what was said of another file",
      "launched",
      { record: record("launched"), unplaced: "no", unplacedHash: "b" },
      "waiting",
    ],
    [
      "is loaded once the agent has the file",
      "loaded",
      { ...loaded, state: state("inactive"), at: 5n },
      "done",
    ],
    ["is loaded also when someone launched it", "loaded", { ...launched, state: state("active") }, "done"],
    [
      "is not loaded while the image is missing",
      "loaded",
      { ...loaded, state: state("inactive", { load: "error", problem: "no such image" }) },
      "failed",
    ],
    ["is stopped when nothing runs", "stopped", { ...loaded, state: state("inactive") }, "done"],
    ["is stopped when it failed", "stopped", { ...loaded, state: state("failed") }, "done"],
    ["waits while it stops", "stopped", { ...loaded, state: state("deactivating") }, "waiting"],
    [
      "waits while the placement still says launched",
      "stopped",
      { ...loaded, placement: placement("launched"), state: state("inactive") },
      "waiting",
    ],
    ["fails when someone started it again", "stopped", { ...launched, state: state("active") }, "failed"],
    ["is inactive when it is nowhere", "inactive", { record: record("inactive") }, "done"],
    [
      "waits while a machine still has it",
      "inactive",
      { record: record("inactive"), state: state("inactive") },
      "waiting",
    ],
    ["is gone when record, placements and states are", "gone", {}, "done"],
    ["waits while its state remains", "gone", { state: state("active") }, "waiting"],
    ["fails when it was submitted again", "gone", { record: record("inactive") }, "failed"],
  ] as [string, Goal, Parameters<typeof view>[0], string, boolean?][]) {
    it(`${goal}: ${says}`, () => {
      expect(judge(view(seen), { goal, settled: settled ?? false }).kind).to.equal(kind);
    });
  }

  it("wants every machine of a global unit, and tells one failure of several copies", () => {
    const copy = (machine: string, active: string) => ({
      machine,
      placement: placement("launched", { machine }),
      state: state(active),
      stateRevision: 11n,
    });
    const of = (...copies: UnitView["copies"]): UnitView => ({
      record: record("launched"),
      recordRevision: 10n,
      copies,
    });
    const wish = { goal: "launched", settled: true } as const;
    expect(judge(of(copy("m1", "active"), copy("m2", "activating")), wish)).to.include({
      kind: "waiting",
      machine: "m2",
    });
    expect(judge(of(copy("m1", "active"), copy("m2", "failed")), wish)).to.include({
      kind: "failed",
      machine: "m2",
    });
    expect(judge(of(copy("m1", "active"), copy("m2", "active")), wish)).to.deep.equal({
      kind: "done",
      machines: ["m1", "m2"],
      seen: "active/running",
    });
  });
});
