/**
 * Which moves would set instances apart and even out the load; none of them is made here. A cluster that needs none gets an
 * empty plan, and a plan that was carried out leaves none.
 *
 * Each step must better something without harming what counts more, in the order of the ranking: whom a unit is with and how far
 * instances are apart; then the reserved shares; then the number of units. So the steps come to an end. They are tried
 * out on the model, which is put back as it was. Fenced units, those bound to a machine or to other units, global ones and those that are
 * moving are left alone. Pure, seen from outside.
 */
import type { ProposedMove, RebalanceAnswer } from "../cluster/question.ts";
import { hasCompany } from "./company.ts";
import { replacedBy } from "./filters/replaces.ts";
import type { ClusterModel } from "./model.ts";
import { byName, type Copy, type Demand, type MachineNode, type UnitNode } from "./nodes.ts";
import { choose, compareApart, dislikedOn, isWary } from "./rank.ts";
import { Rules } from "./rules.ts";
import type { Template } from "./templates.ts";

/** A longer plan is cut here; ask again once it is done. */
const maxMoves = 1_000;
/** Instances that ask to be spread by different keys could send each other to and fro for ever. */
const maxSteps = 4 * maxMoves;
/** Reserved shares that differ by less are as good as even. */
const shareTolerance = 0.1;

type Aim = "spread" | "load";

interface Step {
  readonly copy: Copy;
  readonly target: MachineNode;
  readonly aim: Aim;
  readonly reason: string;
}

export function planRebalance(model: ClusterModel): RebalanceAnswer {
  const plan = new Plan(model);
  try {
    plan.make();
    return plan.answer();
  } finally {
    plan.putBack();
  }
}

class Plan {
  readonly #model: ClusterModel;
  readonly #rules: Rules;
  readonly #machines: readonly MachineNode[];
  readonly #relieved: readonly MachineNode[];
  /** Where each unit was that was moved, and why it is where it is now. */
  readonly #moved = new Map<UnitNode, { readonly from: MachineNode; aim: Aim; reason: string }>();
  #steps = 0;

  constructor(model: ClusterModel) {
    this.#model = model;
    this.#rules = new Rules(model.units);
    this.#machines = model.machinesById.filter(({ presence, cordon }) => presence === "present" && !cordon);
    this.#relieved = [...model.relieved];
  }

