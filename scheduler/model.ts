/**
 * The cluster as the scheduler sees it: units, machines, copies and what is parked, indexed so that a decision looks only
 * at what it is about. It is kept current by changes; what one change costs does not grow with the cluster.
 *
 * Two kinds of callers write here: the pass tells what the store says (`set…`), and the deciding tells what it has just
 * decided (`copies`, `agenda.setDue`, …). When the store later echoes a decision, nothing changes. The indexes are files of
 * their own; this one says what a change of the store means to them.
 *
 * Pure: no clock, no I/O, and the same calls in the same order give the same model.
 */
import type { Cordon } from "../cluster/cordon.ts";
import type { PlatformError } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Placement, Unplaced } from "../cluster/placement.ts";
import { type Outcome, type Run, sameRecord, type Tried } from "../cluster/run.ts";
import type { Unit } from "../cluster/unit.ts";
import { isTemplate } from "../cluster/unit-name.ts";
import type { WantedMove } from "../cluster/wanted-move.ts";
import { Agenda } from "./agenda.ts";
import { Copies } from "./copies.ts";
import { courseOf } from "./course.ts";
import { DemandIndex } from "./demands.ts";
import { MachineIndex, sameMachine } from "./machine-index.ts";
import { MoveLedger } from "./move-ledger.ts";
import { allCopiesOf, copyOn, type Demand, type MachineNode, type UnitNode } from "./nodes.ts";
import { count, forgetSurveys, lighten, uncount, weigh } from "./occupancy.ts";
import { PatternIndex } from "./patterns.ts";
import { Peers } from "./peers.ts";
import { PoolIndex } from "./pool-index.ts";
import { UnitIndex } from "./unit-index.ts";
import { Waiting } from "./waiting.ts";
import { sameHolds, sameWish, sharedWish } from "./wishes.ts";

export interface ModelOptions {
  /** Machine metadata keys across which instances of one template are spread, most important first. */
  readonly spreadBy?: readonly string[];
}

export class ClusterModel {
  readonly globals = new Set<UnitNode>();
  /** Who is to be decided about. */
  readonly agenda = new Agenda();
  /** Units that fit nowhere, by what they ask for. */
  readonly waiting = new Waiting();
  /** Machines that may take more than before: joined, changed, or left by a unit. Emptied by the deciding. */
  readonly relieved = new Set<MachineNode>();
  /** What is being moved according to plan, and what is wanted to be. */
  readonly moves = new MoveLedger();
  /** What runs where. */
  readonly copies = new Copies(this.moves, this.relieved);
  /** Machines came, went or changed: what is said about units that fit nowhere is out of date. Reset by the deciding. */
  machinesChanged = true;

  readonly #patterns = new PatternIndex();
  readonly #pools: PoolIndex;
  readonly #demands: DemandIndex;
  readonly #units = new UnitIndex(this.#patterns, this.waiting, this.agenda);
  readonly #peers = new Peers(this.#units);
  readonly #machines = new MachineIndex();
  #present = 0;

  constructor(options: ModelOptions = {}) {
    this.#pools = new PoolIndex(options.spreadBy ?? []);
    this.#demands = new DemandIndex(this.#patterns, this.#pools);
  }

  get units(): ReadonlyMap<string, UnitNode> {
    return this.#units.units;
  }

  get machines(): ReadonlyMap<string, MachineNode> {
    return this.#machines.machines;
  }

  /** Machines that placements, states or a lapsed lease speak of, and that are not there. */
  get awayMachines(): ReadonlySet<MachineNode> {
    return this.#machines.away;
  }

  /** Machines that are to be emptied. */
  get draining(): ReadonlySet<MachineNode> {
    return this.#machines.draining;
  }

  /** How many machines are in the cluster now. */
  get presentMachines(): number {
    return this.#present;
  }

  /** Every machine ever seen and still referred to, in order of id. */
  get machinesById(): readonly MachineNode[] {
    return this.#machines.byId;
  }

  // What the store says.

