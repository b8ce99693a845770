/**
 * What runs where: the copies that join units and machines. Whatever comes and goes here is counted on its machine, and a
 * machine that a copy leaves is relieved. Pure.
 */
import { courseOf } from "./course.ts";
import type { MoveLedger } from "./move-ledger.ts";
import { type Copy, copiesOf, type MachineNode, type UnitNode, type Wish } from "./nodes.ts";
import { count, lighten, uncount } from "./occupancy.ts";

export class Copies {
  readonly #moves: MoveLedger;
  readonly #relieved: Set<MachineNode>;

  /** `relieved` gets the machines that may take more than before. */
  constructor(moves: MoveLedger, relieved: Set<MachineNode>) {
    this.#moves = moves;
    this.#relieved = relieved;
  }

  /** The unit is to run on the machine: the copy is its own. */
  place(unit: UnitNode, machine: MachineNode, as: Wish): Copy {
    const copy: Copy = { unit, machine, as, at: machine.copies.length, next: unit.copy };
    unit.copy = copy;
    machine.copies.push(copy);
    count(copy);
    return copy;
  }

  /** A second copy of the unit, which is to take over. */
  arrive(unit: UnitNode, machine: MachineNode, as: Wish): Copy {
    const copy: Copy = { unit, machine, as, at: machine.copies.length, next: undefined };
    unit.arrival = copy;
    machine.copies.push(copy);
    count(copy);
    this.#moves.arriving.add(unit);
    return copy;
  }

  /** The copy that was arriving is the unit's from now on. */
  takeOver(unit: UnitNode): void {
    const { arrival } = unit;
    if (!arrival) return;
    unit.arrival = undefined;
    this.#moves.arriving.delete(unit);
    this.#moves.turned(arrival);
    arrival.next = unit.copy;
    unit.copy = arrival;
  }

  /** The unit is not to run there any more. */
  withdraw(copy: Copy): void {
    const { unit, machine } = copy;
    uncount(copy);
    this.#moves.gone(copy);
    const last = machine.copies.pop();
    if (last && last !== copy) {
      last.at = copy.at;
      machine.copies[copy.at] = last;
    }
    if (unit.arrival === copy) {
      unit.arrival = undefined;
      this.#moves.arriving.delete(unit);
    } else if (unit.copy === copy) unit.copy = copy.next;
    else {
      for (let other = unit.copy; other; other = other.next) if (other.next === copy) other.next = copy.next;
    }
    lighten(machine);
    if (machine.presence === "present") this.#relieved.add(machine);
  }

  /** The placement says something else from now on. */
  renew(copy: Copy, as: Wish): void {
    copy.as = as;
    if (this.#moves.leaving.delete(copy)) this.#moves.turned(copy);
  }

  /** The unit is to be stopped where it is before it starts elsewhere. */
  beginLeaving(copy: Copy, as: Wish): void {
    copy.as = as;
    this.#moves.leaving.add(copy);
  }

  /** What `look` says while the copy's unit is not counted on its machine: would it be taken if it were not there? */
  without<T>(copy: Copy, look: () => T): T {
    uncount(copy);
    const seen = look();
    count(copy);
    return seen;
  }

  /** A unit between its runs needs no room where it is, and is in nobody's way. */
  setIdle(unit: UnitNode, idle: boolean): void {
    if ((unit.course?.idle ?? false) === idle) return;
    const copies = copiesOf(unit);
    for (const copy of copies) uncount(copy);
    courseOf(unit).idle = idle;
    for (const copy of copies) {
      count(copy);
      lighten(copy.machine);
      if (idle && copy.machine.presence === "present") this.#relieved.add(copy.machine);
    }
  }
}
