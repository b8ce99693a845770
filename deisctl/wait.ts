/**
 * What a command waits for, judged from one look at the cluster.
 *
 * Pure: `judge` compares what the command wanted with what the store shows and says done, failed, unplaceable, or what is still
 * missing. It never looks at a clock; how often it is asked and when patience ends is the driver's business (`await-units.ts`).
 *
 * What counts as evidence: a state speaks about our wish only if it carries the wanted file hash and, for a start or restart, the
 * wanted restart generation. That a unit ended is news only if it was written after the wish was: a unit that was loaded, or
 * ran and was stopped, looks ended too.
 */
import { isRunning } from "../cluster/current-state.ts";
import type { Placement, Unplaced } from "../cluster/placement.ts";
import { describeRun, type Run } from "../cluster/run.ts";
import { type UnitRecord, wishOn } from "../cluster/unit.ts";
import { isReady, type UnitState } from "../cluster/unit-state.ts";

/**
 * `launched`: runs (or ran to completion). `ready`: does what it is there for, or ran to completion. `loaded`: a machine has it, ready to start. `stopped`: nothing of it runs. `inactive`: no
 * machine has it any more. `gone`: the cluster has forgotten it.
 */
export type Goal = "launched" | "ready" | "loaded" | "stopped" | "inactive" | "gone";

/** One machine's copy of a unit: what the scheduler put there and what the agent says of it. */
export interface UnitCopy {
  readonly machine: string;
  readonly placement?: Placement;
  readonly state?: UnitState;
  /** Store revision of `state`. */
  readonly stateRevision?: bigint;
}

/** All that the store says about one unit. */
export interface UnitView {
  readonly record?: UnitRecord;
  /** Store revision of `record`: when the present wish was written. */
  readonly recordRevision?: bigint;
  readonly unplaced?: Unplaced;
  /** Store revision of `unplaced`. */
  readonly unplacedRevision?: bigint;
  /** Of a unit that is to end: its last run. */
  readonly run?: Run;
  /** Store revision of `run`. */
  readonly runRevision?: bigint;
  /** Sorted by machine. */
  readonly copies: readonly UnitCopy[];
}

export interface Wish {
  readonly goal: Goal;
  /** True once the scheduler has had time to withdraw an older "cannot be placed"; until then only a younger one counts. */
  readonly settled: boolean;
}

export type Verdict =
  /** `missing` completes the sentence "waiting for …". */
  | { readonly kind: "waiting"; readonly missing: string; readonly machine?: string; readonly seen?: string }
  | { readonly kind: "done"; readonly machines: readonly string[]; readonly seen: string }
  /** `reason` completes the sentence "Unit X failed on M: …". */
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly machine?: string;
      readonly seen?: string;
      /** The machine could not even load it: it has no log. */
      readonly unloaded?: boolean;
    }
  | { readonly kind: "unplaceable"; readonly reason: string };

/** Judges one look at one unit. */
export function judge(view: UnitView, wish: Wish): Verdict {
  switch (wish.goal) {
    case "launched":
    case "ready":
    case "loaded":
      return judgeUp(view, wish, wish.goal);
    case "stopped":
      return judgeStopped(view);
    case "inactive":
      return view.record && view.record.target !== "inactive" ? overruled(view.record) : judgeAbsent(view);
    case "gone":
      return view.record ? { kind: "failed", reason: "someone submitted it again" } : judgeAbsent(view);
    default:
      return wish.goal satisfies never;
  }
}

type UpGoal = Extract<Goal, "launched" | "ready" | "loaded">;

function judgeUp(view: UnitView, wish: Wish, goal: UpGoal): Verdict {
  const { record } = view;
  if (!record) return { kind: "failed", reason: "someone destroyed it" };
  if (record.target === "inactive" || (goal !== "loaded" && record.target === "loaded"))
    return overruled(record);
  if (cannotBePlaced(view, record, wish)) return { kind: "unplaceable", reason: view.unplaced?.reason ?? "" };
  const ofRun = goal === "loaded" ? undefined : judgeRun(view, record, wish);
  if (ofRun) return ofRun;
  const all = view.copies.filter((copy) => copy.placement !== undefined);
  // During a planned move the copy that arrives is not the unit's own yet.
  const own = all.filter(({ placement }) => placement?.move !== "arriving");
  const placed = own.length > 0 ? own : all;
  if (placed.length === 0) return { kind: "waiting", missing: "the scheduler to place it" };
  const verdicts = placed.map((copy) => judgeCopy(copy, record, view.recordRevision ?? 0n, goal));
  return (
    verdicts.find((verdict) => verdict.kind === "failed") ??
    verdicts.find((verdict) => verdict.kind === "waiting") ?? {
      kind: "done",
      machines: placed.map((copy) => copy.machine),
      seen: verdicts.map((verdict) => ("seen" in verdict ? verdict.seen : "")).find((seen) => seen) ?? "",
    }
  );
}

