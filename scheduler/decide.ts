/**
 * What is to be done about the units that something happened to. Nothing else is looked at, and nothing moves without a
 * reason: a unit leaves its machine only if it is not wanted there, no longer fits there, or the machine is gone.
 *
 * `decide` is a function of the model, the machines' presence and the time: it writes its decisions into the model and
 * returns them. The same calls in the same order give the same decisions, byte for byte; asked again at once, it decides nothing.
 *
 * Units are taken up in the order of their names. Departures come before arrivals, so that what leaves makes room in
 * the same pass; the sentences about units that fit nowhere come last, when everything else has settled. Pure.
 */
import { Acts } from "./acts.ts";
import type { Decision } from "./decision.ts";
import { EndingUnits } from "./ending-units.ts";
import { FailingUnits } from "./failing-units.ts";
import { GlobalUnits } from "./global-units.ts";
import { Housing } from "./housing.ts";
import { LostMachines } from "./lost-machines.ts";
import type { ClusterModel } from "./model.ts";
import { moveActs } from "./move-acts.ts";
import { allCopiesOf, byId, type Copy, type MachineNode, type UnitNode } from "./nodes.ts";
import { isOnRun, PlannedMoves } from "./planned-moves.ts";
import type { Presence } from "./presence.ts";
import { noReports, type Reports } from "./reports.ts";
import { Rules } from "./rules.ts";
import { isHandedOver, Staying } from "./staying.ts";
import { Targets } from "./targets.ts";
import { tellUnplaced } from "./unplaced.ts";
import type { WaitingClass } from "./waiting.ts";

export interface DecideOptions {
  /** How many marked units to take up at most; the rest stays marked. Default: all. */
  readonly limit?: number;
  /** Wall clock, ms since 1970: what calendars are read against. Default: `now`. */
  readonly wall?: number;
  /** What agents report of units that are being moved. Default: nothing. */
  readonly reports?: Reports;
}

/** Decides about the marked units, relieved machines and machines that are away, as of `now` (ms, as `presence` has it). */
export function decide(
  model: ClusterModel,
  presence: Presence,
  now: number,
  options: DecideOptions = {},
): Decision[] {
  const round = new Round(model, presence, now, options.wall ?? now, options.reports ?? noReports);
  round.run(options.limit ?? Number.POSITIVE_INFINITY);
  return round.decisions;
}

/** One call: in which order things are taken up, and which of the ideas in the files beside this is asked about each. */
class Round {
  readonly #model: ClusterModel;
  readonly #wall: number;
  readonly #rules: Rules;
  readonly #acts: Acts;
  readonly #staying: Staying;
  readonly #lost: LostMachines;
  readonly #housing: Housing;
  readonly #globals: GlobalUnits;
  readonly #ending: EndingUnits;
  readonly #failing: FailingUnits;
  readonly #planned: PlannedMoves;

  constructor(model: ClusterModel, presence: Presence, now: number, wall: number, reports: Reports) {
    const rules = new Rules(model.units);
    const targets = new Targets(model, rules);
    const acts = new Acts(model);
    this.#model = model;
    this.#wall = wall;
    this.#rules = rules;
    this.#acts = acts;
    this.#staying = new Staying(model, rules, acts);
    this.#lost = new LostMachines(model, acts, presence, now);
    this.#housing = new Housing(model, targets, this.#lost, acts);
    this.#globals = new GlobalUnits(model, rules, this.#staying, acts);
    this.#ending = new EndingUnits(model, this.#staying, this.#lost, acts, wall);
    this.#failing = new FailingUnits(model, targets, acts, wall);
    this.#planned = new PlannedMoves(model, targets, rules, reports, now, moveActs(model, acts));
  }

  get decisions(): Decision[] {
    return this.#acts.decisions;
  }

