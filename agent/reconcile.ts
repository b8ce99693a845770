/**
 * What to do about every unit: desired ∥ observed ∥ what was tried, to decisions with reasons. Pure; everything that can be
 * decided is decided here, and `perform.ts` has nothing left to choose.
 *
 * The rules that hold whatever the input:
 * - Silence of the store is never read as "not wanted": without a synced mirror nothing is done, and without authority (the
 *   machine's lease) nothing but fencing.
 * - A unit is left alone when its record, or the runtime that has it, cannot be read.
 * - A unit that runs as it should is never touched; one that failed or ended is left to its own `Restart=`.
 * - `loaded` means that we do not start it. What a timer, a socket or another unit's `Wants=` starts then is not ours to stop.
 * - Within one unit, steps are strictly ordered: what is wrong goes before what is right comes.
 */
import type { Glob } from "../cluster/glob.ts";
import type { RuntimeName } from "../cluster/machine.ts";
import type { RunClaim } from "../cluster/run.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { Desired, Wanted } from "./desired.ts";
import { notStarted, type RuntimeUnit, startBegun } from "./runtime.ts";
import { towardRun } from "./toward-run.ts";

export type Step =
  | { readonly kind: "load"; readonly runtime: RuntimeName; readonly unit: RuntimeUnit }
  | {
      readonly kind: "start";
      readonly runtime: RuntimeName;
      readonly unit: RuntimeUnit;
      readonly generation: number;
    }
  /** Take the unit out of the traffic: what is stopped next gets no request any more. */
  | { readonly kind: "claim"; readonly runtime: RuntimeName; readonly run: string }
  | { readonly kind: "withdraw"; readonly runtime: RuntimeName }
  | { readonly kind: "stop"; readonly runtime: RuntimeName }
  | { readonly kind: "unload"; readonly runtime: RuntimeName }
  | { readonly kind: "acknowledge"; readonly runtime: RuntimeName; readonly generation: number };

/** Steps of one unit, carried out in order until one fails. */
export interface Plan {
  readonly unit: string;
  /** What the steps lead to. Two plans of a unit with one purpose want the same thing. */
  readonly purpose: string;
  readonly reason: string;
  readonly steps: readonly Step[];
}

export type Decision =
  | { readonly kind: "leave"; readonly reason: string }
  | { readonly kind: "act"; readonly plan: Plan }
  /** What is under way leads elsewhere: end it, then decide again. */
  | { readonly kind: "supersede"; readonly reason: string };

/** What one runtime says. */
export interface RuntimeView {
  readonly connected: boolean;
  readonly observed: ReadonlyMap<string, UnitState>;
}

/** A plan under way. */
export interface Flight {
  readonly purpose: string;
  readonly step: Step["kind"];
  /** Since when, on the monotonic clock. */
  readonly startedMs: number;
}

/** A plan that failed, kept until the unit is wanted otherwise or a plan of it succeeds. */
export interface Attempt {
  readonly purpose: string;
  readonly problem: string;
  /** When it failed, RFC 3339. */
  readonly since: string;
  /** When to try again on the monotonic clock; "never" once trying again cannot help. */
  readonly retryAtMs: number | "never";
}

/**
 * Whether this machine's lease is held, so that what is placed here is placed nowhere else. `awaited`: not yet since the agent began; its
 * predecessor's lease may well live, and a restart must touch no unit.
 */
export type Authority = "awaited" | "held" | "lost";

/** Everything a decision depends on. */
export interface Situation {
  /** The mirror has been complete once: `desired` can be believed. */
  readonly synced: boolean;
  readonly authority: Authority;
  readonly desired: ReadonlyMap<string, Desired>;
  readonly runtimes: ReadonlyMap<RuntimeName, RuntimeView>;
  readonly flights: ReadonlyMap<string, Flight>;
  readonly attempts: ReadonlyMap<string, Attempt>;
  /** The runs that this machine has claimed, by unit. */
  readonly claims?: ReadonlyMap<string, RunClaim>;
  /** The `Conflicts=` of units that were wanted here, for as long as they are still to be seen. */
  readonly formerConflicts?: ReadonlyMap<string, readonly Glob[]>;
  /** The monotonic clock, in ms. */
  readonly nowMs: number;
  /** True if requests may be on their way to the unit. */
  readonly mayPublish: (unit: string) => boolean;
}