/** What the last run of a unit that is to end says; undefined while it is under way, or for any other unit. */
function judgeRun(
  { run, runRevision, recordRevision }: UnitView,
  record: UnitRecord,
  wish: Wish,
): Verdict | undefined {
  if (run?.hash !== record.hash || run.generation !== record.generation) return undefined;
  // An older one may be about to be withdrawn.
  if (!wish.settled && (runRevision ?? 0n) < (recordRevision ?? 0n)) return undefined;
  const seen = describeRun(run);
  const machines = run.machine === undefined ? [] : [run.machine];
  switch (run.status) {
    case "scheduled":
    case "finished":
      return { kind: "done", machines, seen };
    case "failed":
    case "lost":
      return {
        kind: "failed",
        reason: run.problem ?? seen,
        ...(run.machine ? { machine: run.machine } : {}),
      };
    case "due":
    case "running":
      return undefined;
    default:
      return run.status satisfies never;
  }
}

/** An answer that is older than the wish may be about to be withdrawn: it counts only once the scheduler had time to. */
function cannotBePlaced(view: UnitView, record: UnitRecord, wish: Wish): boolean {
  if (view.unplaced?.hash !== record.hash) return false;
  return wish.settled || (view.unplacedRevision ?? 0n) > (view.recordRevision ?? 0n);
}

function judgeCopy(copy: UnitCopy, unit: UnitRecord, since: bigint, goal: UpGoal): Verdict {
  const { machine, placement, state } = copy;
  // A machine that is held keeps an earlier file and generation for now, and that is as it should be.
  const record = { ...wishOn(unit, machine), target: unit.target };
  if (placement?.hash !== record.hash || placement.target !== record.target) {
    return { kind: "waiting", missing: "the scheduler to update its placement", machine };
  }
  if (placement.move === "leaving")
    return { kind: "waiting", missing: "it to move to another machine", machine };
  if (!state || state.hash !== record.hash) {
    return { kind: "waiting", missing: "the agent to load it", machine };
  }
  const seen = `${state.active}/${state.sub}`;
  const fresh = (copy.stateRevision ?? 0n) > since;
  const trouble = fresh ? troubleOf(state, record, goal) : undefined;
  if (trouble !== undefined) {
    return { kind: "failed", reason: trouble, machine, seen, unloaded: state.load !== "loaded" };
  }
  if (state.load !== "loaded") return { kind: "waiting", missing: "the agent to load it", machine, seen };
  if (goal === "loaded") return { kind: "done", machines: [machine], seen };
  if (state.generation < record.generation || (isAtRest(state) && !fresh)) {
    const so = state.problem === undefined ? "" : ` (${state.problem})`;
    return { kind: "waiting", missing: `the agent to start it${so}`, machine, seen };
  }
  if (goal === "ready" && state.active === "active" && !isReady(state)) {
    const so = state.published?.problem === undefined ? "" : ` (${state.published.problem})`;
    return { kind: "waiting", missing: `requests to reach it${so}`, machine, seen };
  }
  if (state.active === "active") return { kind: "done", machines: [machine], seen };
  if (isAtRest(state) && state.exitStatus === 0) {
    return { kind: "done", machines: [machine], seen: `completed (${seen})` };
  }
  return { kind: "waiting", missing: "it to become active", machine, seen };
}

/** Why a state, written after the wish, means that the wish has failed; undefined while it may still come true. */
function troubleOf(
  state: UnitState,
  record: Pick<UnitRecord, "generation">,
  goal: UpGoal,
): string | undefined {
  const { problem, exitStatus } = state;
  if (problem !== undefined && state.sub === "auto-restart") return `${problem} (it is tried again)`;
  if (!isAtRest(state) || (goal !== "loaded" && state.generation < record.generation)) return undefined;
  if (problem !== undefined || goal === "loaded") return problem;
  if (exitStatus !== undefined && exitStatus !== 0) return `it exited with status ${exitStatus}`;
  return state.active === "failed" ? `it is ${state.active}/${state.sub}` : undefined;
}

/** True if no process of the unit is alive and none is about to be. */
function isAtRest(state: UnitState): boolean {
  return state.active === "inactive" || state.active === "failed";
}

function judgeStopped(view: UnitView): Verdict {
  const { record } = view;
  if (!record) return { kind: "failed", reason: "someone destroyed it" };
  if (record.target === "launched") return overruled(record);
  for (const { machine, placement, state } of view.copies) {
    const seen = state ? `${state.active}/${state.sub}` : undefined;
    const at = seen === undefined ? { machine } : { machine, seen };
    if (placement?.target === "launched") {
      return { kind: "waiting", missing: "the scheduler to withdraw its start", ...at };
    }
    if (state && isRunning(state)) return { kind: "waiting", missing: "it to stop", ...at };
  }
  const machines = view.copies.filter((copy) => copy.placement || copy.state).map((copy) => copy.machine);
  const states = view.copies.flatMap((copy) =>
    copy.state ? [`${copy.state.active}/${copy.state.sub}`] : [],
  );
  return { kind: "done", machines, seen: states[0] ?? "inactive/dead" };
}

function judgeAbsent(view: UnitView): Verdict {
  for (const { machine, placement, state } of view.copies) {
    const seen = state ? { seen: `${state.active}/${state.sub}` } : {};
    if (placement)
      return { kind: "waiting", missing: "the scheduler to withdraw its placement", machine, ...seen };
    if (state) return { kind: "waiting", missing: "it to leave the machine", machine, ...seen };
  }
  return { kind: "done", machines: [], seen: "inactive" };
}

function overruled(record: UnitRecord): Verdict {
  return { kind: "failed", reason: `someone changed its target state to ${record.target}` };
}