  run(limit: number): void {
    this.#lost.markHoldsThatEnded();
    this.#model.agenda.markDue(this.#wall);
    this.#judgeAll(this.#model.agenda.takeMarked(limit));
    for (;;) {
      this.#relieve();
      if (this.#acts.consequences.size > 0) this.#judgeAll(this.#acts.takeConsequences());
      else if (this.#acts.homeless.size > 0) this.#housing.houseAll();
      // What must be comes before what was planned.
      else if (!this.#takePlannedStep()) break;
    }
    tellUnplaced(this.#model, this.#rules, this.#acts);
    this.#lost.sweep();
  }

  /** True if anything was decided. */
  #takePlannedStep(): boolean {
    const before = this.#acts.decisions.length;
    this.#planned.step();
    return this.#acts.decisions.length > before;
  }

  // Who may stay.

  /** `units` are in order of name. */
  #judgeAll(units: readonly UnitNode[]): void {
    // Of two units that can no longer share a machine the one with a new file goes; of two such, or none, the one that
    // comes first by name stays.
    const backwards = units.toReversed();
    for (const unit of backwards) if (hasNewFile(unit)) this.#judge(unit);
    for (const unit of backwards) if (!hasNewFile(unit)) this.#judge(unit);
    for (const unit of units)
      if (unit.demand?.requirements.global && !unit.troubles) this.#globals.spread(unit);
  }

  #judge(unit: UnitNode): void {
    if (unit.troubles) return;
    if (!unit.demand) this.#dismiss(unit);
    else if (unit.demand.requirements.global) this.#globals.judge(unit);
    else if (!unit.demand.toEnd || this.#ending.judge(unit, unit.demand)) this.#judgeSingle(unit);
  }

  /** A unit that is to run nowhere. */
  #dismiss(unit: UnitNode): void {
    const reason = !unit.wish
      ? "the unit was destroyed"
      : unit.wish.target === "inactive"
        ? "its target is inactive"
        : "a template is never placed";
    for (const copy of allCopiesOf(unit).sort((a, b) => byId(a.machine, b.machine)))
      this.#acts.withdraw(copy, reason);
    this.#acts.release(unit, reason);
    this.#acts.homeless.delete(unit);
    this.#model.waiting.remove(unit);
    this.#ending.forgetRun(unit, reason);
    this.#failing.forgetFailures(unit, reason);
    this.#model.forgetUnit(unit);
  }

  #judgeSingle(unit: UnitNode): void {
    const copy = this.#staying.onlyCopy(unit) ?? this.#acts.heir(unit, "its other copy is gone");
    if (!copy) {
      this.#acts.homeless.add(unit);
      return;
    }
    const { machine } = copy;
    if (machine.presence === "present") {
      const why = isHandedOver(copy) ? undefined : this.#staying.whyLeave(copy);
      if (why === undefined) {
        if (this.#planned.concern(copy) || !this.#failing.movesOn(unit, copy)) this.#keep(unit, copy);
        return;
      }
      this.#acts.withdraw(copy, why);
      this.#acts.left.set(unit, `moved from ${machine.id}: ${why}`);
      if (unit.arrival) this.#judgeSingle(unit);
      else this.#acts.homeless.add(unit);
      return;
    }
    if (machine.presence === "unreadable") {
      this.#acts.renewIfChanged(copy);
      return;
    }
    const verdict = this.#lost.verdict(machine);
    if (verdict.kind === "gone") {
      if (this.#acts.homeless.has(unit)) return;
      if (unit.arrival?.machine.presence === "present") {
        this.#acts.withdraw(copy, "its machine is gone");
        this.#judgeSingle(unit);
        return;
      }
      if (unit.arrival) this.#acts.withdraw(unit.arrival, "its machine is gone, too");
      this.#acts.left.set(unit, `moved from ${machine.id}: that machine is gone`);
      this.#acts.homeless.add(unit);
      // Its company lives on the same lost machine and moves along.
      this.#acts.reconsiderDependents(unit);
      return;
    }
    if (!this.#model.moves.isUnderWay(unit)) this.#acts.renewIfChanged(copy);
    if (verdict.reason !== undefined)
      this.#acts.park(unit, `its machine ${machine.id} is away; ${verdict.reason}`);
  }

  #keep(unit: UnitNode, copy: Copy): void {
    this.#acts.homeless.delete(unit);
    this.#acts.evict(unit, copy.machine);
    // A copy that is about to go need not follow what is wanted, but for a stop.
    if (!this.#model.moves.isUnderWay(unit) || unit.wish?.target !== "launched")
      this.#acts.renewIfChanged(copy);
    if (this.#planned.concern(copy)) this.#acts.waitsNoLonger(unit);
    else if (copy.machine.cordon?.drain && isOnRun(unit)) {
      this.#acts.waitsNoLonger(unit);
      this.#acts.park(
        unit,
        `its machine ${copy.machine.id} is being drained, and its run goes on there until it ends`,
      );
    } else this.#acts.concludeHoused(unit);
  }

  // What may help others.

  /** Machines that may take more: first for global units, then for one unit of each class that fits nowhere. */
  #relieve(): void {
    const { relieved } = this.#model;
    if (relieved.size === 0) return;
    const machines = [...relieved].sort(byId);
    relieved.clear();
    this.#housing.takeHeart();
    this.#globals.relieve(machines);
    for (const waiting of this.#model.waiting.classes()) {
      if (!this.#mayHelp(machines, waiting)) continue;
      for (const unit of waiting.units) this.#acts.homeless.add(unit);
    }
    for (const unit of this.#acts.failed)
      if (unit.demand && !unit.demand.requirements.global) this.#acts.homeless.add(unit);
  }

  #mayHelp(machines: readonly MachineNode[], { units }: WaitingClass): boolean {
    for (const unit of units) {
      if (unit.demand?.requirements.global) return false;
      return machines.some((machine) => this.#rules.admitsWithoutPeers(unit, machine));
    }
    return false;
  }
}

/** True if the file that the unit runs from is not the one it is to run from. */
function hasNewFile({ copy, wish }: UnitNode): boolean {
  return copy !== undefined && wish !== undefined && copy.as.hash !== wish.hash;
}
