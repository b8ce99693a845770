/** Machines that are away: whether they are waited for, and what is forgotten of them in the end. Pure. */
import type { Acts } from "./acts.ts";
import type { ClusterModel } from "./model.ts";
import type { MachineNode, UnitNode } from "./nodes.ts";
import type { Presence, Verdict } from "./presence.ts";

/** For this long a lost machine keeps its copies of global units, which no other machine can take over. */
const forgetAfterMs = 600_000;

export class LostMachines {
  readonly #model: ClusterModel;
  readonly #acts: Acts;
  readonly #presence: Presence;
  readonly #now: number;

  constructor(model: ClusterModel, acts: Acts, presence: Presence, now: number) {
    this.#model = model;
    this.#acts = acts;
    this.#presence = presence;
    this.#now = now;
  }

  /** What to think of a machine that is away. */
  verdict({ id }: MachineNode): Verdict {
    return this.#presence.verdict(id, this.#now);
  }

  /** True if the machine is not there and is not waited for. */
  isGone({ id, presence }: MachineNode): boolean {
    return presence === "away" && this.#presence.verdict(id, this.#now).kind === "gone";
  }

  /** True if the unit is on a machine that it need not leave: one that is there, or is waited for. */
  isHoused(unit: UnitNode): boolean {
    const machine = unit.copy?.machine;
    if (!machine) return false;
    return machine.presence !== "away" || this.#presence.verdict(machine.id, this.#now).kind === "held";
  }

  /** A hold is a reason to wait, and its end a reason to look again. */
  markHoldsThatEnded(): void {
    for (const id of this.#presence.takeEndedHolds(this.#now)) {
      for (const copy of this.#model.machines.get(id)?.copies ?? []) this.#model.agenda.mark(copy.unit);
    }
  }

  /** States that a lost machine reported are forgotten once its units have been dealt with. */
  sweep(): void {
    for (const machine of this.#model.awayMachines) {
      if (this.#presence.verdict(machine.id, this.#now).kind !== "gone") continue;
      if (machine.hasStates) {
        machine.hasStates = false;
        this.#acts.decisions.push({
          kind: "sweep-states",
          machine: machine.id,
          reason: "the machine is gone",
        });
      }
      if (this.#presence.awayFor(machine.id, this.#now) >= forgetAfterMs) {
        const globals = machine.copies.filter(
          ({ unit }) => unit.demand?.requirements.global && !unit.troubles,
        );
        for (const copy of globals) this.#acts.withdraw(copy, "its machine has been gone for long");
      }
      if (machine.copies.length > 0) continue;
      this.#model.forgetMachine(machine);
      this.#presence.forget(machine.id);
    }
  }
}