/** What a plan that stops a unit before the lease lapses is for. */
export const fencedPurpose = "stopped by its fence";
/** What a plan that removes a unit is for. */
export const gonePurpose = "gone";

/** A decision for every unit that is desired, observed or under way, in name order. */
export function reconcile(situation: Situation): ReadonlyMap<string, Decision> {
  const decisions = new Map<string, Decision>();
  const scene = { ...situation, leaving: leavingUnits(situation) };
  for (const name of unitNames(situation)) decisions.set(name, withdrawn(settle(name, scene), situation));
  return decisions;
}

/** A situation and what all its units have to know of each other, found once. */
interface Scene extends Situation {
  /** Units that were sent away from here and still run. */
  readonly leaving: readonly string[];
}

function leavingUnits({ desired, runtimes }: Situation): readonly string[] {
  const leaving: string[] = [];
  for (const { observed } of runtimes.values()) {
    for (const [name, state] of observed)
      if (!desired.has(name) && (isUp(state) || state.active === "deactivating")) leaving.push(name);
  }
  return leaving;
}

/**
 * A unit that requests may be on their way to leaves the traffic before it is stopped. Not when its fence stops it: that must not wait,
 * and without the lease its endpoint goes by itself.
 */
function withdrawn(decision: Decision, { mayPublish }: Situation): Decision {
  if (decision.kind !== "act" || decision.plan.purpose === fencedPurpose || !mayPublish(decision.plan.unit)) {
    return decision;
  }
  const { steps } = decision.plan;
  const at = steps.findIndex(({ kind }) => kind === "stop" || kind === "unload");
  const first = steps[at];
  if (first === undefined) return decision;
  const withdraw: Step = { kind: "withdraw", runtime: first.runtime };
  return { ...decision, plan: { ...decision.plan, steps: steps.toSpliced(at, 0, withdraw) } };
}

/** What a wanted unit's plans lead to, in words that name everything a change of which is a new purpose. */
export function purposeOf(wanted: Wanted): string {
  const run = wanted.run === undefined ? "" : `, run ${wanted.run}`;
  return `${wanted.target} on ${wanted.runtime}, file ${wanted.hash}, generation ${wanted.generation}${run}`;
}

function unitNames({ desired, runtimes, flights }: Situation): string[] {
  const names = new Set([...desired.keys(), ...flights.keys()]);
  for (const view of runtimes.values()) for (const name of view.observed.keys()) names.add(name);
  return [...names].sort();
}

/** The decision from wishes and facts, held back by what is under way and by what failed before. */
function settle(name: string, situation: Scene): Decision {
  const intent = situation.synced
    ? authorised(name, situation)
    : leave("the cluster's state has not been read yet");
  const flight = situation.flights.get(name);
  if (flight) return duringFlight(name, flight, intent, situation);
  if (intent.kind !== "act") return intent;
  const attempt = situation.attempts.get(name);
  if (attempt?.purpose !== intent.plan.purpose) return intent;
  if (attempt.retryAtMs === "never") return leave(`failed for good: ${attempt.problem}`);
  if (situation.nowMs < attempt.retryAtMs) return leave(`will be tried again: ${attempt.problem}`);
  return intent;
}

function authorised(name: string, situation: Scene): Decision {
  switch (situation.authority) {
    case "held":
      return intended(name, situation);
    case "lost":
      return fenced(name, situation);
    case "awaited":
      return leave("this machine has not been announced yet");
    default:
      return situation.authority satisfies never;
  }
}

