/** Why a unit is where it is, or nowhere: every machine with its reason, from the very rules that place units. Pure. */
import type { Placement } from "../cluster/placement.ts";
import type { Table } from "../cluster/ports.ts";
import type { MachineVerdict, Refusal, WhyAnswer } from "../cluster/question.ts";
import { describeRun, isActive } from "../cluster/run.ts";
import { isTemplate } from "../cluster/unit-name.ts";
import { explainUnplaced } from "./explain.ts";
import { replacedBy } from "./filters/replaces.ts";
import type { ClusterModel } from "./model.ts";
import { allCopiesOf, byId, type Copy, type MachineNode, type UnitNode } from "./nodes.ts";
import { Rules } from "./rules.ts";

/** The answer about the unit of this name; a refusal if there is none. `placements`: by `<machine>/<unit>`. */
export function explainWhy(
  name: string,
  model: ClusterModel,
  placements: Pick<Table<Placement>, "get">,
): WhyAnswer | Refusal {
  const unit = model.units.get(name);
  if (!unit || (!unit.wish && !unit.copy && !unit.troubles)) {
    return {
      error: {
        code: "unit-not-found",
        message: `There is no unit "${name}"`,
        hint: "See `deisctl list-units` and `deisctl list-unit-files`",
      },
    };
  }
  return new Explanation(unit, model, placements).answer();
}

class Explanation {
  readonly #unit: UnitNode;
  readonly #model: ClusterModel;
  readonly #rules: Rules;
  readonly #copies: readonly Copy[];
  readonly #placements: Pick<Table<Placement>, "get">;

  constructor(unit: UnitNode, model: ClusterModel, placements: Pick<Table<Placement>, "get">) {
    this.#unit = unit;
    this.#model = model;
    this.#rules = new Rules(model.units);
    this.#copies = allCopiesOf(unit).sort((a, b) => byId(a.machine, b.machine));
    this.#placements = placements;
  }

  answer(): WhyAnswer {
    const machines: MachineVerdict[] = [];
    for (const machine of this.#model.machinesById) {
      const verdict = this.#verdict(machine);
      if (verdict) machines.push({ machine: machine.id, ...verdict });
    }
    const placements = this.#copies.map(({ machine }) => ({
      machine: machine.id,
      reason: this.#reasonAt(machine),
    }));
    return { unit: this.#unit.name, placements, machines, summary: this.#summary() };
  }

  #verdict(machine: MachineNode): { readonly fits: boolean; readonly reason: string } | undefined {
    const copy = this.#copies.find((other) => other.machine === machine);
    if (copy) return this.#verdictOfHost(copy);
    if (machine.presence === "away") return undefined;
    if (machine.presence === "unreadable") return { fits: false, reason: "its record cannot be read" };
    const idle = this.#whyNowhere();
    if (idle !== undefined) return { fits: false, reason: idle };
    const rejection = this.#unlessHere(() => this.#rules.rejection(this.#unit, machine));
    if (rejection) {
      const words = rejection.filter.words(rejection.about, 1, this.#unit, machine);
      return { fits: false, reason: `it ${words}` };
    }
    return { fits: true, reason: `it fits: ${this.#loadOf(machine)}` };
  }

  #verdictOfHost(copy: Copy): { readonly fits: boolean; readonly reason: string } {
    const { machine } = copy;
    if (machine.presence === "away")
      return { fits: false, reason: "the unit is here, and the machine is away" };
    const stage = this.#model.moves.stageOf(copy);
    const doing =
      stage === "arriving"
        ? "it is arriving here"
        : stage === "leaving"
          ? "it is being stopped here to start elsewhere"
          : "it is here";
    return { fits: true, reason: `${doing}: ${this.#reasonAt(machine)}` };
  }

  /** What `look` says as if the unit were nowhere yet: its own copy is no reason against another machine. */
  #unlessHere<T>(look: () => T): T {
    const { copy, demand } = this.#unit;
    return copy && !demand?.requirements.global ? this.#model.copies.without(copy, look) : look();
  }

  #loadOf(machine: MachineNode): string {
    const siblings = this.#unit.template?.on.of(machine) ?? 0;
    const replaced = replacedBy(this.#unit, machine).length;
    const facts = [
      this.#unit.demand?.pool.byShare
        ? `${Math.floor(machine.share * 100)} % of it is reserved`
        : count(machine.copies.length, "unit"),
    ];
    if (siblings > 0) facts.push(`${count(siblings, "instance")} of the same template`);
    if (replaced > 0) facts.push(`${count(replaced, "unit")} that it would replace`);
    return facts.join(", ");
  }

  /** Why no machine is asked at all. */
  #whyNowhere(): string | undefined {
    const { wish, demand, name } = this.#unit;
    if (isTemplate(name)) return "a template is never placed, its instances are";
    if (wish && !demand) return `the unit's target is ${wish.target}, so it is placed nowhere`;
    return wish ? undefined : "the unit was destroyed";
  }

  #summary(): string {
    const { troubles, demand, parked, copy, arrival } = this.#unit;
    const [trouble] = troubles?.values() ?? [];
    if (trouble) return `it is left as it is, because something about it cannot be read: ${trouble.message}`;
    const nowhere = this.#whyNowhere();
    if (nowhere !== undefined) return nowhere;
    if (parked && !demand?.requirements.global) return parked.reason;
    if (demand?.requirements.global) {
      const total = this.#model.presentMachines;
      const here = this.#copies.filter(({ machine }) => machine.presence === "present").length;
      return `it is global, and on ${here} of ${count(total, "machine")}`;
    }
    if (copy && arrival) return `it is moving from ${copy.machine.id} to ${arrival.machine.id}`;
    if (copy && this.#model.moves.leaving.has(copy))
      return `it is being stopped on ${copy.machine.id} to start elsewhere`;
    const run = this.#unit.course?.run;
    if (run && (copy || !isActive(run))) return describeRun(run);
    if (copy) return `it is on ${copy.machine.id}: ${this.#reasonAt(copy.machine)}`;
    return explainUnplaced(this.#unit, this.#model, this.#rules);
  }

  #reasonAt(machine: MachineNode): string {
    return this.#placements.get(`${machine.id}/${this.#unit.name}`)?.reason ?? "it was placed just now";
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
