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
import type { Placement } from "../cluster/placement.ts";
import { describeRun, isActive, type Run, sameRecord } from "../cluster/run.ts";
import { companyOf, hasCompany } from "./company.ts";
import { courseOf } from "./course.ts";
import type { Decision } from "./decision.ts";
import { explainLeaving, explainUnplaced } from "./explain.ts";
import { describeFailures, failedHere } from "./failures.ts";
import { replacedBy } from "./filters/replaces.ts";
import type { ClusterModel } from "./model.ts";
import {
  allCopiesOf,
  byId,
  byName,
  type Copy,
  copiesOf,
  copyOn,
  type Demand,
  type MachineNode,
  type UnitNode,
  type Wish,
  wishFor,
} from "./nodes.ts";
import { isOnRun, type MoveActs, PlannedMoves } from "./planned-moves.ts";
import type { Presence } from "./presence.ts";
import { Reasons } from "./reasons.ts";
import { noReports, type Reports } from "./reports.ts";
import { Rules } from "./rules.ts";
import { runNow } from "./runs.ts";
import { countUp } from "./tally.ts";
import { Targets } from "./targets.ts";
import type { WaitingClass } from "./waiting.ts";
import { sameWish } from "./wishes.ts";

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

/** For this long a lost machine keeps its copies of global units, which no other machine can take over. */
const forgetAfterMs = 600_000;

/** A unit that has failed where it is, and that nothing else can take, is looked at again after so long. */
const lookAgainMs = 30_000;

class Round {
  readonly decisions: Decision[] = [];
  readonly #model: ClusterModel;
  readonly #presence: Presence;
  readonly #now: number;
  readonly #wall: number;
  readonly #rules: Rules;
  readonly #targets: Targets;
  readonly #planned: PlannedMoves;
  readonly #reasons = new Reasons();
  /** Units to be looked at again because of a decision of this round. */
  #consequences = new Set<UnitNode>();
  /** Units without a machine that is good for them. */
  readonly #homeless = new Set<UnitNode>();
  /** Why each of them left the machine it was on. */
  readonly #left = new Map<UnitNode, string>();
  /** Units that were tried in vain. */
  readonly #failed = new Set<UnitNode>();
  /** How often a unit left a machine in this round, by both names. */
  readonly #departures = new Map<string, number>();
  /** Classes found to fit nowhere since the last relief. */
  #hopeless = new Set<string>();

  constructor(model: ClusterModel, presence: Presence, now: number, wall: number, reports: Reports) {
    this.#model = model;
    this.#presence = presence;
    this.#now = now;
    this.#wall = wall;
    this.#rules = new Rules(model.units);
    this.#targets = new Targets(model, this.#rules);
    this.#planned = new PlannedMoves(model, this.#targets, this.#rules, reports, now, this.#moveActs());
  }

  run(limit: number): void {
    this.#markHoldsThatEnded();
    this.#model.agenda.markDue(this.#wall);
    this.#judgeAll(this.#model.agenda.takeMarked(limit));
    for (;;) {
      this.#relieve();
      if (this.#consequences.size > 0) this.#judgeAll(this.#takeConsequences());
      else if (this.#homeless.size > 0) this.#houseAll();
      // What must be comes before what was planned.
      else if (!this.#takePlannedStep()) break;
    }
    this.#explainFailures();
    this.#sweep();
  }

  /** True if anything was decided. */
  #takePlannedStep(): boolean {
    const before = this.decisions.length;
    this.#planned.step();
    return this.decisions.length > before;
  }

  // Who may stay.

  /** `units` are in order of name. */
  #judgeAll(units: readonly UnitNode[]): void {
    // Of two units that can no longer share a machine the one with a new file goes; of two such, or none, the one that
    // comes first by name stays.
    const backwards = units.toReversed();
    for (const unit of backwards) if (hasNewFile(unit)) this.#judge(unit);
    for (const unit of backwards) if (!hasNewFile(unit)) this.#judge(unit);
    for (const unit of units) if (unit.demand?.requirements.global && !unit.troubles) this.#spread(unit);
  }

  #judge(unit: UnitNode): void {
    if (unit.troubles) return;
    if (!unit.demand) this.#dismiss(unit);
    else if (unit.demand.requirements.global) this.#judgeGlobal(unit);
    else if (unit.demand.toEnd) this.#judgeRun(unit, unit.demand);
    else this.#judgeSingle(unit);
  }

