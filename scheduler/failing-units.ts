/** Units that ask by `MoveAfterFailures=` to be moved when they have failed too often where they are. Pure. */
import { sameRecord } from "../cluster/run.ts";
import type { Acts } from "./acts.ts";
import { courseOf } from "./course.ts";
import { describeFailures, failedHere } from "./failures.ts";
import type { ClusterModel } from "./model.ts";
import type { Copy, UnitNode } from "./nodes.ts";
import type { Targets } from "./targets.ts";

/** A unit that has failed where it is, and that nothing else can take, is looked at again after so long. */
const lookAgainMs = 30_000;

export class FailingUnits {
  readonly #model: ClusterModel;
  readonly #targets: Targets;
  readonly #acts: Acts;
  readonly #wall: number;

  /** `wall`: ms since 1970, as machines tell when a unit failed. */
  constructor(model: ClusterModel, targets: Targets, acts: Acts, wall: number) {
    this.#model = model;
    this.#targets = targets;
    this.#acts = acts;
    this.#wall = wall;
  }

  /** True if the unit has failed too often on its machine: then all is decided about it. */
  movesOn(unit: UnitNode, copy: Copy): boolean {
    const limit = unit.demand?.requirements.moveAfterFailures;
    if (limit === undefined || unit.wish?.target !== "launched") return false;
    const { machine } = copy;
    const { wish } = unit;
    const { outcomes, tried } = courseOf(unit);
    const failures = outcomes.get(machine.id)?.failures;
    const failed = failedHere({ limit, machine: machine.id, wish, failures, tried });
    this.#model.agenda.setDue(unit, undefined);
    if (!failed) {
      if (tried && (tried.hash !== wish.hash || tried.generation !== wish.generation))
        this.forgetFailures(unit, "it was changed since");
      return false;
    }
    const what = describeFailures(failed.here);
    if (!sameRecord(tried, failed.tried)) {
      courseOf(unit).tried = failed.tried;
      this.#acts.decisions.push({
        kind: "record-failures",
        unit: unit.name,
        tried: failed.tried,
        reason: what,
      });
    }
    this.#acts.renewIfChanged(copy);
    this.#acts.homeless.delete(unit);
    if (this.#wall < failed.moveAt) {
      this.#model.agenda.setDue(unit, failed.moveAt);
      this.#acts.park(unit, `${what}; it is moved at ${new Date(failed.moveAt).toISOString()}`);
      return true;
    }
    const target = this.#model.copies.without(copy, () => this.#targets.pickAway(unit, machine));
    if (!target) {
      this.#model.agenda.setDue(unit, this.#wall + lookAgainMs);
      this.#acts.park(unit, `${what}; no other machine can take it`);
      return true;
    }
    this.#acts.withdraw(copy, what);
    this.#acts.left.set(unit, `moved from ${machine.id}, because ${what}`);
    this.#acts.settle(unit, target);
    return true;
  }

  /** The unit may be tried anywhere again. */
  forgetFailures(unit: UnitNode, reason: string): void {
    if (!unit.course?.tried) return;
    unit.course.tried = undefined;
    this.#acts.decisions.push({ kind: "forget-failures", unit: unit.name, reason });
  }
}
