/**
 * What a round decides: each act is written into the model, told as a decision, and has its consequences, which are units to
 * be looked at (again) in the same round. Why an act is right is for others to say. Pure.
 */
import type { Placement } from "../cluster/placement.ts";
import type { Decision } from "./decision.ts";
import { replacedBy } from "./filters/replaces.ts";
import type { ClusterModel } from "./model.ts";
import { byName, type Copy, type MachineNode, type UnitNode, type Wish, wishFor } from "./nodes.ts";
import { Reasons } from "./reasons.ts";
import { countUp } from "./tally.ts";
import { sameWish } from "./wishes.ts";

export class Acts {
  readonly decisions: Decision[] = [];
  /** Units without a machine that is good for them. */
  readonly homeless = new Set<UnitNode>();
  /** Why each of them left the machine it was on. */
  readonly left = new Map<UnitNode, string>();
  /** Units that were tried in vain. */
  readonly failed = new Set<UnitNode>();
  /** Units to be looked at again because of a decision of this round. */
  readonly consequences = new Set<UnitNode>();
  readonly reasons = new Reasons();
  readonly #model: ClusterModel;
  /** How often a unit left a machine in this round, by both names. */
  readonly #departures = new Map<string, number>();

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  /** Those to be looked at again, in order of name, and forgets them. */
  takeConsequences(): UnitNode[] {
    const units = [...this.consequences].sort(byName);
    this.consequences.clear();
    return units;
  }

  /** Units that ask for the machine of this one are to be looked at again. */
  reconsiderDependents(unit: UnitNode): void {
    for (const dependent of this.#model.dependentsOf(unit)) this.consequences.add(dependent);
  }

  /** Puts the unit on the machine. */
  settle(unit: UnitNode, machine: MachineNode): void {
    const { demand } = unit;
    const wish = wishFor(unit, machine);
    if (!wish || !demand) return;
    let reason = this.reasons.here(unit, machine);
    const left = this.left.get(unit);
    if (left !== undefined) reason = `${reason}; ${left}`;
    if (unit.copy && !demand.requirements.global) this.withdraw(unit.copy, "its machine is gone");
    this.#model.copies.place(unit, machine, wish);
    this.tell(unit, machine, wish, reason);
    this.homeless.delete(unit);
    this.concludeHoused(unit);
    this.evict(unit, machine);
    this.reconsiderDependents(unit);
  }

  /** Units that this one replaces have to leave the machine. */
  evict(unit: UnitNode, machine: MachineNode): void {
    if (unit.demand?.replaces.length === 0) return;
    for (const replaced of replacedBy(unit, machine)) {
      replaced.evicted = true;
      this.consequences.add(replaced);
    }
  }

  /** The unit has its place: nothing is left to say of it. */
  concludeHoused(unit: UnitNode): void {
    this.waitsNoLonger(unit);
    this.release(unit, "placed");
  }

  /** Whatever is still to be said of the unit, it is not looking for a place. */
  waitsNoLonger(unit: UnitNode): void {
    this.failed.delete(unit);
    this.left.delete(unit);
    this.#model.waiting.remove(unit);
  }

  /** Asks the copy for what is wanted of the unit now, unless it has been. */
  renewIfChanged(copy: Copy): void {
    const { unit, machine, as } = copy;
    const wish = wishFor(unit, machine);
    if (!wish || sameWish(as, wish)) return;
    this.#model.copies.renew(copy, wish);
    this.tell(unit, machine, wish, `still fits here; ${whatChanged(as, wish)}`);
  }

  /** `wish` is for more than an inactive unit: no other is placed. */
  tell(
    unit: UnitNode,
    machine: MachineNode,
    { hash, target, generation, run }: Wish,
    reason: string,
    move?: "arriving" | "leaving",
  ): void {
    const plain: Placement = {
      machine: machine.id,
      unit: unit.name,
      hash,
      target: target === "launched" ? "launched" : "loaded",
      generation,
      reason,
    };
    // Nearly all are that and no more, and a bulk has a million of them.
    const placement: Placement =
      run === undefined && move === undefined
        ? plain
        : { ...plain, ...(run === undefined ? {} : { run }), ...(move === undefined ? {} : { move }) };
    this.decisions.push({ kind: "place", placement });
  }

  /** The arriving copy becomes the unit's own. */
  takeOver(unit: UnitNode, reason: string): void {
    const { arrival } = unit;
    const wish = arrival && wishFor(unit, arrival.machine);
    if (!arrival || !wish) return;
    this.#model.copies.takeOver(unit);
    this.#model.copies.renew(arrival, wish);
    this.tell(unit, arrival.machine, wish, reason);
    this.reconsiderDependents(unit);
  }

  /**
   * Requirements that contradict each other (a unit that replaces its own peer) would send units to and fro: after
   * the second departure from the same machine a unit waits for the next event.
   */
  isRestless(unit: UnitNode, machine: MachineNode): boolean {
    return this.#departures.size > 0 && (this.#departures.get(`${machine.id}/${unit.name}`) ?? 0) >= 2;
  }

  /** Takes the copy away; a unit that has left a machine twice is restless there. */
  withdraw(copy: Copy, reason: string): void {
    const { unit, machine } = copy;
    this.#model.copies.withdraw(copy);
    countUp(this.#departures, `${machine.id}/${unit.name}`);
    this.decisions.push({ kind: "withdraw", machine: machine.id, unit: unit.name, reason });
    this.reconsiderDependents(unit);
  }

  /** Says why the unit is not where it is wanted. */
  park(unit: UnitNode, reason: string): void {
    const hash = unit.wish?.hash ?? "";
    if (unit.parked?.reason === reason && unit.parked.hash === hash) return;
    const unplaced = { hash, reason };
    unit.parked = unplaced;
    this.decisions.push({ kind: "park", unit: unit.name, unplaced });
  }

  /** That is no longer so. */
  release(unit: UnitNode, reason: string): void {
    if (!unit.parked) return;
    unit.parked = undefined;
    this.decisions.push({ kind: "unpark", unit: unit.name, reason });
  }

  /** An arriving copy takes the place of one that is not there any more. */
  heir(unit: UnitNode, reason: string): Copy | undefined {
    if (!unit.arrival) return undefined;
    this.takeOver(unit, reason);
    return unit.copy;
  }
}

/** What a renewed placement has that the earlier had not. */
export function whatChanged(as: Wish, wish: Wish): string {
  if (as.hash !== wish.hash) return "its file has changed";
  if (as.target !== wish.target) return `its target is now ${wish.target}`;
  return as.run !== wish.run ? `its run of ${wish.run} is due` : "a restart was asked for";
}
