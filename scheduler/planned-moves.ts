/**
 * Moves that somebody asked for: of all units of a machine that is drained, and of single ones.
 *
 * A unit that may run twice for a moment gets its new copy first (`arriving`); the old one goes when the new one is ready, and
 * stays if the new one fails. A fenced unit, or one that its own `Conflicts=` keeps from running twice, is stopped where it is
 * first (`leaving`), and started elsewhere when it has stopped. Units that `MachineOf=` binds together move together, in the
 * way of the most careful of them. So there is never more than one copy that is the unit's own, and beside it at most one that
 * arrives.
 *
 * All of it follows from the placements and from who still wants the move, so a new leader goes on where the last one was, and
 * a move that nobody wants any more is undone. A unit that nothing else can take stays and runs. Pure.
 */
import type { WantedMove } from "../cluster/wanted-move.ts";
import { companyOf, hasCompany } from "./company.ts";
import { explainUnplaced, wouldReplace } from "./explain.ts";
import type { Filter } from "./filters/filter.ts";
import { replacedBy } from "./filters/replaces.ts";
import type { ClusterModel } from "./model.ts";
import type { MoveLedger } from "./move-ledger.ts";
import { byId, byName, type Copy, type MachineNode, type UnitNode } from "./nodes.ts";
import { type Arrival, arrivalOf, hasStopped, isIdle, type Reports } from "./reports.ts";
import type { Rejection, Rules } from "./rules.ts";
import { type Targets, triedBy } from "./targets.ts";

/** So many units of one machine are on the move at once. */
const atOnce = 4;

/** What a move is made of. Each is decided, told and written by whoever implements it. */
export interface MoveActs {
  withdraw(copy: Copy, reason: string): void;
  /** Places the unit, which has no copy now; `why` goes with the reason for the machine. */
  settle(unit: UnitNode, machine: MachineNode, why: string): void;
  arrive(unit: UnitNode, machine: MachineNode, why: string): void;
  /** The arriving copy becomes the unit's own. */
  takeOver(unit: UnitNode, reason: string): void;
  /** Asks an arriving copy to do what is wanted of the unit now. */
  renewArrival(copy: Copy): void;
  /** Asks a copy to stop, so that the unit can start elsewhere. */
  leave(copy: Copy, reason: string): void;
  /** Takes that back. */
  stay(copy: Copy, reason: string): void;
  park(unit: UnitNode, reason: string): void;
  release(unit: UnitNode, reason: string): void;
  /** A wanted move is over. */
  endMove(name: string, reason: string): void;
}

/** Units that move as one, all of them on one machine now. */
interface Party {
  readonly copies: readonly Copy[];
  readonly from: MachineNode;
}

export class PlannedMoves {
  readonly #model: ClusterModel;
  readonly #ledger: MoveLedger;
  readonly #targets: Targets;
  readonly #rules: Rules;
  readonly #reports: Reports;
  readonly #now: number;
  readonly #acts: MoveActs;
  /** Units whose move has begun in this round: one that comes to nothing at once is not tried again before the next. */
  readonly #begun = new Set<UnitNode>();

  constructor(
    model: ClusterModel,
    targets: Targets,
    rules: Rules,
    reports: Reports,
    now: number,
    acts: MoveActs,
  ) {
    this.#model = model;
    this.#ledger = model.moves;
    this.#targets = targets;
    this.#rules = rules;
    this.#reports = reports;
    this.#now = now;
    this.#acts = acts;
  }

  /** True if the unit's copy is under way, or somebody wants it elsewhere. */
  concern(copy: Copy): boolean {
    return this.#ledger.isUnderWay(copy.unit) || this.#whyAway(copy) !== undefined;
  }

