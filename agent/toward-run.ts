/**
 * What to do about a unit that is to end: its run is claimed, then started, once. Pure.
 *
 * A claim in the store is what tells a run that was begun from one that was not: it outlives the agent and the host's boot, so
 * that neither a restart nor a reboot runs a unit again that has ended. A run that was claimed and shows no trace here was cut
 * short: with `RunOnce=` it is begun again, with `OnCalendar=` it is over.
 */
import type { RunClaim } from "../cluster/run.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { Wanted } from "./desired.ts";
import type { Step } from "./reconcile.ts";
import { notStarted, startBegun } from "./runtime.ts";

/** Steps with their reason, or the reason for none. */
export type TowardRun = { readonly reason: string; readonly steps: readonly Step[] };

/** The steps that a wanted unit's own plan is made of. */
export interface RunSteps {
  readonly load: readonly Step[];
  readonly start: readonly Step[];
  readonly stop: readonly Step[];
  readonly unload: readonly Step[];
}

/** From what its runtime shows of a unit, and what is claimed, to the run that is wanted. */
export function towardRun(
  wish: Wanted & { readonly run: string },
  state: UnitState | undefined,
  claim: RunClaim | undefined,
  steps: RunSteps,
): TowardRun {
  if (claim?.run !== wish.run) return towardNewRun(wish, state, steps);
  if (claim.ended !== undefined) return { reason: "its run has ended", steps: [] };
  if (state?.active === "deactivating") return { reason: "it is still stopping", steps: [] };
  if (!isCutShort(state)) {
    if (state && !wasStarted(state)) {
      const acknowledge: Step = {
        kind: "acknowledge",
        runtime: wish.runtime,
        generation: wish.generation,
      };
      return { reason: "its run is under way", steps: [acknowledge] };
    }
    return { reason: "its run is under way", steps: [] };
  }
  if (wish.runs === "each-tick") return { reason: "its run was cut short", steps: [] };
  const begin = state === undefined ? [...steps.load, ...steps.start] : steps.start;
  return { reason: `its run of ${wish.run} was cut short, and is begun again`, steps: begin };
}

function towardNewRun(
  { run, runtime, hash }: Wanted & { readonly run: string },
  state: UnitState | undefined,
  { load, start, stop, unload }: RunSteps,
): TowardRun {
  const reason = `its run of ${run} is due`;
  const begin: readonly Step[] = [{ kind: "claim", runtime, run }, ...start];
  if (state === undefined) return { reason, steps: [...load, ...begin] };
  if (state.active === "deactivating") return { reason: "it is still stopping", steps: [] };
  if (state.hash !== hash) return { reason, steps: [...unload, ...load, ...begin] };
  const loaded = state.load === "not-found" ? load : [];
  return { reason, steps: [...(isUp(state) ? stop : []), ...loaded, ...begin] };
}

/** How a run that is claimed and not over stands by what the runtime shows; `undefined` while it is under way. */
export function endOfRun(
  claim: RunClaim,
  state: UnitState | undefined,
  isTimer: boolean,
  now: string,
): RunClaim | undefined {
  if (isCutShort(state)) {
    if (!isTimer) return undefined;
    return { ...claim, ended: now, ok: false, problem: "the run was cut short, and nobody saw its end" };
  }
  if (state === undefined || !wasStarted(state)) return undefined;
  const { active, sub, since, exitStatus, problem } = state;
  const details = {
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(problem === undefined ? {} : { problem }),
  };
  if (active === "failed") return { ...claim, ended: since, ok: false, ...details };
  if (active === "inactive") return { ...claim, ended: since, ok: (exitStatus ?? 0) === 0, ...details };
  // A oneshot with RemainAfterExit= has ended, and says so by its sub state.
  if (active === "active" && sub === "exited") return { ...claim, ended: since, ok: true, ...details };
  return undefined;
}

/** It was claimed, and nothing of it is to be seen: its start was not reached, or a reboot came between. */
function isCutShort(state: UnitState | undefined): boolean {
  return state === undefined || (!wasStarted(state) && !isUp(state) && state.active !== "deactivating");
}

function wasStarted({ generation }: UnitState): boolean {
  return generation !== notStarted && generation !== startBegun;
}

function isUp({ active }: UnitState): boolean {
  return active === "active" || active === "activating" || active === "reloading";
}
