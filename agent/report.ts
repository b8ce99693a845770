/**
 * What to tell the cluster about this machine's units. Pure: what is true, less what was written before.
 *
 * The rule here: a state is written only when it differs from the one in the store, and never from a guess. Where a runtime
 * cannot be reached its units keep the states last written.
 */
import type { StateWrite } from "../cluster/ports.ts";
import type { PublishedState, UnitState } from "../cluster/unit-state.ts";
import type { Desired, Wanted } from "./desired.ts";
import { longFlightMs } from "./perform.ts";
import { type Attempt, type Flight, purposeOf, type Situation } from "./reconcile.ts";
import { notStarted } from "./runtime.ts";

/** The states in the store, as last written or read, by unit. */
export type Written = ReadonlyMap<string, UnitState>;

export interface ReportInput extends Omit<Situation, "authority" | "mayPublish"> {
  readonly written: Written;
  /** How far units that publish have come. */
  readonly published: ReadonlyMap<string, PublishedState>;
  /** RFC 3339, for states that begin now. */
  readonly now: string;
}

/** The writes that make the store say what is true, in unit order; none if it does. Nothing before the mirror is synced. */
export function stateWrites(input: ReportInput): readonly StateWrite[] {
  if (!input.synced) return [];
  const writes: StateWrite[] = [];
  for (const unit of unitNames(input)) {
    const before = input.written.get(unit);
    const state = unitState(unit, input);
    if (state === undefined) {
      if (before !== undefined) writes.push({ kind: "retract", unit });
    } else if (before === undefined || !sameState(before, state)) {
      writes.push({ kind: "report", unit, state });
    }
  }
  return writes;
}

/** The attempts that an agent before this one reported as failed for good, so that its successor neither repeats nor forgets them. */
export function failedBefore(
  desired: ReadonlyMap<string, Desired>,
  written: Written,
): ReadonlyMap<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  for (const [unit, state] of written) {
    const wish = desired.get(unit);
    if (wish?.kind !== "wanted" || state.problem === undefined || state.active !== "failed") continue;
    if (state.hash !== wish.hash || state.generation !== wish.generation) continue;
    attempts.set(unit, {
      purpose: purposeOf(wish),
      problem: state.problem,
      since: state.since,
      retryAtMs: "never",
    });
  }
  return attempts;
}

function unitNames({ desired, runtimes, written }: ReportInput): string[] {
  const names = new Set([...desired.keys(), ...written.keys()]);
  for (const view of runtimes.values()) for (const name of view.observed.keys()) names.add(name);
  return [...names].sort();
}

/** What the store should say of a unit, undefined if nothing. */
function unitState(unit: string, input: ReportInput): UnitState | undefined {
  const wish = input.desired.get(unit);
  const before = input.written.get(unit);
  const flight = input.flights.get(unit);
  // What a young plan passes through is out of date before it is written.
  if (flight && input.nowMs - flight.startedMs < longFlightMs) return before;
  const holder = [...input.runtimes.values()].find((view) => view.observed.has(unit));
  const observed = holder?.observed.get(unit);
  // The end that a stop of ours makes is told once its plan is over: of a unit that is wanted again it would pass for a failure.
  if (flight && isStopping(flight) && (observed?.active === "inactive" || observed?.active === "failed"))
    return before;
  if (holder && observed) {
    if (!holder.connected) return before;
    return publishing(recalled(whenObserved(wish, observed, input.attempts.get(unit)), before), wish, input);
  }
  if (wish === undefined) return undefined;
  const state = whenAbsent(wish, flight, input);
  return state && publishing(state, wish, input);
}

function isStopping({ step }: Flight): boolean {
  return step === "stop" || step === "acknowledge";
}

function isAtRest({ active }: UnitState): boolean {
  return active === "inactive" || active === "failed";
}

/** True of a unit that we stopped, and that is wanted running again. */
function isToBeStarted({ target }: Wanted, observed: UnitState): boolean {
  return target === "launched" && observed.generation === notStarted && isAtRest(observed);
}

/** How the run before ended is no news of the one that is wanted. */
function withoutEnd({ exitStatus: _status, problem: _problem, ...state }: UnitState): UnitState {
  return state.active === "failed" ? { ...state, active: "inactive", sub: "dead" } : state;
}

/** With what is known of its endpoint: of a unit whose file cannot be read, what was said before. */
function publishing(state: UnitState, wish: Desired | undefined, input: ReportInput): UnitState {
  const { published: _former, ...bare } = state;
  if (wish === undefined || (wish.kind === "wanted" && wish.publication === undefined)) return bare;
  const before = input.written.get(wish.name)?.published;
  const asked = wish.kind === "wanted" ? wish.publication : undefined;
  const known = (asked && input.published.get(wish.name)) ?? before;
  const published = known ?? (asked && { service: asked.service, routed: false });
  return published ? { ...bare, published } : bare;
}

