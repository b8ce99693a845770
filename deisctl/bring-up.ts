/**
 * `submit`, `load` and `start`: three heights of one climb, known → loaded → launched.
 *
 * `planBringUp` decides from what the cluster has and what the operator has; it is pure. Nothing is written unless every file of
 * the command is valid and may be used as asked.
 */
import { PlatformError } from "../cluster/errors.ts";
import type { UnitEdit } from "../cluster/ports.ts";
import type { TargetState, UnitRecord } from "../cluster/unit.ts";
import { isTemplate } from "../cluster/unit-name.ts";
import type { UnitChange } from "./change-units.ts";
import type { ResolvedUnit, Source } from "./unit-arguments.ts";
import { judge, type UnitView } from "./wait.ts";

export interface BringUpPlan {
  readonly changes: readonly UnitChange[];
  readonly unchanged: readonly string[];
  /** For stdout: nothing went wrong, but the operator may have expected more. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export interface BringUpRequest {
  readonly target: TargetState;
  /** Take the operator's text where the cluster has another. */
  readonly replace: boolean;
}

const height: Readonly<Record<TargetState, number>> = { inactive: 0, loaded: 1, launched: 2 };

/** Throws `template-not-startable` for a template that is to be loaded or launched; before that nothing is decided. */
export function planBringUp(
  units: readonly ResolvedUnit[],
  viewOf: (name: string) => UnitView,
  request: BringUpRequest,
): BringUpPlan {
  for (const { name } of units) if (request.target !== "inactive") refuseTemplate(name);
  const plan = {
    changes: [] as UnitChange[],
    unchanged: [] as string[],
    notes: [] as string[],
    warnings: [] as string[],
  };
  for (const unit of units) {
    const step = stepFor(unit, viewOf(unit.name), request);
    plan.notes.push(...(step.note === undefined ? [] : [step.note]));
    plan.warnings.push(...(step.warnings ?? []));
    if (step.change) plan.changes.push(step.change);
    else plan.unchanged.push(unit.name);
  }
  return plan;
}

interface Step {
  readonly change?: UnitChange;
  readonly note?: string;
  readonly warnings?: readonly string[];
}

function stepFor(unit: ResolvedUnit, view: UnitView, request: BringUpRequest): Step {
  const { name, record, source } = unit;
  const { target, replace } = request;
  if (!record) return source ? { change: submission(unit, source.text, source.hash, target) } : {};
  if (!source) return raise(unit, view, request);
  if (source.hash === record.hash) {
    const step = raise(unit, view, request);
    if (replace && unit.stored !== undefined && unit.stored !== source.text && !record.held) {
      return rewritten(unit, record, source, step);
    }
    return replace ? { ...step, note: `Found same Unit(${name}) in Registry, nothing to do` } : step;
  }
  if (!replace) {
    const warning = `WARNING: Unit ${name} in registry differs from local unit file ${source.origin}. Add --replace to override.`;
    const step = raise(unit, view, request);
    return { ...step, warnings: [warning, ...(step.warnings ?? [])] };
  }
  if (height[record.target] > height[target]) {
    const warning = `Warning: can not replace Unit(${name}) in state '${record.target}', use the appropriate command`;
    return { warnings: [warning] };
  }
  return { change: submission(unit, source.text, source.hash, target) };
}

/** The same assignments with other comments: the text is kept as it is written now, and nothing that runs is touched. */
function rewritten(unit: ResolvedUnit, record: UnitRecord, { hash, text }: Source, step: Step): Step {
  const { name } = unit;
  const { target } = record;
  const edit: UnitEdit = { kind: "submit", name, hash, text, target, expected: record };
  const change = step.change ?? { name, edits: [], goal: target };
  return {
    ...step,
    change: { ...change, edits: [edit, ...change.edits] },
    note: `Found same Unit(${name}) in Registry, only its comments or spacing were replaced`,
  };
}

function submission(unit: ResolvedUnit, text: string, hash: string, target: TargetState): UnitChange {
  const { name, record } = unit;
  const edit: UnitEdit = { kind: "submit", name, hash, text, target, expected: record };
  // A submit is told as its outcome; a load or start says first that the unit is known now.
  return {
    name,
    edits: [edit],
    goal: target,
    ...(target === "inactive" ? {} : { announcement: `Unit ${name} inactive` }),
  };
}

/** A unit that the cluster has: raise its target if it is lower, start it again if it failed, wait if it is on its way. */
function raise(unit: ResolvedUnit, view: UnitView, request: BringUpRequest): Step {
  const { name, record } = unit;
  const { target } = request;
  if (!record || target === "inactive") return {};
  const goal = target;
  if (height[record.target] < height[target]) {
    return { change: { name, edits: [{ kind: "target", name, target }], goal } };
  }
  if (height[record.target] > height[target]) {
    return {
      warnings: [
        `Unit ${name} is ${record.target} already; \`deisctl stop ${name}\` stops it and keeps it loaded`,
      ],
    };
  }
  const verdict = judge(view, { goal, settled: true });
  if (verdict.kind === "done") return {};
  const again = verdict.kind === "failed" && target === "launched";
  return { change: { name, edits: again ? [{ kind: "restart", name }] : [], goal } };
}

function refuseTemplate(name: string): void {
  if (!isTemplate(name)) return;
  const instance = name.replace("@.", "@1.");
  throw new PlatformError("template-not-startable", `cannot activate template "${name}"`, {
    hint: `Name an instance, for example ${instance}`,
  });
}
