/**
 * `stop`, `unload`, `destroy` and `restart`: what each asks of a unit that the cluster has, and when there is nothing to ask.
 *
 * Pure. A unit that cannot be stopped or restarted because no machine has it is refused with fleetctl's words; the others go on.
 */
import type { UnitEdit } from "../cluster/ports.ts";
import type { UnitChange } from "./change-units.ts";
import { type Goal, judge, type UnitView } from "./wait.ts";

export type DownVerb = "stop" | "unload" | "destroy" | "restart";

export interface BringDownPlan {
  readonly changes: readonly UnitChange[];
  readonly unchanged: readonly string[];
  /** One line each, for stderr; any of them makes the command fail. */
  readonly refusals: readonly string[];
}

/** What each verb waits for. */
export const downGoals: Readonly<Record<DownVerb, Goal>> = {
  stop: "stopped",
  unload: "inactive",
  destroy: "gone",
  restart: "launched",
};

/** Decides for every named unit. */
export function planBringDown(
  verb: DownVerb,
  names: readonly string[],
  viewOf: (name: string) => UnitView,
): BringDownPlan {
  const changes: UnitChange[] = [];
  const unchanged: string[] = [];
  const refusals: string[] = [];
  for (const name of names) {
    const view = viewOf(name);
    const refusal = refusalOf(verb, name, view);
    if (refusal !== undefined) {
      refusals.push(refusal);
      continue;
    }
    const edits = editsOf(verb, name, view);
    const goal = downGoals[verb];
    const there = edits.length === 0 && judge(view, { goal, settled: true }).kind === "done";
    if (there) unchanged.push(name);
    else changes.push({ name, edits, goal });
  }
  return { changes, unchanged, refusals };
}

function refusalOf(verb: DownVerb, name: string, view: UnitView): string | undefined {
  if (verb !== "stop" && verb !== "restart") return undefined;
  const known = view.record?.target;
  const nowhere = view.copies.length === 0;
  if (known !== "inactive" && !(verb === "stop" && nowhere)) return undefined;
  if (known === "inactive" && !nowhere) return undefined;
  const next = known === "launched" ? `deisctl unload ${name}` : `deisctl start ${name}`;
  const hint =
    known === "launched" ? "no machine has it; withdraw it with" : "no machine has it; start it with";
  return `Unable to ${verb} unit ${name} in state inactive\nHint: ${hint} \`${next}\``;
}

function editsOf(verb: DownVerb, name: string, view: UnitView): UnitEdit[] {
  const target = view.record?.target;
  switch (verb) {
    case "stop":
      return target === "loaded" ? [] : [{ kind: "target", name, target: "loaded" }];
    case "unload":
      return target === "inactive" ? [] : [{ kind: "target", name, target: "inactive" }];
    case "destroy":
      return [{ kind: "destroy", name }];
    case "restart":
      return target === "launched"
        ? [{ kind: "restart", name }]
        : [{ kind: "target", name, target: "launched" }];
    default:
      return verb satisfies never;
  }
}
