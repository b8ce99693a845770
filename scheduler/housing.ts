/**
 * Where homeless units go: each by the rules and the ranking, companies together if they can. A unit for which there is no
 * place counts as failed, and the next of its class is not even tried until a machine may take more. Pure.
 */
import type { Acts } from "./acts.ts";
import { companyOf, hasCompany } from "./company.ts";
import type { LostMachines } from "./lost-machines.ts";
import type { ClusterModel } from "./model.ts";
import { byName, type UnitNode } from "./nodes.ts";
import type { Targets } from "./targets.ts";
import { classKey } from "./waiting.ts";

export class Housing {
  readonly #model: ClusterModel;
  readonly #targets: Targets;
  readonly #lost: LostMachines;
  readonly #acts: Acts;
  /** Classes found to fit nowhere since the last relief. */
  readonly #hopeless = new Set<string>();

  constructor(model: ClusterModel, targets: Targets, lost: LostMachines, acts: Acts) {
    this.#model = model;
    this.#targets = targets;
    this.#lost = lost;
    this.#acts = acts;
  }

  /** Some machine may take more: what fitted nowhere is tried again. */
  takeHeart(): void {
    this.#hopeless.clear();
  }

  /** Takes up every homeless unit, in order of name. */
  houseAll(): void {
    const homeless = [...this.#acts.homeless].sort(byName);
    this.#acts.homeless.clear();
    for (const unit of homeless) this.#house(unit);
  }

  #house(unit: UnitNode): void {
    if (this.#lost.isHoused(unit)) return;
    if (hasCompany(unit, this.#model)) {
      this.#houseCompany(companyOf(unit, this.#model));
      return;
    }
    if (this.#isHopeless(unit)) {
      this.#acts.failed.add(unit);
      return;
    }
    const machine = this.#targets.pick(unit);
    if (machine && !this.#acts.isRestless(unit, machine)) {
      this.#acts.settle(unit, machine);
      return;
    }
    const key = classKey(unit);
    if (key !== undefined) this.#hopeless.add(key);
    this.#acts.failed.add(unit);
  }

  #isHopeless(unit: UnitNode): boolean {
    if (this.#hopeless.size === 0) return false;
    const key = classKey(unit);
    return key !== undefined && this.#hopeless.has(key);
  }

  /** Together if nobody of the company is housed and one machine fits all; else each by the rules. */
  #houseCompany(company: readonly UnitNode[]): void {
    const homeless = company.filter((member) => !this.#lost.isHoused(member));
    if (homeless.length === company.length) {
      const leader = company.find((member) => this.#model.peersOf(member).length === 0) ?? company[0];
      const machine = leader ? this.#targets.pickTogether(company, leader) : undefined;
      if (machine && !company.some((member) => this.#acts.isRestless(member, machine))) {
        for (const member of company) this.#acts.settle(member, machine);
        return;
      }
    }
    for (const member of homeless) {
      this.#acts.homeless.delete(member);
      const machine = this.#targets.pickBeside(member, company) ?? this.#targets.pick(member);
      if (machine && !this.#acts.isRestless(member, machine)) this.#acts.settle(member, machine);
      else this.#acts.failed.add(member);
    }
  }
}
