/**
 * What the scheduler remembers of the few units that are to end, or that move when they fail: their runs, what machines say of
 * them, and when to look at them again. Most units have none of it.
 */
import type { Outcome, Run, Tried } from "../cluster/run.ts";
import type { UnitNode } from "./nodes.ts";

export interface Course {
  run: Run | undefined;
  tried: Tried | undefined;
  /** By machine id. */
  readonly outcomes: Map<string, Outcome>;
  /** Nothing of the unit runs or is about to: it needs no room where it is. */
  idle: boolean;
  /** Wall clock, ms: when time alone is a reason to look at the unit. */
  dueAt: number | undefined;
}

/** The unit's course, begun if it has none. */
export function courseOf(unit: UnitNode): Course {
  unit.course ??= newCourse();
  return unit.course;
}

function newCourse(): Course {
  return { run: undefined, tried: undefined, outcomes: new Map(), idle: false, dueAt: undefined };
}