  /** A unit that is to run nowhere. */
  #dismiss(unit: UnitNode): void {
    const reason = !unit.wish
      ? "the unit was destroyed"
      : unit.wish.target === "inactive"
        ? "its target is inactive"
        : "a template is never placed";
    for (const copy of allCopiesOf(unit).sort((a, b) => byId(a.machine, b.machine)))
      this.#withdraw(copy, reason);
    this.#release(unit, reason);
    this.#homeless.delete(unit);
    this.#model.waiting.remove(unit);
    this.#forgetRun(unit, reason);
    this.#forgetFailures(unit, reason);
    this.#model.forgetUnit(unit);
  }

  /** A unit that is to end is placed when a run is due, and keeps its place, but no room there, when it is over. */
  #judgeRun(unit: UnitNode, { calendars }: Demand): void {
    const { wish } = unit;
    if (wish?.target !== "launched") {
      this.#forgetRun(unit, "it is not to be started");
      this.#judgeSingle(unit);
      return;
    }
    const copy = this.#onlyCopy(unit);
    const { run: last, outcomes } = courseOf(unit);
    const run = runNow({
      wish,
      calendars,
      last,
      machine: copy?.machine.id,
      claim: copy && outcomes.get(copy.machine.id)?.claim,
      gone: copy !== undefined && this.#isGone(copy.machine),
      now: this.#wall,
    });
    if (run !== last) this.#recordRun(unit, run);
    this.#model.agenda.setDue(unit, run.next === undefined ? undefined : Date.parse(run.next));
    this.#model.copies.setIdle(unit, !isActive(run));
    if (!isActive(run)) {
      this.#rest(unit, copy);
      return;
    }
    if (copy?.machine.cordon && !this.#isHandedOver(copy))
      this.#withdraw(copy, "a new run is due, and that machine is cordoned");
    this.#judgeSingle(unit);
  }

  /** Between two runs a unit stays where it ran, as long as that is possible, but goes nowhere else. */
  #rest(unit: UnitNode, copy: Copy | undefined): void {
    if (copy && this.#isGone(copy.machine)) this.#withdraw(copy, "its machine is gone, and its run is over");
    else if (copy?.machine.cordon?.drain) {
      this.#withdraw(copy, "its machine is being drained, and no run of it is due");
    } else if (copy?.machine.presence === "present") {
      const why = this.#whyLeave(copy);
      if (why !== undefined) this.#withdraw(copy, why);
    }
    this.#homeless.delete(unit);
    this.#failed.delete(unit);
    this.#model.waiting.remove(unit);
    this.#release(unit, "no run of it is due");
  }

  #recordRun(unit: UnitNode, run: Run): void {
    courseOf(unit).run = run;
    this.decisions.push({ kind: "record-run", unit: unit.name, run, reason: describeRun(run) });
  }

  #forgetRun(unit: UnitNode, reason: string): void {
    if (!unit.course?.run) return;
    this.#model.copies.setIdle(unit, false);
    this.#model.agenda.setDue(unit, undefined);
    unit.course.run = undefined;
    this.decisions.push({ kind: "forget-run", unit: unit.name, reason });
  }

  #forgetFailures(unit: UnitNode, reason: string): void {
    if (!unit.course?.tried) return;
    unit.course.tried = undefined;
    this.decisions.push({ kind: "forget-failures", unit: unit.name, reason });
  }

  #isGone({ id, presence }: MachineNode): boolean {
    return presence === "away" && this.#presence.verdict(id, this.#now).kind === "gone";
  }

  /** A run that was handed to a machine is carried out there, or nowhere. */
  #isHandedOver({ unit, as }: Copy): boolean {
    return as.run !== undefined && as.run === unit.course?.run?.run;
  }

  #judgeSingle(unit: UnitNode): void {
    const copy = this.#onlyCopy(unit) ?? this.#heir(unit, "its other copy is gone");
    if (!copy) {
      this.#homeless.add(unit);
      return;
    }
    const { machine } = copy;
    if (machine.presence === "present") {
      const why = this.#isHandedOver(copy) ? undefined : this.#whyLeave(copy);
      if (why === undefined) {
        if (this.#planned.concern(copy) || !this.#movesOn(unit, copy)) this.#keep(unit, copy);
        return;
      }
      this.#withdraw(copy, why);
      this.#left.set(unit, `moved from ${machine.id}: ${why}`);
      if (unit.arrival) this.#judgeSingle(unit);
      else this.#homeless.add(unit);
      return;
    }
    if (machine.presence === "unreadable") {
      this.#renewIfChanged(copy);
      return;
    }
    const verdict = this.#presence.verdict(machine.id, this.#now);
    if (verdict.kind === "gone") {
      if (this.#homeless.has(unit)) return;
      if (unit.arrival?.machine.presence === "present") {
        this.#withdraw(copy, "its machine is gone");
        this.#judgeSingle(unit);
        return;
      }
      if (unit.arrival) this.#withdraw(unit.arrival, "its machine is gone, too");
      this.#left.set(unit, `moved from ${machine.id}: that machine is gone`);
      this.#homeless.add(unit);
      // Its company lives on the same lost machine and moves along.
      for (const dependent of this.#model.dependentsOf(unit)) this.#consequences.add(dependent);
      return;
    }
    if (!this.#model.moves.isUnderWay(unit)) this.#renewIfChanged(copy);
    if (verdict.reason !== undefined)
      this.#park(unit, `its machine ${machine.id} is away; ${verdict.reason}`);
  }

  /** True if the unit has failed too often on its machine: then all is decided about it. */
  #movesOn(unit: UnitNode, copy: Copy): boolean {
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
        this.#forgetFailures(unit, "it was changed since");
      return false;
    }
    const what = describeFailures(failed.here);
    if (!sameRecord(tried, failed.tried)) {
      courseOf(unit).tried = failed.tried;
      this.decisions.push({
        kind: "record-failures",
        unit: unit.name,
        tried: failed.tried,
        reason: what,
      });
    }
    this.#renewIfChanged(copy);
    this.#homeless.delete(unit);
    if (this.#wall < failed.moveAt) {
      this.#model.agenda.setDue(unit, failed.moveAt);
      this.#park(unit, `${what}; it is moved at ${new Date(failed.moveAt).toISOString()}`);
      return true;
    }
    const target = this.#model.copies.without(copy, () => this.#targets.pickAway(unit, machine));
    if (!target) {
      this.#model.agenda.setDue(unit, this.#wall + lookAgainMs);
      this.#park(unit, `${what}; no other machine can take it`);
      return true;
    }
    this.#withdraw(copy, what);
    this.#left.set(unit, `moved from ${machine.id}, because ${what}`);
    this.#settle(unit, target);
    return true;
  }

  /** An arriving copy takes the place of one that is not there any more. */
  #heir(unit: UnitNode, reason: string): Copy | undefined {
    if (!unit.arrival) return undefined;
    this.#takeOver(unit, reason);
    return unit.copy;
  }

  /** A unit that is not global runs once: of several copies the first that may stay is kept. */
  #onlyCopy(unit: UnitNode): Copy | undefined {
    if (!unit.copy?.next) return unit.copy;
    const copies = copiesOf(unit).sort((a, b) => byId(a.machine, b.machine));
    const kept =
      copies.find((copy) => copy.machine.presence === "present" && this.#whyLeave(copy) === undefined) ??
      copies.find((copy) => copy.machine.presence !== "away") ??
      copies[0];
    for (const copy of copies) {
      if (copy !== kept) this.#withdraw(copy, `the unit runs once, on ${kept?.machine.id}`);
    }
    return kept;
  }

  #judgeGlobal(unit: UnitNode): void {
    this.#heir(unit, "every machine that fits runs the unit");
    for (const { machine } of copiesOf(unit).sort((a, b) => byId(a.machine, b.machine)))
      this.#judgeGlobalOn(unit, machine);
  }

  /** Puts a global unit on every machine that fits it. */
  #spread(unit: UnitNode): void {
    for (const machine of this.#model.machinesById) this.#spreadTo(unit, machine);
    this.#concludeGlobal(unit);
  }

  /** True if the unit left the machine. */
  #judgeGlobalOn(unit: UnitNode, machine: MachineNode): boolean {
    const copy = copyOn(unit, machine);
    if (!copy) return false;
    // A machine that is away will take the unit up again if it comes back.
    const why = machine.presence === "present" ? this.#whyLeave(copy) : undefined;
    if (why === undefined) this.#renewIfChanged(copy);
    else this.#withdraw(copy, why);
    return why !== undefined;
  }

  /** True if the unit came to the machine. */
  #spreadTo(unit: UnitNode, machine: MachineNode): boolean {
    if (machine.presence !== "present" || copyOn(unit, machine)) return false;
    if (!this.#rules.admits(unit, machine) || this.#isRestless(unit, machine)) return false;
    this.#settle(unit, machine);
    return true;
  }

  #concludeGlobal(unit: UnitNode): void {
    if (copiesOf(unit).some(({ machine }) => machine.presence !== "away")) this.#concludeHoused(unit);
    else this.#failed.add(unit);
  }

  /** Why the copy's machine, were it asked now, would not take the unit; undefined if it would. */
  #whyLeave(copy: Copy): string | undefined {
    return this.#model.copies.without(copy, () =>
      this.#rules.admits(copy.unit, copy.machine)
        ? undefined
        : explainLeaving(copy.unit, copy.machine, this.#rules),
    );
  }

  // Where to go.

  #houseAll(): void {
    const homeless = [...this.#homeless].sort(byName);
    this.#homeless.clear();
    for (const unit of homeless) this.#house(unit);
  }

  #house(unit: UnitNode): void {
    if (this.#isHoused(unit)) return;
    if (hasCompany(unit, this.#model)) {
      this.#houseCompany(companyOf(unit, this.#model));
      return;
    }
    if (this.#isHopeless(unit)) {
      this.#failed.add(unit);
      return;
    }
    const machine = this.#targets.pick(unit);
    if (machine && !this.#isRestless(unit, machine)) {
      this.#settle(unit, machine);
      return;
    }
    const key = this.#classKey(unit);
    if (key !== undefined) this.#hopeless.add(key);
    this.#failed.add(unit);
  }

  #isHopeless(unit: UnitNode): boolean {
    if (this.#hopeless.size === 0) return false;
    const key = this.#classKey(unit);
    return key !== undefined && this.#hopeless.has(key);
  }

  /** Together if nobody of the company is housed and one machine fits all; else each by the rules. */
  #houseCompany(company: readonly UnitNode[]): void {
    const homeless = company.filter((member) => !this.#isHoused(member));
    if (homeless.length === company.length) {
      const leader = company.find((member) => this.#model.peersOf(member).length === 0) ?? company[0];
      const machine = leader ? this.#targets.pickTogether(company, leader) : undefined;
      if (machine && !company.some((member) => this.#isRestless(member, machine))) {
        for (const member of company) this.#settle(member, machine);
        return;
      }
    }
    for (const member of homeless) {
      this.#homeless.delete(member);
      const machine = this.#targets.pickBeside(member, company) ?? this.#targets.pick(member);
      if (machine && !this.#isRestless(member, machine)) this.#settle(member, machine);
      else this.#failed.add(member);
    }
  }

  /** True if the unit is on a machine that it need not leave: one that is there, or is waited for. */
  #isHoused(unit: UnitNode): boolean {
    const machine = unit.copy?.machine;
    if (!machine) return false;
    return machine.presence !== "away" || this.#presence.verdict(machine.id, this.#now).kind === "held";
  }

  /** Units with the same key are rejected by the same machines. */
  #classKey(unit: UnitNode): string | undefined {
    const { demand, matchedBy } = unit;
    if (!demand || unit.evicted) return undefined;
    return matchedBy.length === 0
      ? demand.key
      : `${demand.key} ${matchedBy.map((pattern) => pattern.number).join(" ")}`;
  }

  // What is decided.

  #keep(unit: UnitNode, copy: Copy): void {
    this.#homeless.delete(unit);
    this.#evict(unit, copy.machine);
    // A copy that is about to go need not follow what is wanted, but for a stop.
    if (!this.#model.moves.isUnderWay(unit) || unit.wish?.target !== "launched") this.#renewIfChanged(copy);
    if (this.#planned.concern(copy)) this.#waitsNoLonger(unit);
    else if (copy.machine.cordon?.drain && isOnRun(unit)) {
      this.#waitsNoLonger(unit);
      this.#park(
        unit,
        `its machine ${copy.machine.id} is being drained, and its run goes on there until it ends`,
      );
    } else this.#concludeHoused(unit);
  }

  #settle(unit: UnitNode, machine: MachineNode): void {
    const { demand } = unit;
    const wish = wishFor(unit, machine);
    if (!wish || !demand) return;
    let reason = this.#reasons.here(unit, machine);
    const left = this.#left.get(unit);
    if (left !== undefined) reason = `${reason}; ${left}`;
    if (unit.copy && !demand.requirements.global) this.#withdraw(unit.copy, "its machine is gone");
    this.#model.copies.place(unit, machine, wish);
    this.#tell(unit, machine, wish, reason);
    this.#homeless.delete(unit);
    this.#concludeHoused(unit);
    this.#evict(unit, machine);
    for (const dependent of this.#model.dependentsOf(unit)) this.#consequences.add(dependent);
  }

  /** Units that this one replaces have to leave the machine. */
  #evict(unit: UnitNode, machine: MachineNode): void {
    if (unit.demand?.replaces.length === 0) return;
    for (const replaced of replacedBy(unit, machine)) {
      replaced.evicted = true;
      this.#consequences.add(replaced);
    }
  }

  #concludeHoused(unit: UnitNode): void {
    this.#waitsNoLonger(unit);
    this.#release(unit, "placed");
  }

  #waitsNoLonger(unit: UnitNode): void {
    this.#failed.delete(unit);
    this.#left.delete(unit);
    this.#model.waiting.remove(unit);
  }

  #renewIfChanged(copy: Copy): void {
    const { unit, machine, as } = copy;
    const wish = wishFor(unit, machine);
    if (!wish || sameWish(as, wish)) return;
    this.#model.copies.renew(copy, wish);
    this.#tell(unit, machine, wish, `still fits here; ${whatChanged(as, wish)}`);
  }

  /** `wish` is for more than an inactive unit: no other is placed. */
  #tell(
    unit: UnitNode,
    machine: MachineNode,
    { hash, target, generation, run }: Wish,
    reason: string,
    move?: "arriving" | "leaving",
  ): void {
    const placement: Placement = {
      machine: machine.id,
      unit: unit.name,
      hash,
      target: target === "launched" ? "launched" : "loaded",
      generation,
      ...(run === undefined ? {} : { run }),
      reason,
      ...(move === undefined ? {} : { move }),
    };
    this.decisions.push({ kind: "place", placement });
  }

  // What planned moves are made of.

  #moveActs(): MoveActs {
    return {
      withdraw: (copy, reason) => {
        this.#withdraw(copy, reason);
        this.#consequences.add(copy.unit);
      },
      settle: (unit, machine, why) => {
        this.#left.set(unit, why);
        this.#settle(unit, machine);
      },
      arrive: (unit, machine, why) => {
        const wish = wishFor(unit, machine);
        if (!wish) return;
        const reason = `${this.#reasons.here(unit, machine)}; ${why}`;
        this.#model.copies.arrive(unit, machine, wish);
        this.#tell(unit, machine, wish, reason, "arriving");
      },
      takeOver: (unit, reason) => this.#takeOver(unit, reason),
      renewArrival: (copy) => {
        const { unit, machine, as } = copy;
        const wish = wishFor(unit, machine);
        if (!wish || sameWish(as, wish)) return;
        this.#model.copies.renew(copy, wish);
        this.#tell(unit, machine, wish, `to take over; ${whatChanged(as, wish)}`, "arriving");
      },
      leave: (copy, reason) => {
        const wish: Wish = { ...copy.as, target: "loaded" };
        this.#model.copies.beginLeaving(copy, wish);
        this.#tell(copy.unit, copy.machine, wish, reason, "leaving");
      },
      stay: (copy, reason) => {
        const wish = wishFor(copy.unit, copy.machine) ?? copy.as;
        this.#model.copies.renew(copy, wish);
        this.#tell(copy.unit, copy.machine, wish, `stays here: ${reason}`);
      },
      park: (unit, reason) => this.#park(unit, reason),
      release: (unit, reason) => this.#release(unit, reason),
      endMove: (name, reason) => {
        const wanted = this.#model.moves.wanted.get(name);
        if (!wanted) return;
        this.#model.moves.wanted.delete(name);
        this.decisions.push({ kind: "end-move", unit: name, revision: wanted.revision, reason });
        const unit = this.#model.units.get(name);
        if (unit) this.#consequences.add(unit);
      },
    };
  }

  #takeOver(unit: UnitNode, reason: string): void {
    const { arrival } = unit;
    const wish = arrival && wishFor(unit, arrival.machine);
    if (!arrival || !wish) return;
    this.#model.copies.takeOver(unit);
    this.#model.copies.renew(arrival, wish);
    this.#tell(unit, arrival.machine, wish, reason);
    for (const dependent of this.#model.dependentsOf(unit)) this.#consequences.add(dependent);
  }

  /**
   * Requirements that contradict each other (a unit that replaces its own peer) would send units to and fro: after
   * the second departure from the same machine a unit waits for the next event.
   */
  #isRestless(unit: UnitNode, machine: MachineNode): boolean {
    return this.#departures.size > 0 && (this.#departures.get(`${machine.id}/${unit.name}`) ?? 0) >= 2;
  }

  #withdraw(copy: Copy, reason: string): void {
    const { unit, machine } = copy;
    this.#model.copies.withdraw(copy);
    countUp(this.#departures, `${machine.id}/${unit.name}`);
    this.decisions.push({ kind: "withdraw", machine: machine.id, unit: unit.name, reason });
    for (const dependent of this.#model.dependentsOf(unit)) this.#consequences.add(dependent);
  }

  #park(unit: UnitNode, reason: string): void {
    const hash = unit.wish?.hash ?? "";
    if (unit.parked?.reason === reason && unit.parked.hash === hash) return;
    const unplaced = { hash, reason };
    unit.parked = unplaced;
    this.decisions.push({ kind: "park", unit: unit.name, unplaced });
  }

  #release(unit: UnitNode, reason: string): void {
    if (!unit.parked) return;
    unit.parked = undefined;
    this.decisions.push({ kind: "unpark", unit: unit.name, reason });
  }

  // What may help others.

  /** Machines that may take more: first for global units, then for one unit of each class that fits nowhere. */
  #relieve(): void {
    const { relieved } = this.#model;
    if (relieved.size === 0) return;
    const machines = [...relieved].sort(byId);
    relieved.clear();
    this.#hopeless = new Set();
    for (const unit of [...this.#model.globals].sort(byName)) {
      if (unit.troubles) continue;
      let changed = false;
      for (const machine of machines) {
        changed = this.#judgeGlobalOn(unit, machine) || this.#spreadTo(unit, machine) || changed;
      }
      if (changed || !unit.copy) this.#concludeGlobal(unit);
    }
    for (const waiting of this.#model.waiting.classes()) {
      if (!this.#mayHelp(machines, waiting)) continue;
      for (const unit of waiting.units) this.#homeless.add(unit);
    }
    for (const unit of this.#failed)
      if (unit.demand && !unit.demand.requirements.global) this.#homeless.add(unit);
  }

  #mayHelp(machines: readonly MachineNode[], { units }: WaitingClass): boolean {
    for (const unit of units) {
      if (unit.demand?.requirements.global) return false;
      return machines.some((machine) => this.#rules.admitsWithoutPeers(unit, machine));
    }
    return false;
  }

  #takeConsequences(): UnitNode[] {
    const units = [...this.#consequences].sort(byName);
    this.#consequences = new Set();
    return units;
  }

  // What is told.

  #explainFailures(): void {
    const sentences = new Map<string, string>();
    for (const unit of this.#failed) {
      this.#model.waiting.add(unit);
      // A lost machine that comes back is to run what is wanted now; what was leaving it goes on doing so.
      if (unit.copy && !this.#model.moves.isUnderWay(unit)) this.#renewIfChanged(unit.copy);
    }
    const retold: Iterable<UnitNode> = this.#model.machinesChanged ? this.#allWaiting() : this.#failed;
    this.#model.machinesChanged = false;
    for (const unit of [...retold].sort(byName)) {
      const company = hasCompany(unit, this.#model);
      const key = company ? undefined : this.#classKey(unit);
      let sentence = key === undefined ? undefined : sentences.get(key);
      sentence ??= explainUnplaced(unit, this.#model, this.#rules);
      if (key !== undefined) sentences.set(key, sentence);
      const away = unit.demand?.requirements.global ? undefined : unit.copy?.machine;
      this.#park(unit, away ? `its machine ${away.id} is gone and ${sentence}` : sentence);
    }
  }

  *#allWaiting(): IterableIterator<UnitNode> {
    for (const { units } of this.#model.waiting.classes()) yield* units;
  }

  // Machines that are away.

  /** A hold is a reason to wait, and its end a reason to look again. */
  #markHoldsThatEnded(): void {
    for (const id of this.#presence.takeEndedHolds(this.#now)) {
      for (const copy of this.#model.machines.get(id)?.copies ?? []) this.#model.agenda.mark(copy.unit);
    }
  }

  /** States that a lost machine reported are forgotten once its units have been dealt with. */
  #sweep(): void {
    for (const machine of this.#model.awayMachines) {
      if (this.#presence.verdict(machine.id, this.#now).kind !== "gone") continue;
      if (machine.hasStates) {
        machine.hasStates = false;
        this.decisions.push({ kind: "sweep-states", machine: machine.id, reason: "the machine is gone" });
      }
      if (this.#presence.awayFor(machine.id, this.#now) >= forgetAfterMs) {
        const globals = machine.copies.filter(
          ({ unit }) => unit.demand?.requirements.global && !unit.troubles,
        );
        for (const copy of globals) this.#withdraw(copy, "its machine has been gone for long");
      }
      if (machine.copies.length > 0) continue;
      this.#model.forgetMachine(machine);
      this.#presence.forget(machine.id);
    }
  }
}

/** True if the file that the unit runs from is not the one it is to run from. */
function hasNewFile({ copy, wish }: UnitNode): boolean {
  return copy !== undefined && wish !== undefined && copy.as.hash !== wish.hash;
}

function whatChanged(as: Wish, wish: Wish): string {
  if (as.hash !== wish.hash) return "its file has changed";
  if (as.target !== wish.target) return `its target is now ${wish.target}`;
  return as.run !== wish.run ? `its run of ${wish.run} is due` : "a restart was asked for";
}
