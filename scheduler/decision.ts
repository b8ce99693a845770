/** What a pass decides, as data with reasons. Every decision is also the write that carries it out. */
import type { Placement, Unplaced } from "../cluster/placement.ts";
import type { SchedulerWrite } from "../cluster/ports.ts";
import type { Run, Tried } from "../cluster/run.ts";

export type Decision = SchedulerWrite &
  (
    | { readonly kind: "place"; readonly placement: Placement }
    | { readonly kind: "withdraw"; readonly machine: string; readonly unit: string; readonly reason: string }
    | { readonly kind: "park"; readonly unit: string; readonly unplaced: Unplaced }
    | { readonly kind: "unpark"; readonly unit: string; readonly reason: string }
    | { readonly kind: "record-run"; readonly unit: string; readonly run: Run; readonly reason: string }
    | { readonly kind: "forget-run"; readonly unit: string; readonly reason: string }
    | {
        readonly kind: "record-failures";
        readonly unit: string;
        readonly tried: Tried;
        readonly reason: string;
      }
    | { readonly kind: "forget-failures"; readonly unit: string; readonly reason: string }
    | { readonly kind: "sweep-states"; readonly machine: string; readonly reason: string }
    | {
        readonly kind: "collect-file";
        readonly hash: string;
        readonly revision: bigint;
        readonly reason: string;
      }
  );

/** The sentence that goes with a decision. */
export function reasonOf(decision: Decision): string {
  switch (decision.kind) {
    case "place":
      return decision.placement.reason;
    case "park":
      return decision.unplaced.reason;
    default:
      return decision.reason;
  }
}
