/** Global units: one copy on every machine that fits. Pure. */
import type { Acts } from "./acts.ts";
import type { ClusterModel } from "./model.ts";
import { byId, byName, copiesOf, copyOn, type MachineNode, type UnitNode } from "./nodes.ts";
import type { Rules } from "./rules.ts";
import type { Staying } from "./staying.ts";

export class GlobalUnits {
  readonly #model: ClusterModel;
  readonly #rules: Rules;
  readonly #staying: Staying;
  readonly #acts: Acts;

  constructor(model: ClusterModel, rules: Rules, staying: Staying, acts: Acts) {
    this.#model = model;
    this.#rules = rules;
    this.#staying = staying;
    this.#acts = acts;
  }

  /** Takes the unit from the machines that it no longer fits. */
  judge(unit: UnitNode): void {
    this.#acts.heir(unit, "every machine that fits runs the unit");
    for (const { machine } of copiesOf(unit).sort((a, b) => byId(a.machine, b.machine)))
      this.#judgeOn(unit, machine);
  }

  /** Puts a global unit on every machine that fits it. */
  spread(unit: UnitNode): void {
    for (const machine of this.#model.machinesById) this.#spreadTo(unit, machine);
    this.#conclude(unit);
  }

  /** Machines that may take more are given what fits them now. */
  relieve(machines: readonly MachineNode[]): void {
    for (const unit of [...this.#model.globals].sort(byName)) {
      if (unit.troubles) continue;
      let changed = false;
      for (const machine of machines) {
        changed = this.#judgeOn(unit, machine) || this.#spreadTo(unit, machine) || changed;
      }
      if (changed || !unit.copy) this.#conclude(unit);
    }
  }

  /** True if the unit left the machine. */
  #judgeOn(unit: UnitNode, machine: MachineNode): boolean {
    const copy = copyOn(unit, machine);
    if (!copy) return false;
    // A machine that is away will take the unit up again if it comes back.
    const why = machine.presence === "present" ? this.#staying.whyLeave(copy) : undefined;
    if (why === undefined) this.#acts.renewIfChanged(copy);
    else this.#acts.withdraw(copy, why);
    return why !== undefined;
  }

  /** True if the unit came to the machine. */
  #spreadTo(unit: UnitNode, machine: MachineNode): boolean {
    if (machine.presence !== "present" || copyOn(unit, machine)) return false;
    if (!this.#rules.admits(unit, machine) || this.#acts.isRestless(unit, machine)) return false;
    this.#acts.settle(unit, machine);
    return true;
  }

  #conclude(unit: UnitNode): void {
    if (copiesOf(unit).some(({ machine }) => machine.presence !== "away")) this.#acts.concludeHoused(unit);
    else this.#acts.failed.add(unit);
  }
}
