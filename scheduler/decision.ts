/** What a pass decides, as data with reasons. Every decision is also the write that carries it out. */
import type { Placement, Unplaced } from "../cluster/placement.ts";
import type { SchedulerWrite } from "../cluster/ports.ts";
import type { Answer } from "../cluster/question.ts";
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
    | { readonly kind: "announce-app"; readonly app: string; readonly reason: string }
    | { readonly kind: "retire-app"; readonly app: string; readonly reason: string }
    | { readonly kind: "end-move"; readonly unit: string; readonly revision: bigint; readonly reason: string }
    | {
        readonly kind: "answer";
        readonly id: string;
        readonly lease: string;
        readonly answer: Answer;
        readonly reason: string;
      }
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
