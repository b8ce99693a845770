/** Units that are to end: they run when a run is due, and rest between two runs. Pure. */
import { describeRun, isActive, type Run } from "../cluster/run.ts";
import type { Acts } from "./acts.ts";
import { courseOf } from "./course.ts";
import type { LostMachines } from "./lost-machines.ts";
import type { ClusterModel } from "./model.ts";
import type { Copy, Demand, UnitNode } from "./nodes.ts";
import { runNow } from "./runs.ts";
import { isHandedOver, type Staying } from "./staying.ts";

export class EndingUnits {
  readonly #model: ClusterModel;
  readonly #staying: Staying;
  readonly #lost: LostMachines;
  readonly #acts: Acts;
  readonly #wall: number;

  /** `wall`: ms since 1970, what calendars are read against. */
  constructor(model: ClusterModel, staying: Staying, lost: LostMachines, acts: Acts, wall: number) {
    this.#model = model;
    this.#staying = staying;
    this.#lost = lost;
    this.#acts = acts;
    this.#wall = wall;
  }

  /**
   * A unit that is to end is placed when a run is due, and keeps its place, but no room there, when it is over.
   * True if it is now to be placed like any other.
   */
  judge(unit: UnitNode, { calendars }: Demand): boolean {
    const { wish } = unit;
    if (wish?.target !== "launched") {
      this.forgetRun(unit, "it is not to be started");
      return true;
    }
    const copy = this.#staying.onlyCopy(unit);
    const { run: last, outcomes } = courseOf(unit);
    const run = runNow({
      wish,
      calendars,
      last,
      machine: copy?.machine.id,
      claim: copy && outcomes.get(copy.machine.id)?.claim,
      gone: copy !== undefined && this.#lost.isGone(copy.machine),
      now: this.#wall,
    });
    if (run !== last) this.#recordRun(unit, run);
    this.#model.agenda.setDue(unit, run.next === undefined ? undefined : Date.parse(run.next));
    this.#model.copies.setIdle(unit, !isActive(run));
    if (!isActive(run)) {
      this.#rest(unit, copy);
      return false;
    }
    if (copy?.machine.cordon && !isHandedOver(copy))
      this.#acts.withdraw(copy, "a new run is due, and that machine is cordoned");
    return true;
  }

  /** Between two runs a unit stays where it ran, as long as that is possible, but goes nowhere else. */
  #rest(unit: UnitNode, copy: Copy | undefined): void {
    if (copy && this.#lost.isGone(copy.machine))
      this.#acts.withdraw(copy, "its machine is gone, and its run is over");
    else if (copy?.machine.cordon?.drain) {
      this.#acts.withdraw(copy, "its machine is being drained, and no run of it is due");
    } else if (copy?.machine.presence === "present") {
      const why = this.#staying.whyLeave(copy);
      if (why !== undefined) this.#acts.withdraw(copy, why);
    }
    this.#acts.homeless.delete(unit);
    this.#acts.failed.delete(unit);
    this.#model.waiting.remove(unit);
    this.#acts.release(unit, "no run of it is due");
  }

  #recordRun(unit: UnitNode, run: Run): void {
    courseOf(unit).run = run;
    this.#acts.decisions.push({ kind: "record-run", unit: unit.name, run, reason: describeRun(run) });
  }

  /** Nothing is known of earlier runs from now on. */
  forgetRun(unit: UnitNode, reason: string): void {
    if (!unit.course?.run) return;
    this.#model.copies.setIdle(unit, false);
    this.#model.agenda.setDue(unit, undefined);
    unit.course.run = undefined;
    this.#acts.decisions.push({ kind: "forget-run", unit: unit.name, reason });
  }
}
