/**
 * What agents report of the few units that are being moved, and what it means for the move. The states of a whole cluster may
 * be a million, so only those of machines that take part in a move are looked at. Pure.
 */
import { isReady, type UnitState } from "../cluster/unit-state.ts";
import type { Copy } from "./nodes.ts";

export interface Report {
  readonly state: UnitState;
  /** The store's revision of the state. */
  readonly revision: bigint;
  /** The store's revision of the placement it is a report about, if there is one. */
  readonly placedAt: bigint | undefined;
}

/** States of units on machines that take part in a move, as far as they are known. */
export interface Reports {
  /** False while what the machine's agent has reported is not known yet. */
  knows(machine: string): boolean;
  /** Undefined: nothing is known (yet). */
  of(machine: string, unit: string): Report | undefined;
}

export const noReports: Reports = { knows: () => true, of: () => undefined };

export type Arrival =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "waiting" };

/**
 * How far a copy has come that is to take over. `isSettled` here and below: its placement was written long enough ago for a state
 * that has not changed since to count.
 */
export function arrivalOf(copy: Copy, reports: Reports, isSettled: boolean): Arrival {
  const report = reports.of(copy.machine.id, copy.unit.name);
  if (!report || !(isSettled || isFresh(report)) || !isAbout(copy, report)) return waiting;
  const { state } = report;
  if (copy.as.target !== "launched" && state.load === "loaded") return ready;
  if (isReady(state)) return ready;
  if (state.active === "failed" || brokenLoads.has(state.load)) {
    return { kind: "failed", reason: state.problem ?? `it is ${state.load} and ${state.active} there` };
  }
  // What has run to its end has nothing left to get ready for.
  return state.active === "inactive" && state.exitStatus === 0 ? ready : waiting;
}

const waiting: Arrival = { kind: "waiting" };
const ready: Arrival = { kind: "ready" };
const brokenLoads: ReadonlySet<string> = new Set(["error", "bad-setting", "masked"]);

/** True if the copy is known not to run, and not about to, so that moving it interrupts nothing. */
export function isIdle(copy: Copy, reports: Reports): boolean {
  const report = reports.of(copy.machine.id, copy.unit.name);
  if (!report || !isFresh(report) || !isAbout(copy, report)) return false;
  const { active, exitStatus } = report.state;
  if (active === "failed") return true;
  return active === "inactive" && (copy.as.target !== "launched" || exitStatus !== undefined);
}

/** True once a copy whose placement asked it to stop has stopped. */
export function hasStopped(copy: Copy, reports: Reports, isSettled: boolean): boolean {
  const report = reports.of(copy.machine.id, copy.unit.name);
  if (!report || !(isSettled || isFresh(report))) return false;
  return report.state.active === "inactive" || report.state.active === "failed";
}

/** Reported after the placement was written. */
function isFresh({ revision, placedAt }: Report): boolean {
  return placedAt !== undefined && revision > placedAt;
}

function isAbout({ as }: Copy, { state }: Report): boolean {
  return state.hash === as.hash && state.generation >= as.generation;
}