  /** The unit as its record and file say, or undefined once it is destroyed. */
  setUnit(name: string, unit: Unit | undefined): void {
    const node = unit ? this.#units.node(name) : this.units.get(name);
    if (!node) return;
    if (!unit) {
      node.wish = undefined;
      node.held = undefined;
      this.#setDemand(node, undefined);
      this.agenda.mark(node);
      return;
    }
    const wanted = unit.target !== "inactive" && !isTemplate(name);
    const sameHeld = sameHolds(node.held, unit.held);
    if (node.wish && sameWish(node.wish, unit) && sameHeld && (node.demand !== undefined) === wanted) return;
    node.wish = sharedWish(node.template, unit);
    node.held = unit.held;
    node.evicted = false;
    this.#setDemand(node, wanted ? unit : undefined);
    this.agenda.mark(node);
  }

  /** Something about the unit cannot be read (`error`), or can again (undefined). `record` tells the records apart. */
  setTrouble(name: string, record: string, error: PlatformError | undefined): void {
    if (!error) {
      const node = this.units.get(name);
      if (!node?.troubles?.delete(record)) return;
      if (node.troubles.size === 0) node.troubles = undefined;
      this.agenda.mark(node);
      return;
    }
    const node = this.#units.node(name);
    node.troubles ??= new Map();
    node.troubles.set(record, error);
  }

  /** The machine's record, `"unreadable"`, or undefined once its lease has lapsed. */
  setMachine(id: string, machine: Machine | "unreadable" | undefined): void {
    const known = this.machines.get(id);
    if (!known && machine === undefined) return;
    const node = known ?? this.#machines.node(id);
    if (node.presence === "present" && typeof machine === "object" && sameMachine(node.machine, machine))
      return;
    this.machinesChanged = true;
    forgetSurveys(node);
    this.#pools.exit(node);
    if (node.presence === "present") this.#present -= 1;
    // What a lost machine still holds does not keep its instances out of its zone.
    for (const copy of node.copies) copy.unit.template?.leave(node);
    if (typeof machine === "object") {
      node.presence = "present";
      node.machine = machine;
      node.hasStates = true;
      this.#present += 1;
      weigh(node);
      this.#admit(node);
    } else {
      node.presence = machine === undefined ? "away" : "unreadable";
      this.relieved.delete(node);
    }
    if (node.presence === "away") this.#machines.away.add(node);
    else this.#machines.away.delete(node);
    for (const copy of node.copies) {
      copy.unit.template?.arrive(node);
      this.#markWithDependents(copy.unit);
    }
    forgetSurveys(node);
  }

  /** A machine is closed to new units, or open again (undefined). It need not be there. */
  setCordon(machineId: string, cordon: Cordon | undefined): void {
    const node = this.#machines.setCordon(machineId, cordon);
    if (!node) return;
    this.machinesChanged = true;
    for (const { unit } of node.copies) this.agenda.mark(unit);
    if (node.presence !== "present") return;
    forgetSurveys(node);
    this.#pools.exit(node);
    this.#admit(node);
    forgetSurveys(node);
  }

  /** The placement of a unit on a machine, or undefined once it is withdrawn. */
  setPlacement(machineId: string, name: string, placement: Placement | undefined): void {
    const unit = placement ? this.#units.node(name) : this.units.get(name);
    const machine = placement ? this.#machines.node(machineId) : this.machines.get(machineId);
    if (!unit || !machine) return;
    const copy = unit.arrival?.machine === machine ? unit.arrival : copyOn(unit, machine);
    if (!placement) {
      if (copy) {
        this.copies.withdraw(copy);
        this.#markWithDependents(unit);
      }
      return;
    }
    if (copy && sameWish(copy.as, placement) && this.moves.stageOf(copy) === placement.move) return;
    const as = sharedWish(unit.template, placement);
    if (copy && (copy === unit.arrival) === (placement.move === "arriving")) this.copies.renew(copy, as);
    else {
      if (copy) this.copies.withdraw(copy);
      // No leader writes two arrivals; should there be two, the later is one copy too many and is dealt with as such.
      if (placement.move === "arriving" && !unit.arrival) this.copies.arrive(unit, machine, as);
      else this.copies.place(unit, machine, as);
    }
    const now = copyOn(unit, machine);
    if (now && placement.move === "leaving") this.moves.leaving.add(now);
    if (copy && placement.move === undefined) this.agenda.mark(unit);
    else this.#markWithDependents(unit);
  }

  /** What an operator wants moved, or undefined once that is over. */
  setWantedMove(name: string, wanted: WantedMove | undefined, revision: bigint): void {
    this.moves.want(name, wanted, revision);
    const node = this.units.get(name);
    if (node) this.agenda.mark(node);
  }