function duringFlight(name: string, flight: Flight, intent: Decision, situation: Situation): Decision {
  const { synced, authority } = situation;
  const wish = situation.desired.get(name);
  if (!synced || wish?.kind === "unknown") return leave(`${flight.step} is under way`);
  if (authority === "awaited") return leave(`${flight.step} is under way`);
  if (authority === "lost") {
    // A start under way may not show in what is observed yet; for a fenced unit it must end all the same.
    const mustEnd = wish?.fence === true && flight.purpose !== fencedPurpose;
    return mustEnd ? { kind: "supersede", reason: fenceReason } : leave(`${flight.step} is under way`);
  }
  const purpose = wish ? purposeOf(wish) : gonePurpose;
  if (flight.purpose === purpose) return leave(`${flight.step} is under way`);
  const reason = intent.kind === "act" ? intent.plan.reason : `it is now wanted ${purpose}`;
  return { kind: "supersede", reason };
}

const fenceReason = "this machine's lease is about to lapse and the unit must never run twice";

/** Without the lease: stop what must never run twice, and touch nothing else. */
function fenced(name: string, { desired, runtimes }: Situation): Decision {
  const wish = desired.get(name);
  if (wish?.kind !== "wanted" || !wish.fence)
    return leave("the store cannot be reached, and nothing is decided without it");
  const view = runtimes.get(wish.runtime);
  const state = view?.observed.get(name);
  if (!view?.connected || !state || !isUp(state)) return leave("fenced, and it does not run");
  return act(name, fencedPurpose, fenceReason, stopSteps(wish.runtime));
}

function intended(name: string, situation: Scene): Decision {
  const wish = situation.desired.get(name);
  if (wish === undefined) return unwanted(name, situation);
  if (wish.kind === "unknown") return leave(wish.reason);
  const view = situation.runtimes.get(wish.runtime);
  if (!view?.connected) return leave(`${wish.runtime} cannot be reached`);
  const strays = [...situation.runtimes].filter(
    ([at, { observed }]) => at !== wish.runtime && observed.has(name),
  );
  for (const [at, { connected }] of strays) {
    if (!connected) return leave(`it may still run on ${at}, which cannot be reached`);
  }
  const evict: Step[] = strays.map(([at]) => ({ kind: "unload", runtime: at }));
  const next = nextStep(wish, view.observed.get(name), situation);
  if (next.kind === "act" && next.plan.steps.some(({ kind }) => kind === "start")) {
    const rival = leavingRival(wish, situation);
    if (rival !== undefined) return leave(`it waits until "${rival}", which it conflicts with, has stopped`);
  }
  if (evict.length === 0) return next;
  const reason = `its file moved it from ${strays.map(([at]) => at).join(", ")} to ${wish.runtime}`;
  return act(name, purposeOf(wish), reason, [...evict, ...(next.kind === "act" ? next.plan.steps : [])]);
}

function nextStep(wish: Wanted, state: UnitState | undefined, { claims }: Situation): Decision {
  const { run } = wish;
  if (run === undefined || wish.target !== "launched") return toward(wish, state);
  const { reason, steps } = towardRun({ ...wish, run }, state, claims?.get(wish.name), {
    load: [load(wish, notStarted)],
    start: startSteps(wish),
    stop: stopSteps(wish.runtime),
    unload: [
      { kind: "stop", runtime: wish.runtime },
      { kind: "unload", runtime: wish.runtime },
    ],
  });
  return steps.length === 0 ? leave(reason) : act(wish.name, purposeOf(wish), reason, steps);
}

/**
 * A unit that was sent away from here, still runs, and conflicts with this one, by its own file or by this one's. The scheduler
 * gives a place away as soon as it is withdrawn; only here can be seen when it is free.
 */
function leavingRival(wish: Wanted, { leaving, formerConflicts }: Scene): string | undefined {
  const refuses = (globs: readonly Glob[], name: string): boolean => globs.some((glob) => glob.matches(name));
  return leaving.find(
    (other) => refuses(wish.conflicts, other) || refuses(formerConflicts?.get(other) ?? [], wish.name),
  );
}

function unwanted(name: string, { runtimes }: Situation): Decision {
  const holders = [...runtimes].filter(([, view]) => view.observed.has(name));
  const steps: Step[] = holders
    .filter(([, view]) => view.connected)
    .map(([runtime]) => ({ kind: "unload", runtime }));
  if (steps.length > 0) return act(name, gonePurpose, "not placed here", steps);
  return leave(holders.length > 0 ? `${holders[0]?.[0]} cannot be reached` : "gone");
}