  /** Takes every move one step on, as far as the reports allow. */
  step(): void {
    if (!this.#isAnythingPlanned()) return;
    for (const copy of this.#ledger.landing) this.#land(copy);
    for (const unit of this.#underWay()) {
      const party = this.#partyOf(unit);
      if (party) this.#advance(party);
    }
    for (const machine of [...this.#model.draining].sort(byId)) this.#drain(machine);
    for (const name of [...this.#ledger.wanted.keys()].sort()) this.#answerWish(name);
  }

  #isAnythingPlanned(): boolean {
    return this.#isAnyUnderWay() || this.#ledger.wanted.size > 0 || this.#model.draining.size > 0;
  }

  #isAnyUnderWay(): boolean {
    const { arriving, leaving, landing } = this.#ledger;
    return arriving.size > 0 || leaving.size > 0 || landing.size > 0;
  }

  /** True if there are moves under way from a machine that is there, which they will relieve. */
  #isRoomToCome(): boolean {
    const { arriving, leaving } = this.#ledger;
    const relieves = (copy: Copy | undefined): boolean => copy?.machine.presence === "present";
    return [...leaving].some(relieves) || [...arriving].some(({ copy }) => relieves(copy));
  }

  // Moves that are under way.

  #underWay(): UnitNode[] {
    const units = new Set(this.#ledger.arriving);
    for (const { unit } of this.#ledger.leaving) units.add(unit);
    return [...units].filter((unit) => !unit.troubles).sort(byName);
  }

  #advance(party: Party): void {
    const { copies } = party;
    // Another member of the party may have taken this one along.
    if (!copies.some(({ unit }) => this.#ledger.isUnderWay(unit))) return;
    if (!copies.some((copy) => this.#whyAway(copy) !== undefined)) {
      this.#undo(party, "the move was called off");
      return;
    }
    const leaving = copies.filter((copy) => this.#ledger.leaving.has(copy));
    if (leaving.length > 0) this.#advanceLeaving(party, leaving);
    else this.#advanceArriving(party);
  }

  /** The units are being stopped: once they have, they start elsewhere. */
  #advanceLeaving(party: Party, leaving: readonly Copy[]): void {
    const rest = party.copies.filter((copy) => !this.#ledger.leaving.has(copy));
    for (const { unit } of party.copies)
      if (unit.arrival) this.#acts.withdraw(unit.arrival, "it must stop first");
    for (const copy of rest) this.#acts.leave(copy, `it moves with "${leaving[0]?.unit.name}"`);
    if (rest.length > 0 || !leaving.every((copy) => this.#hasStopped(copy))) return;
    const target = this.#pick(party);
    if (target) this.#replant(party, target);
    else this.#strand(party);
  }

  #hasStopped(copy: Copy): boolean {
    return hasStopped(copy, this.#reports, this.#ledger.isSettled(copy, this.#now));
  }

  #advanceArriving(party: Party): void {
    const arrivals: Copy[] = [];
    for (const { unit } of party.copies) if (unit.arrival) arrivals.push(unit.arrival);
    const problem = this.#whyNotArriving(party, arrivals);
    if (problem !== undefined) {
      this.#undo(party, problem);
      return;
    }
    if (arrivals.some(({ machine }) => machine.presence === "unreadable")) return;
    for (const arrival of arrivals) this.#acts.renewArrival(arrival);
    let isAnyWaiting = false;
    for (const arrival of arrivals) {
      const problem = this.#whyFailed(arrival);
      if (problem !== undefined) {
        this.#fail(party, arrival, problem);
        return;
      }
      isAnyWaiting ||= this.#arrivalOf(arrival).kind === "waiting";
    }
    if (!isAnyWaiting) for (const copy of party.copies) this.#finish(copy);
  }

  #whyFailed(arrival: Copy): string | undefined {
    const came = this.#arrivalOf(arrival);
    if (came.kind === "failed") return came.reason;
    const isLate = came.kind === "waiting" && this.#ledger.isOverdue(arrival, this.#now);
    return isLate ? "it was not ready there in time" : undefined;
  }

  #arrivalOf(copy: Copy): Arrival {
    return arrivalOf(copy, this.#reports, this.#ledger.isSettled(copy, this.#now));
  }

  /** Why the copies that are arriving cannot go on doing so, or undefined. */
  #whyNotArriving(party: Party, arrivals: readonly Copy[]): string | undefined {
    const [first] = arrivals;
    if (!first || arrivals.length < party.copies.length) return "not all that move together are on their way";
    const company = new Set(arrivals.map(({ unit }) => unit));
    for (const arrival of arrivals) {
      const { machine, unit } = arrival;
      if (mayNotRunTwice(unit)) return "it must not run twice any more";
      if (machine !== first.machine) return "not all that move together go to the same machine";
      if (machine.presence === "away") return `${machine.id} is gone`;
      if (machine.presence === "unreadable") continue;
      if (machine.cordon?.drain) return `${machine.id} is being drained, too`;
      if (!this.#fits(arrival, company)) return `${machine.id} cannot take it any more`;
    }
    return undefined;
  }

  #fits(arrival: Copy, company: ReadonlySet<UnitNode>): boolean {
    const { unit, machine } = arrival;
    if (replacedBy(unit, machine).length > 0) return false;
    return this.#model.copies.without(
      arrival,
      () => this.#rules.admitsWithoutPeers(unit, machine) && this.#targets.peersAreOn(unit, machine, company),
    );
  }

  #finish(copy: Copy): void {
    const { unit } = copy;
    const target = unit.arrival?.machine;
    if (!target) return;
    const why = this.#whyAway(copy) ?? "it moves with its peers";
    this.#acts.withdraw(copy, `moved to ${target.id}: ${why}`);
    this.#acts.takeOver(unit, `moved from ${copy.machine.id}: ${why}`);
    this.#acts.release(unit, "moved");
    if (this.#ledger.wanted.has(unit.name)) this.#acts.endMove(unit.name, `it is on ${target.id} now`);
  }

  #fail(party: Party, arrival: Copy, reason: string): void {
    for (const { unit } of party.copies)
      if (unit.arrival) this.#ledger.refuse(unit.arrival, reason, this.#now);
    const { machine, unit } = arrival;
    this.#undo(party, `"${unit.name}" did not come up on ${machine.id}: ${reason}`);
    this.#endMoves(party, `"${unit.name}" did not come up on ${machine.id}: ${reason}`);
  }

  /** Everything is again as it was before the move began. */
  #undo(party: Party, reason: string): void {
    for (const copy of party.copies) {
      if (copy.unit.arrival) this.#acts.withdraw(copy.unit.arrival, reason);
      if (this.#ledger.leaving.has(copy)) this.#acts.stay(copy, reason);
    }
  }

  /** A unit that was stopped first counts as being on the move until it is ready again. */
  #land(copy: Copy): void {
    const isOver = this.#arrivalOf(copy).kind !== "waiting" || this.#ledger.isOverdue(copy, this.#now);
    if (isOver) this.#ledger.landing.delete(copy);
  }

  // Moves that are to begin.

  /** Begins as many moves as may be under way at once. */
  #drain(machine: MachineNode): void {
    if (machine.presence !== "present" || !this.#reports.knows(machine.id)) return;
    let free = atOnce - this.#countLeaving(machine);
    const copies = machine.copies.toSorted((a, b) => byName(a.unit, b.unit));
    for (const copy of copies) {
      if (free <= 0) return;
      if (
        copy !== copy.unit.copy ||
        this.#whyAway(copy) === undefined ||
        this.#ledger.isUnderWay(copy.unit)
      ) {
        continue;
      }
      const party = this.#partyOf(copy.unit);
      if (party && this.#begin(party)) free -= party.copies.length;
    }
  }

  #countLeaving(machine: MachineNode): number {
    let count = 0;
    for (const unit of this.#ledger.arriving) if (unit.copy?.machine === machine) count += 1;
    for (const copy of this.#ledger.leaving) if (copy.machine === machine) count += 1;
    // Where they came from is not known any more; they count for every machine, which only slows two drains at once.
    return count + this.#ledger.landing.size;
  }

  /** A wanted move is begun, or ended with the reason why it cannot be. */
  #answerWish(name: string): void {
    const wanted = this.#ledger.wanted.get(name);
    const unit = this.#model.units.get(name);
    if (!wanted || unit?.troubles) return;
    const over = whyOver(unit, wanted.move);
    if (over !== undefined) this.#acts.endMove(name, over);
    const from = unit?.copy?.machine;
    if (!unit || !from || over !== undefined || this.#ledger.isUnderWay(unit)) return;
    if (from.presence !== "present" || !this.#reports.knows(from.id)) return;
    const party = this.#countLeaving(from) < atOnce ? this.#partyOf(unit) : undefined;
    if (party) this.#begin(party);
  }

  /** True if units are under way because of it. */
  #begin(party: Party): boolean {
    if (party.copies.some(({ unit }) => this.#begun.has(unit))) return false;
    const idle = party.copies.every((copy) => isIdle(copy, this.#reports));
    const stopsFirst = party.copies.some(({ unit }) => mayNotRunTwice(unit));
    if (stopsFirst && !idle && party.copies.some(({ unit }) => this.#hasSiblingUnderWay(unit))) return false;
    const target = this.#pick(party);
    if (!target) {
      this.#strand(party);
      return false;
    }
    for (const { unit } of party.copies) this.#begun.add(unit);
    const why = this.#whyOf(party);
    if (idle) this.#replant(party, target);
    else if (stopsFirst) {
      for (const copy of party.copies)
        this.#acts.leave(copy, `stops here before it starts elsewhere: ${why}`);
    } else {
      for (const { unit } of party.copies) {
        this.#acts.arrive(unit, target, `to take over from ${party.from.id}: ${why}`);
      }
    }
    for (const { unit } of party.copies) this.#acts.release(unit, "it is being moved");
    return true;
  }

  /** Away from one machine and onto another in one go, for units that do not run just now. */
  #replant(party: Party, target: MachineNode): void {
    const why = this.#whyOf(party);
    const wereLeaving = party.copies.filter((copy) => this.#ledger.leaving.has(copy));
    for (const copy of party.copies) this.#acts.withdraw(copy, `moved to ${target.id}: ${why}`);
    for (const { unit } of party.copies) {
      this.#acts.settle(unit, target, `moved from ${party.from.id}: ${why}`);
      this.#acts.release(unit, "moved");
      if (this.#ledger.wanted.has(unit.name)) this.#acts.endMove(unit.name, `it is on ${target.id} now`);
    }
    for (const { unit } of wereLeaving) if (unit.copy) this.#ledger.landing.add(unit.copy);
  }

  /** Nothing else can take them: they stay where they are, and run. */
  #strand(party: Party): void {
    this.#undo(party, "nothing else can take it");
    for (const copy of party.copies) {
      const { unit, machine } = copy;
      const sentence = explainUnplaced(unit, this.#model, this.#rules, {
        from: machine,
        whyClosed: (other) => this.#whyClosed(party, other),
      });
      if (machine.cordon?.drain) {
        this.#acts.park(unit, `its machine ${machine.id} is being drained, but it stays there: ${sentence}`);
      }
      // Another move that is under way may make room.
      if (this.#ledger.wanted.has(unit.name) && !this.#isRoomToCome()) {
        this.#acts.endMove(unit.name, `nothing else can take it: ${sentence}`);
      }
    }
  }

  #endMoves(party: Party, reason: string): void {
    for (const { unit } of party.copies) {
      if (this.#ledger.wanted.has(unit.name)) this.#acts.endMove(unit.name, reason);
    }
  }

  // Who, why and where.

  /** The unit and all that must move with it. Undefined if it is nowhere, or runs everywhere. */
  #partyOf(unit: UnitNode): Party | undefined {
    const from = unit.copy?.machine;
    if (!from || !unit.demand || unit.demand.requirements.global) return undefined;
    const members = hasCompany(unit, this.#model) ? companyOf(unit, this.#model) : [unit];
    const copies: Copy[] = [];
    for (const member of members) {
      if (member.copy?.machine === from && !isOnRun(member)) copies.push(member.copy);
    }
    return copies.length > 0 ? { copies, from } : undefined;
  }

  /** Why somebody wants the copy elsewhere, or undefined. */
  #whyAway(copy: Copy): string | undefined {
    const { unit, machine } = copy;
    if (unit.demand?.requirements.global || unit.troubles || isOnRun(unit)) return undefined;
    if (machine.cordon?.drain) {
      const { reason } = machine.cordon;
      return `that machine is being drained${reason === undefined ? "" : ` (${reason})`}`;
    }
    const wanted = this.#ledger.wanted.get(unit.name)?.move;
    return wanted?.from === machine.id && wanted.to !== machine.id ? wanted.reason : undefined;
  }

  #whyOf(party: Party): string {
    for (const copy of party.copies) {
      const why = this.#whyAway(copy);
      if (why !== undefined) return why;
    }
    return "it moves with its peers";
  }

  #hasSiblingUnderWay({ template }: UnitNode): boolean {
    if (!template) return false;
    for (const { unit } of this.#ledger.leaving) if (unit.template === template) return true;
    for (const { unit } of this.#ledger.landing) if (unit.template === template) return true;
    return false;
  }

  #pick(party: Party): MachineNode | undefined {
    const members = party.copies.map(({ unit }) => unit);
    const leader = members.find((member) => this.#model.peersOf(member).length === 0) ?? members[0];
    const isOpen = (machine: MachineNode): boolean =>
      machine !== party.from && this.#whyClosed(party, machine) === undefined;
    return (
      leader && this.#withoutAll(party.copies, () => this.#targets.pickTogether(members, leader, isOpen))
    );
  }

  /** What `look` says while none of the copies counts. */
  #withoutAll<T>(copies: readonly Copy[], look: () => T): T {
    const [first, ...rest] = copies;
    return first ? this.#model.copies.without(first, () => this.#withoutAll(rest, look)) : look();
  }

  /** Why the party is not to go to a machine, whatever the rules say; undefined if it may. */
  #whyClosed(party: Party, machine: MachineNode): Rejection | undefined {
    for (const { unit } of party.copies) {
      const to = this.#ledger.wanted.get(unit.name)?.move.to;
      if (to !== undefined && to !== machine.id && !party.from.cordon?.drain) return notAskedFor;
      const refusal = this.#ledger.refusal(unit, machine, this.#now);
      if (refusal !== undefined) return { filter: tried, about: refusal };
      if (triedBy(unit)?.has(machine.id)) return { filter: tried, about: "it failed too often" };
      if (replacedBy(unit, machine).length > 0) return wouldReplace;
    }
    return undefined;
  }
}

const notAskedFor: Rejection = {
  about: "target",
  filter: {
    name: "target",
    rejects: () => undefined,
    words: (_about, count) => `${count === 1 ? "is" : "are"} not the one that was asked for`,
  },
};

const tried: Filter = {
  name: "tried",
  rejects: () => undefined,
  words: (about, count) => `${count === 1 ? "was" : "were"} tried in vain: ${about}`,
};

/** Why a wanted move makes no sense, or not any more; undefined if it does. */
function whyOver(unit: UnitNode | undefined, { from, to }: WantedMove): string | undefined {
  if (!unit?.wish) return "there is no such unit";
  if (!unit.demand) return "the unit is not started";
  if (unit.demand.requirements.global) return "a global unit is on every machine that fits it";
  if (isOnRun(unit)) return "a run is carried out where it was begun";
  if (unit.copy?.machine.id !== from) return `it is not on ${from}`;
  return to === from ? `it is on ${to} already` : undefined;
}

/** A unit that runs to its end is not moved: a run is carried out once, and the next one begins where there is room then. */
export function isOnRun({ demand, wish }: UnitNode): boolean {
  return (demand?.toEnd ?? false) && wish?.target === "launched";
}

/** True if a second copy of the unit must not run, not even for a moment and on another machine. */
function mayNotRunTwice({ demand, matchedBy }: UnitNode): boolean {
  if (!demand) return false;
  return demand.requirements.fence || demand.conflicts.some((pattern) => matchedBy.includes(pattern));
}
