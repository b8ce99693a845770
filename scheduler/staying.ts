/** Whether a copy may stay where it is, and which of several. Pure. */
import type { Acts } from "./acts.ts";
import { explainLeaving } from "./explain.ts";
import type { ClusterModel } from "./model.ts";
import { byId, type Copy, copiesOf, type UnitNode } from "./nodes.ts";
import type { Rules } from "./rules.ts";

export class Staying {
  readonly #model: ClusterModel;
  readonly #rules: Rules;
  readonly #acts: Acts;

  constructor(model: ClusterModel, rules: Rules, acts: Acts) {
    this.#model = model;
    this.#rules = rules;
    this.#acts = acts;
  }

  /** Why the copy's machine, were it asked now, would not take the unit; undefined if it would. */
  whyLeave(copy: Copy): string | undefined {
    return this.#model.copies.without(copy, () =>
      this.#rules.admits(copy.unit, copy.machine)
        ? undefined
        : explainLeaving(copy.unit, copy.machine, this.#rules),
    );
  }

  /** A unit that is not global runs once: of several copies the first that may stay is kept. */
  onlyCopy(unit: UnitNode): Copy | undefined {
    if (!unit.copy?.next) return unit.copy;
    const copies = copiesOf(unit).sort((a, b) => byId(a.machine, b.machine));
    const kept =
      copies.find((copy) => copy.machine.presence === "present" && this.whyLeave(copy) === undefined) ??
      copies.find((copy) => copy.machine.presence !== "away") ??
      copies[0];
    for (const copy of copies) {
      if (copy !== kept) this.#acts.withdraw(copy, `the unit runs once, on ${kept?.machine.id}`);
    }
    return kept;
  }
}

/** A run that was handed to a machine is carried out there, or nowhere. */
export function isHandedOver({ unit, as }: Copy): boolean {
  return as.run !== undefined && as.run === unit.course?.run?.run;
}
