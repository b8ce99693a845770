/**
 * How far a unit has come on its way from one machine to another, judged from one look at the cluster. Pure.
 *
 * A unit that may run twice has a second placement, `arriving`, until that one is ready; another is `leaving` until it has stopped, and
 * then starts elsewhere. The scheduler alone moves; this only reads.
 */
import { judge, type UnitView } from "./wait.ts";

export type Moving =
  /** It is where it was; `why` is the scheduler's sentence that it has to stay. */
  | { readonly kind: "there"; readonly why?: string }
  | { readonly kind: "arriving"; readonly to: string; readonly seen: string }
  | { readonly kind: "stopping" }
  /** Another machine has it; where it was it has not ended yet. */
  | { readonly kind: "parting"; readonly to: string; readonly seen: string }
  /** It has left and is not ready where it is now. */
  | { readonly kind: "landing"; readonly to: string; readonly missing: string }
  | { readonly kind: "moved"; readonly to: string; readonly seen: string }
  | { readonly kind: "failed"; readonly to: string; readonly reason: string }
  /** It has left and is nowhere; `why` says why no machine takes it. */
  | { readonly kind: "nowhere"; readonly why?: string }
  /** It is not wanted on any machine any more. */
  | { readonly kind: "ended" };

/** `since` is the store's revision after which a state speaks about the move. */
export function judgeMove(view: UnitView, from: string, since: bigint): Moving {
  const { record, copies } = view;
  if (!record || record.target === "inactive") return { kind: "ended" };
  const placed = copies.filter(({ placement }) => placement !== undefined);
  const there = placed.find(({ machine }) => machine === from);
  const other = placed.find(({ machine }) => machine !== from);
  const why = view.unplaced?.hash === record.hash ? { why: view.unplaced.reason } : {};
  if (there) {
    if (other) {
      const state = other.state;
      const problem = state?.problem === undefined ? "" : ` (${state.problem})`;
      const seen = state ? `${state.active}/${state.sub}${problem}` : "not loaded yet";
      return { kind: "arriving", to: other.machine, seen };
    }
    return there.placement?.move === "leaving" ? { kind: "stopping" } : { kind: "there", ...why };
  }
  if (!other) return { kind: "nowhere", ...why };
  const to = other.machine;
  const old = copies.find(({ machine, state }) => machine === from && state !== undefined);
  if (old?.state) return { kind: "parting", to, seen: `${old.state.active}/${old.state.sub}` };
  const goal = record.target === "launched" ? "ready" : "loaded";
  const own = { ...view, copies: [other], recordRevision: since };
  const verdict = judge(own, { goal, settled: true });
  switch (verdict.kind) {
    case "done":
      return { kind: "moved", to, seen: verdict.seen };
    case "failed":
    case "unplaceable":
      return { kind: "failed", to, reason: verdict.reason };
    case "waiting":
      return { kind: "landing", to, missing: verdict.missing };
    default:
      return verdict satisfies never;
  }
}

/** True once nothing more happens by itself. */
export function isSettled(moving: Moving): boolean {
  return moving.kind === "moved" || moving.kind === "failed" || moving.kind === "ended";
}

/** What a person reads about one step, without the unit's name. */
export function movingText(moving: Moving, label: (machine: string) => string): string {
  switch (moving.kind) {
    case "there":
      return moving.why === undefined ? "not on its way yet" : moving.why;
    case "arriving":
      return `moving to ${label(moving.to)}: ${moving.seen}`;
    case "stopping":
      return "stopping, to start elsewhere";
    case "parting":
      return `moved to ${label(moving.to)}, not gone yet where it was: ${moving.seen}`;
    case "landing":
      return `moved to ${label(moving.to)}, waiting for ${moving.missing}`;
    case "moved":
      return `moved to ${label(moving.to)}: ${moving.seen}`;
    case "failed":
      return `moved to ${label(moving.to)} and failed there: ${moving.reason}`;
    case "nowhere":
      return moving.why === undefined ? "on no machine" : moving.why;
    case "ended":
      return "not wanted any more";
    default:
      return moving satisfies never;
  }
}