  setParked(name: string, unplaced: Unplaced | undefined): void {
    const node = unplaced ? this.#units.node(name) : this.units.get(name);
    if (!node) return;
    if (node.parked?.reason === unplaced?.reason && node.parked?.hash === unplaced?.hash) return;
    node.parked = unplaced;
    this.agenda.mark(node);
  }

  /** The record of the unit's last run, or undefined if there is none. */
  setRun(name: string, run: Run | undefined): void {
    const node = run ? this.#units.node(name) : this.units.get(name);
    if (!node || sameRecord(node.course?.run, run)) return;
    courseOf(node).run = run;
    this.agenda.mark(node);
  }

  /** Where the unit has failed. */
  setTried(name: string, tried: Tried | undefined): void {
    const node = tried ? this.#units.node(name) : this.units.get(name);
    if (!node || sameRecord(node.course?.tried, tried)) return;
    courseOf(node).tried = tried;
    this.agenda.mark(node);
  }

  /** What a machine says of a unit's run and failures. Of a unit that nobody knows nothing is kept. */
  setOutcome(machineId: string, name: string, outcome: Outcome | undefined): void {
    const node = this.units.get(name);
    if (!node || sameRecord(node.course?.outcomes.get(machineId), outcome)) return;
    const { outcomes } = courseOf(node);
    if (outcome) outcomes.set(machineId, outcome);
    else outcomes.delete(machineId);
    this.agenda.mark(node);
  }

  /** A machine, present or not, has states in the store. */
  setReported(machineId: string): void {
    this.#machines.node(machineId).hasStates = true;
  }

  // What nothing refers to any more.

  /** Drops a node that nothing refers to any more. */
  forgetUnit(unit: UnitNode): void {
    // A round may come back to a unit that it has dropped already.
    if (this.units.get(unit.name) !== unit) return;
    if (unit.wish || unit.copy || unit.arrival || unit.parked || unit.troubles) return;
    if (unit.course?.run || unit.course?.tried) return;
    this.agenda.setDue(unit, undefined);
    this.moves.forget(unit);
    this.waiting.remove(unit);
    this.#units.forget(unit);
  }

  /** Drops a machine that is away and that nothing refers to any more. */
  forgetMachine(machine: MachineNode): void {
    if (machine.presence === "away" && machine.copies.length === 0) this.#machines.forget(machine);
  }

  // Who asks for whom.

  /** Units that ask for this one by `MachineOf=`. */
  dependentsOf(unit: UnitNode): ReadonlySet<UnitNode> {
    return this.#peers.dependentsOf(unit);
  }

  /** Units that this one asks for by `MachineOf=`, as far as they are known. */
  peersOf(unit: UnitNode): readonly UnitNode[] {
    return this.#peers.peersOf(unit);
  }

  // What a change brings about.

  /** Takes a machine that is present into the pools, unless it is closed. */
  #admit(node: MachineNode): void {
    if (node.cordon) return;
    this.#pools.enter(node);
    this.relieved.add(node);
  }

  #markWithDependents(unit: UnitNode): void {
    this.agenda.mark(unit);
    this.#markDependents(unit);
  }

  #markDependents(unit: UnitNode): void {
    for (const dependent of this.dependentsOf(unit)) this.agenda.mark(dependent);
  }

  #setDemand(node: UnitNode, unit: Unit | undefined): void {
    const old = node.demand;
    const next = unit ? this.#demands.acquire(unit, (pattern) => this.#units.enlist(pattern)) : undefined;
    if (old === next) {
      if (old) this.#releaseDemand(old);
      return;
    }
    this.waiting.remove(node);
    for (const copy of allCopiesOf(node)) uncount(copy);
    this.globals.delete(node);
    if (old) this.#peers.unlink(node, old);
    node.demand = next;
    if (next) this.#peers.link(node, next);
    this.#peers.refollow(node);
    if (next?.requirements.global) this.globals.add(node);
    for (const copy of allCopiesOf(node)) {
      count(copy);
      lighten(copy.machine);
      if (copy.machine.presence === "present") this.relieved.add(copy.machine);
    }
    if (old) this.#releaseDemand(old);
    this.#markDependents(node);
  }

  #releaseDemand(demand: Demand): void {
    this.#demands.release(demand, (pattern) => this.#units.delist(pattern));
  }
}