/** From what its own runtime shows of a unit to what is wanted of it. */
function toward(wish: Wanted, state: UnitState | undefined): Decision {
  const { name, runtime } = wish;
  const purpose = purposeOf(wish);
  const fresh = [load(wish, notStarted), ...(wish.target === "launched" ? startSteps(wish) : [])];
  if (state === undefined) return act(name, purpose, `placed here, target ${wish.target}`, fresh);
  if (state.hash !== wish.hash) {
    const reason = `its unit file changed from ${short(state.hash)} to ${short(wish.hash)}`;
    return act(name, purpose, reason, [{ kind: "stop", runtime }, { kind: "unload", runtime }, ...fresh]);
  }
  if (state.load === "not-found") {
    return act(name, purpose, `${runtime} no longer finds its unit file`, [load(wish, state.generation)]);
  }
  return wish.target === "launched" ? towardLaunched(wish, state) : towardLoaded(wish, state);
}

function towardLaunched(wish: Wanted, state: UnitState): Decision {
  const { name, runtime, generation } = wish;
  const purpose = purposeOf(wish);
  const acknowledge: Step = { kind: "acknowledge", runtime, generation };
  if (state.generation === notStarted || state.generation === startBegun) {
    if (isUp(state)) return act(name, purpose, `it runs already: ${shown(state)}`, [acknowledge]);
    if (state.active === "deactivating") return leave("it is still stopping");
    return act(name, purpose, `target launched, and it is ${shown(state)}`, startSteps(wish));
  }
  if (state.generation < generation) {
    const reason = `restart ${generation} was asked for, ${state.generation} was carried out`;
    return act(name, purpose, reason, [...stopSteps(runtime), ...startSteps(wish)]);
  }
  // A unit destroyed and created again counts from 0: without this its next restarts would be taken for done.
  if (state.generation > generation) {
    const reason = `restarts are counted from ${generation} again, not ${state.generation}`;
    return act(name, purpose, reason, [acknowledge]);
  }
  switch (state.active) {
    case "failed":
      return leave("failed: only its Restart= policy, a restart, a new file or a new target start it again");
    case "inactive":
      return leave("it was started and has ended");
    default:
      return leave(`as wanted: ${shown(state)}`);
  }
}

function towardLoaded(wish: Wanted, state: UnitState): Decision {
  const { name, runtime } = wish;
  if (isUp(state) && state.generation === notStarted) return leave("made ready here, and started by others");
  if (isUp(state)) {
    return act(name, purposeOf(wish), `target loaded, and it is ${shown(state)}`, stopSteps(runtime));
  }
  if (state.active === "deactivating") return leave("it is still stopping");
  if (state.generation === notStarted) return leave(`as wanted: ${shown(state)}`);
  const forget: Step = { kind: "acknowledge", runtime, generation: notStarted };
  return act(name, purposeOf(wish), `target loaded, and it is ${shown(state)}`, [forget]);
}

function load({ name, text, hash, runtime }: Wanted, generation: number): Step {
  return { kind: "load", runtime, unit: { name, text, hash, generation } };
}

/** The acknowledgement follows the start: a crash in between is seen as "runs already", never as one more restart. */
function startSteps({ name, text, hash, generation, runtime }: Wanted): Step[] {
  return [
    { kind: "start", runtime, unit: { name, text, hash, generation: startBegun }, generation },
    { kind: "acknowledge", runtime, generation },
  ];
}

function stopSteps(runtime: RuntimeName): Step[] {
  return [
    { kind: "stop", runtime },
    { kind: "acknowledge", runtime, generation: notStarted },
  ];
}

function isUp(state: UnitState): boolean {
  return state.active === "active" || state.active === "activating" || state.active === "reloading";
}

function shown(state: UnitState): string {
  return `${state.active} (${state.sub})`;
}

function short(hash: string): string {
  return hash.slice(0, 7);
}

function act(unit: string, purpose: string, reason: string, steps: readonly Step[]): Decision {
  return { kind: "act", plan: { unit, purpose, reason, steps } };
}

function leave(reason: string): Decision {
  return { kind: "leave", reason };
}