function whenObserved(
  wish: Desired | undefined,
  observed: UnitState,
  attempt: Attempt | undefined,
): UnitState {
  if (wish === undefined) return withGeneration(observed, 0);
  if (wish.kind === "unknown") {
    const state = withGeneration(observed, wish.generation ?? 0);
    return wish.isProblem ? { ...state, problem: `Left as it is: ${wish.reason}` } : state;
  }
  const state = withGeneration(observed, doneGeneration(wish, observed, attempt));
  if (attempt?.purpose !== purposeOf(wish) && isToBeStarted(wish, observed)) return withoutEnd(state);
  if (attempt?.purpose !== purposeOf(wish) || observed.active === "active") return state;
  const problem = observed.problem ?? attempt.problem;
  if (wish.target !== "launched" || observed.active !== "inactive") return { ...state, problem };
  return { ...state, ...missed(attempt), problem };
}

function whenAbsent(wish: Desired, flight: Flight | undefined, input: ReportInput): UnitState | undefined {
  const before = input.written.get(wish.name);
  if (wish.kind === "unknown") {
    if (!wish.isProblem) return before;
    const unread = { load: "error", active: "inactive", sub: "dead", hash: wish.hash ?? before?.hash };
    if (unread.hash === undefined) return undefined;
    const state = { ...unread, hash: unread.hash, generation: wish.generation ?? before?.generation ?? 0 };
    return dated({ ...state, since: input.now, problem: `Nothing was done: ${wish.reason}` }, before);
  }
  const { hash, generation } = wish;
  const attempt = input.attempts.get(wish.name);
  if (flight) {
    const loading = {
      load: "not-found",
      active: "activating",
      sub: flight.step,
      hash,
      generation: generation - 1,
    };
    return dated({ ...loading, generation: Math.max(0, generation - 1), since: input.now }, before);
  }
  const isReachable = input.runtimes.get(wish.runtime)?.connected ?? false;
  // It may be there all the same: what was said of it still is the best we know.
  if (!isReachable && before?.hash === hash) return before;
  if (attempt?.purpose === purposeOf(wish)) {
    const done = attempt.retryAtMs === "never" ? generation : Math.max(0, generation - 1);
    return { load: "error", ...missed(attempt), hash, generation: done, problem: attempt.problem };
  }
  if (!isReachable) {
    const state = { load: "error", active: "inactive", sub: "dead", hash, generation: 0, since: input.now };
    return dated({ ...state, problem: `${wish.runtime} cannot be reached on this machine` }, before);
  }
  return before;
}

/** A start that was tried and is not up: systemd's words for "given up" and for "will be tried again". */
function missed({ since, retryAtMs }: Attempt): Pick<UnitState, "active" | "sub" | "since"> {
  return retryAtMs === "never"
    ? { active: "failed", sub: "failed", since }
    : { active: "activating", sub: "auto-restart", since };
}

/** The restart generation that is done: of a unit not started since it was loaded, none but those that need no start. */
function doneGeneration(wish: Wanted, observed: UnitState, attempt: Attempt | undefined): number {
  if (observed.generation >= 0) return observed.generation;
  const gaveUp = attempt?.purpose === purposeOf(wish) && attempt.retryAtMs === "never";
  return wish.target === "loaded" || gaveUp ? wish.generation : Math.max(0, wish.generation - 1);
}

function withGeneration(state: UnitState, otherwise: number): UnitState {
  return { ...state, generation: state.generation < 0 ? otherwise : state.generation };
}

/** The state of before if it says the same but for its date. */
function dated(state: UnitState, before: UnitState | undefined): UnitState {
  return before && sameRun({ ...state, since: before.since }, before) ? before : state;
}

/**
 * The state of before if the runtime has merely forgotten some of it: systemd drops what it knew of a unit that has ended (its exit status,
 * since when) as soon as nobody asks for it any more.
 */
function recalled(state: UnitState, before: UnitState | undefined): UnitState {
  if (state.active !== "inactive" || state.exitStatus !== undefined || before?.exitStatus === undefined)
    return state;
  const { exitStatus, since } = before;
  return sameRun({ ...state, exitStatus, since }, before) ? before : state;
}

function sameState(a: UnitState, b: UnitState): boolean {
  return (
    sameRun(a, b) &&
    a.published?.service === b.published?.service &&
    a.published?.endpoint === b.published?.endpoint &&
    a.published?.routed === b.published?.routed &&
    a.published?.problem === b.published?.problem
  );
}

/** The same but for what is published. */
function sameRun(a: UnitState, b: UnitState): boolean {
  return (
    a.load === b.load &&
    a.active === b.active &&
    a.sub === b.sub &&
    a.hash === b.hash &&
    a.generation === b.generation &&
    a.since === b.since &&
    a.exitStatus === b.exitStatus &&
    a.containerId === b.containerId &&
    a.problem === b.problem
  );
}