  get #isOpen(): boolean {
    return this.#moved.size < maxMoves && this.#steps < maxSteps;
  }

  /** A step may make room for one that counts more, so it goes round until nothing can be bettered. */
  make(): void {
    let before: number;
    do {
      before = this.#steps;
      for (const group of this.#restless()) while (this.#take(this.#spreadOf(group)));
      while (this.#take(this.#evenShares()));
      while (this.#take(this.#evenCounts()));
    } while (this.#steps > before);
  }

  /** False if there is no such step, or no room for it in the plan. */
  #take(step: Step | undefined): boolean {
    if (!step || !this.#isOpen) return false;
    const { copy, target, aim, reason } = step;
    const { unit, machine: from, as } = copy;
    const known = this.#moved.get(unit);
    if (known?.from === target) this.#moved.delete(unit);
    else if (known) Object.assign(known, { aim, reason });
    else this.#moved.set(unit, { from, aim, reason });
    this.#model.copies.withdraw(copy);
    this.#model.copies.place(unit, target, as);
    this.#steps += 1;
    return true;
  }

  answer(): RebalanceAnswer {
    const moves: ProposedMove[] = [];
    for (const [unit, { from, reason }] of this.#moved) {
      const to = unit.copy?.machine;
      if (to) moves.push({ unit: unit.name, from: from.id, to: to.id, reason });
    }
    return { moves, summary: this.#summary() };
  }

  putBack(): void {
    for (const [unit, { from }] of this.#moved) {
      const { copy } = unit;
      if (!copy) continue;
      this.#model.copies.withdraw(copy);
      this.#model.copies.place(unit, from, copy.as);
    }
    this.#model.relieved.clear();
    for (const machine of this.#relieved) this.#model.relieved.add(machine);
  }

  #summary(): string {
    const aims = [...this.#moved.values()].map(({ aim }) => aim);
    const apart = aims.filter((aim) => aim === "spread").length;
    const even = aims.length - apart;
    if (aims.length === 0)
      return "nothing to gain: instances are apart and the load is even, as far as the rules allow";
    const parts = [
      ...(apart > 0 ? [`${apart} to set instances apart`] : []),
      ...(even > 0 ? [`${even} to even out the load`] : []),
    ];
    const more = this.#isOpen ? "" : "; there is more to do once these are done";
    return `${aims.length} ${aims.length === 1 ? "move" : "moves"}: ${parts.join(", ")}${more}`;
  }

  // Who is with whom.

  /** Templates with instances that may be too close, and single units that would rather be elsewhere; in order of name. */
  #restless(): (Template | UnitNode)[] {
    const found = new Set<Template | UnitNode>();
    for (const machine of this.#machines) {
      for (const { unit } of machine.copies) {
        const { template, demand } = unit;
        if (template ? this.#mayBeTooClose(template, machine, demand) : isWary(unit))
          found.add(template ?? unit);
        else if (template && isWary(unit)) found.add(template);
      }
    }
    return [...found].sort(byName);
  }

  #mayBeTooClose(template: Template, machine: MachineNode, demand: Demand | undefined): boolean {
    return template.on.of(machine) > 1 || (demand !== undefined && demand.pool.zoneKeys.length > 0);
  }

  /** One instance, of the machine with the most, to where it is better off. */
  #spreadOf(group: Template | UnitNode): Step | undefined {
    const isTemplate = "units" in group;
    const crowd = (machine: MachineNode): number => (isTemplate ? group.on.of(machine) : 0);
    const crowded = isTemplate
      ? this.#machines
          .filter((machine) => crowd(machine) > 0)
          .toSorted((a, b) => crowd(b) - crowd(a) || a.rank - b.rank)
      : this.#machines.filter((machine) => group.copy?.machine === machine);
    for (const from of crowded) {
      for (const copy of this.#movable(from, ({ unit }) => (unit.template ?? unit) === group)) {
        const target = this.#bestFor(copy);
        if (target) return { copy, target, aim: "spread", reason: this.#whyApart(copy, target) };
      }
    }
    return undefined;
  }

  /** The machine where the unit would be placed now, if it were farther from what it is to be apart from there. */
  #bestFor(copy: Copy): MachineNode | undefined {
    const { unit, machine } = copy;
    return this.#model.copies.without(copy, () => {
      const best = choose(
        unit,
        (other) => this.#rules.admits(unit, other) && replacedBy(unit, other).length === 0,
      );
      return best && best !== machine && compareApart(unit, best, machine) < 0 ? best : undefined;
    });
  }

  #whyApart({ unit, machine }: Copy, target: MachineNode): string {
    const { template } = unit;
    const here = template?.on.of(machine) ?? 0;
    const there = template?.on.of(target) ?? 0;
    if (template && here >= there + 2) {
      const few = there === 0 ? "none is" : there === 1 ? "one is" : `${there} are`;
      return `${here} instances of ${template.name} are on ${machine.id}, and ${few} on ${target.id}`;
    }
    if (dislikedOn(unit, target) < dislikedOn(unit, machine)) {
      return `on ${target.id} it is with fewer units that PrefersNot names`;
    }
    return `on ${target.id} it is further apart from the other instances of ${template?.name}`;
  }

  // Load.

  #evenShares(): Step | undefined {
    const byShare = this.#machines.toSorted((a, b) => b.share - a.share || a.rank - b.rank);
    for (const from of byShare) {
      const heavy = this.#movable(from, ({ unit }) => unit.demand?.pool.byShare ?? false);
      heavy.sort((a, b) => shareOf(b.unit, from) - shareOf(a.unit, from) || byName(a.unit, b.unit));
      for (const copy of heavy) {
        for (const target of byShare.toReversed()) {
          if (from.share - target.share <= shareTolerance) break;
          const after = target.share + shareOf(copy.unit, target);
          if (after >= from.share || !this.#keepsApart(copy, target) || !this.#takes(target, copy)) continue;
          const reason = `${percent(from.share)} of ${from.id} is reserved, and ${percent(target.share)} of ${target.id}`;
          return { copy, target, aim: "load", reason };
        }
      }
    }
    return undefined;
  }

  #evenCounts(): Step | undefined {
    const byCount = this.#machines.toSorted((a, b) => b.copies.length - a.copies.length || a.rank - b.rank);
    const least = byCount.at(-1)?.copies.length ?? 0;
    for (const from of byCount) {
      if (from.copies.length < least + 2) return undefined;
      for (const copy of this.#movable(from, ({ unit }) => !unit.demand?.pool.byShare)) {
        for (const target of byCount.toReversed()) {
          if (from.copies.length < target.copies.length + 2) break;
          if (!this.#keepsApart(copy, target) || !this.#takes(target, copy)) continue;
          const reason = `${units(from)} are on ${from.id}, and ${units(target)} on ${target.id}`;
          return { copy, target, aim: "load", reason };
        }
      }
    }
    return undefined;
  }

  // What may move where.

  /** Copies on the machine that may be moved at all, in order of name; of those that are alike only the first. */
  #movable(machine: MachineNode, isMeant: (copy: Copy) => boolean): Copy[] {
    const seen = new Set<string>();
    const movable: Copy[] = [];
    for (const copy of machine.copies.toSorted((a, b) => byName(a.unit, b.unit))) {
      const { unit } = copy;
      if (!isMeant(copy) || !this.#mayMove(copy)) continue;
      const globs = unit.matchedBy.map((pattern) => pattern.number).join(" ");
      const kind = `${unit.template?.name ?? unit.name} ${globs} ${unit.demand?.key}`;
      if (seen.has(kind)) continue;
      seen.add(kind);
      movable.push(copy);
    }
    return movable;
  }

  #mayMove(copy: Copy): boolean {
    const { unit } = copy;
    const { demand } = unit;
    if (!demand || demand.toEnd || unit.troubles || copy !== unit.copy || copy.next) return false;
    const { global, machineId, fence } = demand.requirements;
    if (global || fence || machineId !== undefined) return false;
    if (hasCompany(unit, this.#model)) return false;
    const { moves } = this.#model;
    return !moves.isUnderWay(unit) && !moves.landing.has(copy) && !moves.wanted.has(unit.name);
  }

  #takes(target: MachineNode, copy: Copy): boolean {
    const { unit } = copy;
    if (target === copy.machine) return false;
    const isAdmitted = this.#model.copies.without(copy, () => this.#rules.admits(unit, target));
    return isAdmitted && replacedBy(unit, target).length === 0;
  }

  /** The unit would be no closer to what it is to be apart from. */
  #keepsApart(copy: Copy, target: MachineNode): boolean {
    return this.#model.copies.without(copy, () => compareApart(copy.unit, target, copy.machine) <= 0);
  }
}

function shareOf({ demand }: UnitNode, { machine }: MachineNode): number {
  const { memoryBytes = 0, cpuMillis = 0 } = demand?.resources ?? {};
  const capacity = machine?.capacity;
  if (!capacity) return 0;
  const memory = capacity.memoryBytes > 0 ? memoryBytes / capacity.memoryBytes : 0;
  const cpu = capacity.cpuMillis > 0 ? cpuMillis / capacity.cpuMillis : 0;
  return Math.max(memory, cpu);
}

function units({ copies }: MachineNode): string {
  return `${copies.length} ${copies.length === 1 ? "unit" : "units"}`;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
