/**
 * What to tell the cluster about runs and failures on this machine. Pure: what is true, less what was told before.
 *
 * A claim is written by the plan that begins the run; here its end is added. The claim of an earlier run is left to be
 * overwritten by the next one's, never taken back while a run is wanted: the two writes could overtake each other.
 */
import type { OutcomeWrite } from "../cluster/ports.ts";
import { type Failures, type Outcome, type RunClaim, sameRecord } from "../cluster/run.ts";
import type { Wanted } from "./desired.ts";
import { purposeOf, type Situation } from "./reconcile.ts";
import { endOfRun } from "./toward-run.ts";

export interface OutcomeInput extends Situation {
  /** What the store says, by unit. */
  readonly told: ReadonlyMap<string, Outcome>;
  /** What was counted, by unit. */
  readonly failures: ReadonlyMap<string, Failures>;
  /** RFC 3339. */
  readonly now: string;
}

/** The writes that make the store say what is true, in unit order; none if it does. */
export function outcomeWrites(input: OutcomeInput): readonly OutcomeWrite[] {
  const { synced, desired, told, failures } = input;
  if (!synced) return [];
  const writes: OutcomeWrite[] = [];
  for (const unit of [...new Set([...desired.keys(), ...told.keys()])].sort()) {
    const before = told.get(unit);
    const wish = desired.get(unit);
    if (wish?.kind === "unknown") continue;
    if (wish === undefined) {
      if (before !== undefined && isGone(unit, input)) writes.push({ kind: "retract", unit });
      continue;
    }
    const claim = claimNow(wish, before?.claim, input);
    const failed = wish.moveAfterFailures === undefined ? undefined : failures.get(unit);
    if (before === undefined && claim === undefined && failed === undefined) continue;
    const outcome = { ...(claim ? { claim } : {}), ...(failed ? { failures: failed } : {}) };
    if (sameRecord(outcome, before)) continue;
    const isBlank = claim === undefined && failed === undefined;
    writes.push(isBlank ? { kind: "retract", unit } : { kind: "tell", unit, outcome });
  }
  return writes;
}

function isGone(unit: string, { flights, runtimes }: OutcomeInput): boolean {
  return !flights.has(unit) && ![...runtimes.values()].some(({ observed }) => observed.has(unit));
}

function claimNow(wish: Wanted, claim: RunClaim | undefined, input: OutcomeInput): RunClaim | undefined {
  if (wish.run === undefined) return undefined;
  if (claim === undefined || claim.run !== wish.run || claim.ended !== undefined) return claim;
  if (input.flights.has(wish.name)) return claim;
  const attempt = input.attempts.get(wish.name);
  const view = input.runtimes.get(wish.runtime);
  if (attempt?.purpose === purposeOf(wish) && attempt.retryAtMs === "never") {
    const status = view?.observed.get(wish.name)?.exitStatus;
    const { since, problem } = attempt;
    return {
      ...claim,
      ended: since,
      ok: false,
      ...(status === undefined ? {} : { exitStatus: status }),
      problem,
    };
  }
  if (!view?.connected) return claim;
  return endOfRun(claim, view.observed.get(wish.name), wish.runs === "each-tick", input.now) ?? claim;
}
