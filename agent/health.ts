/**
 * Whether a unit that publishes answers, as a function of what its probes found.
 *
 * The rule here: a run is published only once a probe has succeeded, and no longer after `failuresToWithdraw` have failed one after the other.
 * A run that was published before this agent began is believed in (`assumed`) until its probes say otherwise, so that a restart of the
 * agent moves no request.
 *
 * Pure.
 */

export type Health =
  /** Published by the agent before this one, not yet probed by this. */
  | { readonly kind: "assumed"; readonly failures: number }
  /** No probe has succeeded yet. */
  | { readonly kind: "awaited"; readonly failures: number; readonly problem?: string }
  /** The last `failures` probes failed, those before succeeded. */
  | { readonly kind: "answering"; readonly failures: number }
  /** It answered once, and does no longer. */
  | { readonly kind: "failing"; readonly failures: number; readonly problem: string };

/** So many failed probes in a row withdraw an endpoint. */
export const failuresToWithdraw = 3;

/** After a failed probe of a unit that answered before, the next one comes so soon. */
const doubtMs = 1_000;
/** While a unit does not answer it is probed after 0.1 s, then ever more rarely, so that it is published soon after it does. */
const firstRetryMs = 100;
const longestRetryMs = 2_000;
/** An answering unit is probed this often, and more rarely where there are very many: 100 probes a second at most. */
const periodMs = 5_000;
const perUnitMs = 10;

/** `problem`: why the probe failed, undefined if it succeeded. */
export function afterProbe(health: Health, problem: string | undefined): Health {
  if (problem === undefined) return { kind: "answering", failures: 0 };
  const failures = health.failures + 1;
  if (health.kind === "failing" || health.kind === "awaited") return { kind: health.kind, failures, problem };
  return failures < failuresToWithdraw
    ? { kind: health.kind, failures }
    : { kind: "failing", failures, problem };
}

/** Milliseconds until the next probe. `units`: how many are probed on this machine; `chance`: from [0, 1), spreads the probes. */
export function pauseAfter(health: Health, units: number, chance: number): number {
  if (health.kind === "answering" || health.kind === "assumed") {
    if (health.failures > 0) return doubtMs;
    return Math.max(periodMs, units * perUnitMs) * (0.9 + 0.2 * chance);
  }
  return Math.min(longestRetryMs, firstRetryMs * 1.5 ** Math.min(health.failures, 20)) * (0.9 + 0.2 * chance);
}

/** True if requests may be sent to it, so far as its probes tell. */
export function mayServe(health: Health): boolean {
  return health.kind === "answering" || health.kind === "assumed";
}

/** What to tell people, once it is more than the first moments of a start. */
export function problemOf(health: Health): string | undefined {
  if (health.kind !== "failing" && health.kind !== "awaited") return undefined;
  return health.failures < failuresToWithdraw ? undefined : health.problem;
}
