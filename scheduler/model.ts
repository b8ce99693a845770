/**
 * The cluster as the scheduler sees it: units, machines, copies and what is parked, indexed so that a decision looks only
 * at what it is about. It is kept current by changes; what one change costs does not grow with the cluster.
 *
 * Two kinds of callers write here: the pass tells what the store says (`set…`), and the deciding tells what it has
 * just decided (`place`, `withdraw`, `park`, …). When the store later echoes a decision, nothing changes.
 *
 * Pure: no clock, no I/O, and the same calls in the same order give the same model.
 */
import type { Cordon } from "../cluster/cordon.ts";
import type { PlatformError } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Placement, Unplaced } from "../cluster/placement.ts";
import { type Outcome, type Run, sameRecord, type Tried } from "../cluster/run.ts";
import type { Held, Unit } from "../cluster/unit.ts";
import { isTemplate, templateOf } from "../cluster/unit-name.ts";
import type { WantedMove } from "../cluster/wanted-move.ts";
import { maxLoad } from "./cell.ts";
import { type Course, newCourse } from "./course.ts";
import { DemandIndex } from "./demands.ts";
import { MoveLedger } from "./move-ledger.ts";
import {
  allCopiesOf,
  byName,
  type Copy,
  copiesOf,
  copyOn,
  type Demand,
  type MachineNode,
  type UnitNode,
  type Wish,
} from "./nodes.ts";
import { headOf, noPatterns, type Pattern, PatternIndex } from "./patterns.ts";
import { PoolIndex } from "./pool-index.ts";
import { SortedNames } from "./sorted-names.ts";
import { Template } from "./templates.ts";
import { Waiting } from "./waiting.ts";

export interface ModelOptions {
  /** Machine metadata keys across which instances of one template are spread, most important first. */
  readonly spreadBy?: readonly string[];
}

export class ClusterModel {
  readonly units = new Map<string, UnitNode>();
  readonly machines = new Map<string, MachineNode>();
  readonly globals = new Set<UnitNode>();
  /** Units that fit nowhere, by what they ask for. */
  readonly waiting = new Waiting();
  /** Machines that may take more than before: joined, changed, or left by a unit. Emptied by the deciding. */
  readonly relieved = new Set<MachineNode>();
  /** Machines that placements, states or a lapsed lease speak of, and that are not there. */
  readonly awayMachines = new Set<MachineNode>();
  /** What is being moved according to plan, and what is wanted to be. */
  readonly moves = new MoveLedger();
  /** Machines that are to be emptied. */
  readonly draining = new Set<MachineNode>();
  /** Machines came, went or changed: what is said about units that fit nowhere is out of date. Reset by the deciding. */
  machinesChanged = true;

  readonly #patterns = new PatternIndex();
  readonly #pools: PoolIndex;
  readonly #demands: DemandIndex;
  readonly #templates = new Map<string, Template>();
  readonly #timed = new Set<UnitNode>();
  /** Names of templates with instances, and of units that are none. */
  readonly #names = new SortedNames();
  readonly #dependents = new Map<string, Set<UnitNode>>();
  readonly #ranked: MachineNode[] = [];
  readonly #cordons = new Map<string, Cordon>();
  #present = 0;
  #queue: UnitNode[] = [];
  #queueAt = 0;
  #unsorted: UnitNode[] = [];

  constructor(options: ModelOptions = {}) {
    this.#pools = new PoolIndex(options.spreadBy ?? []);
    this.#demands = new DemandIndex(this.#patterns, this.#pools);
  }

  /** How many machines are in the cluster now. */
  get presentMachines(): number {
    return this.#present;
  }

  /** Every machine ever seen and still referred to, in order of id. */
  get machinesById(): readonly MachineNode[] {
    return this.#ranked;
  }

  // What the store says.

  /** The unit as its record and file say, or undefined once it is destroyed. */
  setUnit(name: string, unit: Unit | undefined): void {
    const node = unit ? this.#unitNode(name) : this.units.get(name);
    if (!node) return;
    if (!unit) {
      node.wish = undefined;
      node.held = undefined;
      this.#setDemand(node, undefined);
      this.mark(node);
      return;
    }
    const wanted = unit.target !== "inactive" && !isTemplate(name);
    const sameHeld = sameHolds(node.held, unit.held);
    if (node.wish && sameWish(node.wish, unit) && sameHeld && (node.demand !== undefined) === wanted) return;
    node.wish = sharedWish(node.template, unit);
    node.held = unit.held;
    node.evicted = false;
    this.#setDemand(node, wanted ? unit : undefined);
    this.mark(node);
  }

  /** Something about the unit cannot be read (`error`), or can again (undefined). `record` tells the records apart. */
  setTrouble(name: string, record: string, error: PlatformError | undefined): void {
    if (!error) {
      const node = this.units.get(name);
      if (!node?.troubles?.delete(record)) return;
      if (node.troubles.size === 0) node.troubles = undefined;
      this.mark(node);
      return;
    }
    const node = this.#unitNode(name);
    node.troubles ??= new Map();
    node.troubles.set(record, error);
  }

  /** The machine's record, `"unreadable"`, or undefined once its lease has lapsed. */
  setMachine(id: string, machine: Machine | "unreadable" | undefined): void {
    const known = this.machines.get(id);
    if (!known && machine === undefined) return;
    const node = known ?? this.#machineNode(id);
    if (node.presence === "present" && typeof machine === "object" && sameMachine(node.machine, machine))
      return;
    this.machinesChanged = true;
    this.#forgetSurveys(node);
    this.#pools.exit(node);
    if (node.presence === "present") this.#present -= 1;
    // What a lost machine still holds does not keep its instances out of its zone.
    for (const copy of node.copies) copy.unit.template?.leave(node);
    if (typeof machine === "object") {
      node.presence = "present";
      node.machine = machine;
      node.hasStates = true;
      this.#present += 1;
      this.#weigh(node);
      this.#admit(node);
    } else {
      node.presence = machine === undefined ? "away" : "unreadable";
      this.relieved.delete(node);
    }
    if (node.presence === "away") this.awayMachines.add(node);
    else this.awayMachines.delete(node);
    for (const copy of node.copies) {
      copy.unit.template?.arrive(node);
      this.#markWithDependents(copy.unit);
    }
    this.#forgetSurveys(node);
  }

  /** A machine is closed to new units, or open again (undefined). It need not be there. */
  setCordon(machineId: string, cordon: Cordon | undefined): void {
    if (cordon) this.#cordons.set(machineId, cordon);
    else this.#cordons.delete(machineId);
    const node = this.machines.get(machineId);
    if (!node || (node.cordon === undefined && cordon === undefined)) return;
    node.cordon = cordon;
    if (cordon?.drain) this.draining.add(node);
    else this.draining.delete(node);
    this.machinesChanged = true;
    for (const { unit } of node.copies) this.mark(unit);
    if (node.presence !== "present") return;
    this.#forgetSurveys(node);
    this.#pools.exit(node);
    this.#admit(node);
    this.#forgetSurveys(node);
  }

  /** The placement of a unit on a machine, or undefined once it is withdrawn. */
  setPlacement(machineId: string, name: string, placement: Placement | undefined): void {
    const unit = placement ? this.#unitNode(name) : this.units.get(name);
    const machine = placement ? this.#machineNode(machineId) : this.machines.get(machineId);
    if (!unit || !machine) return;
    const copy = unit.arrival?.machine === machine ? unit.arrival : copyOn(unit, machine);
    if (!placement) {
      if (copy) {
        this.withdraw(copy);
        this.#markWithDependents(unit);
      }
      return;
    }
    if (copy && sameWish(copy.as, placement) && this.moves.stageOf(copy) === placement.move) return;
    const as = sharedWish(unit.template, placement);
    if (copy && (copy === unit.arrival) === (placement.move === "arriving")) this.renew(copy, as);
    else {
      if (copy) this.withdraw(copy);
      // No leader writes two arrivals; should there be two, the later is one copy too many and is dealt with as such.
      if (placement.move === "arriving" && !unit.arrival) this.arrive(unit, machine, as);
      else this.place(unit, machine, as);
    }
    const now = copyOn(unit, machine);
    if (now && placement.move === "leaving") this.moves.leaving.add(now);
    if (copy && placement.move === undefined) this.mark(unit);
    else this.#markWithDependents(unit);
  }

  /** What an operator wants moved, or undefined once that is over. */
  setWantedMove(name: string, wanted: WantedMove | undefined, revision: bigint): void {
    this.moves.want(name, wanted, revision);
    const node = this.units.get(name);
    if (node) this.mark(node);
  }

  setParked(name: string, unplaced: Unplaced | undefined): void {
    const node = unplaced ? this.#unitNode(name) : this.units.get(name);
    if (!node) return;
    if (node.parked?.reason === unplaced?.reason && node.parked?.hash === unplaced?.hash) return;
    node.parked = unplaced;
    this.mark(node);
  }

  /** The record of the unit's last run, or undefined if there is none. */
  setRun(name: string, run: Run | undefined): void {
    const node = run ? this.#unitNode(name) : this.units.get(name);
    if (!node || sameRecord(node.course?.run, run)) return;
    this.courseOf(node).run = run;
    this.mark(node);
  }

  /** Where the unit has failed. */
  setTried(name: string, tried: Tried | undefined): void {
    const node = tried ? this.#unitNode(name) : this.units.get(name);
    if (!node || sameRecord(node.course?.tried, tried)) return;
    this.courseOf(node).tried = tried;
    this.mark(node);
  }

  /** What a machine says of a unit's run and failures. Of a unit that nobody knows nothing is kept. */
  setOutcome(machineId: string, name: string, outcome: Outcome | undefined): void {
    const node = this.units.get(name);
    if (!node || sameRecord(node.course?.outcomes.get(machineId), outcome)) return;
    const { outcomes } = this.courseOf(node);
    if (outcome) outcomes.set(machineId, outcome);
    else outcomes.delete(machineId);
    this.mark(node);
  }

  /** A machine, present or not, has states in the store. */
  setReported(machineId: string): void {
    this.#machineNode(machineId).hasStates = true;
  }

  // What was decided.

  place(unit: UnitNode, machine: MachineNode, as: Wish): Copy {
    const copy: Copy = { unit, machine, as, at: machine.copies.length, next: unit.copy };
    unit.copy = copy;
    machine.copies.push(copy);
    this.#count(copy);
    return copy;
  }

  /** A second copy of the unit, which is to take over. */
  arrive(unit: UnitNode, machine: MachineNode, as: Wish): Copy {
    const copy: Copy = { unit, machine, as, at: machine.copies.length, next: undefined };
    unit.arrival = copy;
    machine.copies.push(copy);
    this.#count(copy);
    this.moves.arriving.add(unit);
    return copy;
  }

  /** The copy that was arriving is the unit's from now on. */
  takeOver(unit: UnitNode): void {
    const { arrival } = unit;
    if (!arrival) return;
    unit.arrival = undefined;
    this.moves.arriving.delete(unit);
    this.moves.turned(arrival);
    arrival.next = unit.copy;
    unit.copy = arrival;
  }

  withdraw(copy: Copy): void {
    const { unit, machine } = copy;
    this.#uncount(copy);
    this.moves.gone(copy);
    const last = machine.copies.pop();
    if (last && last !== copy) {
      last.at = copy.at;
      machine.copies[copy.at] = last;
    }
    if (unit.arrival === copy) {
      unit.arrival = undefined;
      this.moves.arriving.delete(unit);
    } else if (unit.copy === copy) unit.copy = copy.next;
    else {
      for (let other = unit.copy; other; other = other.next) if (other.next === copy) other.next = copy.next;
    }
    this.#lighten(machine);
    if (machine.presence === "present") this.relieved.add(machine);
  }

  /** The placement says something else from now on. */
  renew(copy: Copy, as: Wish): void {
    copy.as = as;
    if (this.moves.leaving.delete(copy)) this.moves.turned(copy);
  }

  /** The unit is to be stopped where it is before it starts elsewhere. */
  beginLeaving(copy: Copy, as: Wish): void {
    copy.as = as;
    this.moves.leaving.add(copy);
  }

  /** What `look` says while the copy's unit is not counted on its machine: would it be taken if it were not there? */
  without<T>(copy: Copy, look: () => T): T {
    this.#uncount(copy);
    const seen = look();
    this.#count(copy);
    return seen;
  }

  courseOf(unit: UnitNode): Course {
    unit.course ??= newCourse();
    return unit.course;
  }

  /** Time alone is a reason to look at the unit, at `at` (wall clock, ms); no longer if undefined. */
  setDue(unit: UnitNode, at: number | undefined): void {
    if (unit.course?.dueAt === at) return;
    this.courseOf(unit).dueAt = at;
    if (at === undefined) this.#timed.delete(unit);
    else this.#timed.add(unit);
  }

  /** Marks the units whose time has come. */
  markDue(wall: number): void {
    for (const unit of this.#timed) {
      if (unit.course?.dueAt !== undefined && unit.course.dueAt <= wall) this.mark(unit);
    }
  }

  /** When the next unit's time comes, or undefined. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const { course } of this.#timed) {
      if (course?.dueAt !== undefined && (next === undefined || course.dueAt < next)) next = course.dueAt;
    }
    return next;
  }

  /** A unit between its runs needs no room where it is, and is in nobody's way. */
  setIdle(unit: UnitNode, idle: boolean): void {
    if ((unit.course?.idle ?? false) === idle) return;
    const copies = copiesOf(unit);
    for (const copy of copies) this.#uncount(copy);
    this.courseOf(unit).idle = idle;
    for (const copy of copies) {
      this.#count(copy);
      this.#lighten(copy.machine);
      if (idle && copy.machine.presence === "present") this.relieved.add(copy.machine);
    }
  }

  /** Drops a node that nothing refers to any more. */
  forgetUnit(unit: UnitNode): void {
    if (unit.wish || unit.copy || unit.arrival || unit.parked || unit.troubles) return;
    if (unit.course?.run || unit.course?.tried) return;
    this.setDue(unit, undefined);
    this.units.delete(unit.name);
    this.moves.forget(unit);
    this.waiting.remove(unit);
    const { template } = unit;
    if (!template) {
      this.#names.delete(unit.name);
      return;
    }
    const last = template.units.pop();
    if (last && last !== unit) {
      last.templateAt = unit.templateAt;
      template.units[unit.templateAt] = last;
    }
    if (template.units.length > 0) return;
    this.#templates.delete(template.name);
    this.#names.delete(template.name);
  }

  /** Drops a machine that is away and that nothing refers to any more. */
  forgetMachine(machine: MachineNode): void {
    if (machine.presence !== "away" || machine.copies.length > 0) return;
    this.machines.delete(machine.id);
    this.awayMachines.delete(machine);
    this.draining.delete(machine);
    this.#ranked.splice(this.#ranked.indexOf(machine), 1);
  }

  // Who is to be decided about.

  /** Asks for a decision about the unit. */
  mark(unit: UnitNode): void {
    if (unit.queued) return;
    unit.queued = true;
    this.#unsorted.push(unit);
  }

  /** True if there are units to be decided about. */
  get hasMarked(): boolean {
    return this.#unsorted.length > 0 || this.#queueAt < this.#queue.length;
  }

  /** Up to `limit` of the marked units, in order of name. */
  takeMarked(limit: number): UnitNode[] {
    if (this.#unsorted.length > 0) {
      this.#queue = this.#queue.slice(this.#queueAt).concat(this.#unsorted).sort(byName);
      this.#queueAt = 0;
      this.#unsorted = [];
    }
    const taken = this.#queue.slice(this.#queueAt, this.#queueAt + limit);
    this.#queueAt += taken.length;
    if (this.#queueAt === this.#queue.length) {
      this.#queue = [];
      this.#queueAt = 0;
    }
    for (const unit of taken) unit.queued = false;
    return taken;
  }

  /** Units that ask for this one by `MachineOf=`. */
  dependentsOf(unit: UnitNode): ReadonlySet<UnitNode> {
    const byName = this.#dependents.get(unit.name) ?? noUnits;
    const globs = unit.matchedBy.filter((pattern) => pattern.followers.size > 0);
    if (globs.length === 0) return byName;
    const all = new Set(byName);
    for (const { followers } of globs) for (const follower of followers) all.add(follower);
    all.delete(unit);
    return all;
  }

  /** Units that this one asks for by `MachineOf=`, as far as they are known. */
  peersOf(unit: UnitNode): readonly UnitNode[] {
    const { demand } = unit;
    if (!demand) return [];
    const named = demand.peers.flatMap((name) => this.units.get(name) ?? []);
    const followed = demand.peerGlobs.flatMap((pattern) => [...pattern.followed]);
    return [...named, ...followed].filter((peer) => peer !== unit);
  }

  // Indexes.

  /** Takes a machine that is present into the pools, unless it is closed. */
  #admit(node: MachineNode): void {
    if (node.cordon) return;
    this.#pools.enter(node);
    this.relieved.add(node);
  }

  #markWithDependents(unit: UnitNode): void {
    this.mark(unit);
    for (const dependent of this.dependentsOf(unit)) this.mark(dependent);
  }

  #unitNode(name: string): UnitNode {
    const found = this.units.get(name);
    if (found) return found;
    const template = this.#template(templateOf(name));
    const node: UnitNode = {
      name,
      template,
      templateAt: template?.units.length ?? 0,
      wish: undefined,
      held: undefined,
      demand: undefined,
      matchedBy: noPatterns,
      copy: undefined,
      arrival: undefined,
      parked: undefined,
      troubles: undefined,
      course: undefined,
      evicted: false,
      queued: false,
    };
    this.units.set(name, node);
    if (template) template.units.push(node);
    else this.#names.add(name);
    node.matchedBy = this.#matchedBy(node);
    return node;
  }

  #template(name: string | undefined): Template | undefined {
    if (name === undefined) return undefined;
    let template = this.#templates.get(name);
    if (!template) {
      template = new Template(name);
      this.#templates.set(name, template);
      this.#names.add(name);
    }
    return template;
  }

  #machineNode(id: string): MachineNode {
    const found = this.machines.get(id);
    if (found) return found;
    const node: MachineNode = {
      id,
      rank: this.#ranked.length,
      machine: undefined,
      presence: "away",
      copies: [],
      memoryBytes: 0,
      cpuMillis: 0,
      share: 0,
      load: 0,
      memberships: [],
      cordon: this.#cordons.get(id),
      hasStates: false,
    };
    this.machines.set(id, node);
    if (node.cordon?.drain) this.draining.add(node);
    this.awayMachines.add(node);
    this.#rank(node);
    return node;
  }

  /** A listing comes in order of id, and then this is an append. */
  #rank(node: MachineNode): void {
    const ranked = this.#ranked;
    const last = ranked.at(-1);
    if (!last || last.id < node.id) {
      node.rank = last ? last.rank + 1 : 0;
      ranked.push(node);
      return;
    }
    ranked.splice(
      ranked.findIndex((other) => other.id > node.id),
      0,
      node,
    );
    for (const [rank, machine] of ranked.entries()) {
      machine.rank = rank;
      for (const membership of machine.memberships) membership.cell.rerank(membership);
    }
  }

  #setDemand(node: UnitNode, unit: Unit | undefined): void {
    const old = node.demand;
    const next = unit ? this.#demands.acquire(unit, (pattern) => this.#enlist(pattern)) : undefined;
    if (old === next) {
      if (old) this.#releaseDemand(old);
      return;
    }
    this.waiting.remove(node);
    for (const copy of allCopiesOf(node)) this.#uncount(copy);
    this.#unlinkDemand(node, old);
    node.demand = next;
    if (next) this.#linkPeers(node, next);
    for (const pattern of node.matchedBy) {
      if (pattern.followers.size === 0) continue;
      if (next) pattern.followed.add(node);
      else pattern.followed.delete(node);
    }
    if (next?.requirements.global) this.globals.add(node);
    for (const copy of allCopiesOf(node)) {
      this.#count(copy);
      this.#lighten(copy.machine);
      if (copy.machine.presence === "present") this.relieved.add(copy.machine);
    }
    if (old) this.#releaseDemand(old);
    this.#markDependents(node);
  }

  #markDependents(node: UnitNode): void {
    for (const dependent of this.dependentsOf(node)) this.mark(dependent);
  }

  #linkPeers(node: UnitNode, { peers, peerGlobs }: Demand): void {
    for (const name of peers) {
      const dependents = this.#dependents.get(name);
      if (dependents) dependents.add(node);
      else this.#dependents.set(name, new Set([node]));
    }
    for (const pattern of peerGlobs) {
      if (pattern.followers.size === 0) {
        for (const peer of this.#mayMatch(pattern)) {
          if (peer.demand && pattern.glob.matches(peer.name)) pattern.followed.add(peer);
        }
      }
      pattern.followers.add(node);
    }
  }

  #unlinkDemand(node: UnitNode, old: Demand | undefined): void {
    this.globals.delete(node);
    for (const pattern of old?.peerGlobs ?? []) {
      pattern.followers.delete(node);
      if (pattern.followers.size === 0) pattern.followed.clear();
    }
    for (const name of old?.peers ?? []) {
      const dependents = this.#dependents.get(name);
      dependents?.delete(node);
      if (dependents?.size === 0) this.#dependents.delete(name);
    }
  }

  #releaseDemand(demand: Demand): void {
    this.#demands.release(demand, (pattern) => this.#delist(pattern));
  }

  /** A glob has come: the names it matches learn of it, and it learns where they run. */
  #enlist(pattern: Pattern): void {
    for (const node of this.#mayMatch(pattern)) {
      if (!pattern.glob.matches(node.name)) continue;
      const waited = this.waiting.remove(node);
      node.matchedBy = this.#matchedBy(node);
      for (const copy of allCopiesOf(node)) pattern.runsOn.up(copy.machine);
      if (waited) this.mark(node);
    }
  }

  /** The last user of a glob is gone. */
  #delist(pattern: Pattern): void {
    for (const node of this.#mayMatch(pattern)) {
      if (!node.matchedBy.includes(pattern)) continue;
      const waited = this.waiting.remove(node);
      node.matchedBy = this.#matchedBy(node);
      if (waited) this.mark(node);
    }
  }

  *#mayMatch(pattern: Pattern): IterableIterator<UnitNode> {
    const { exact, literalPrefix } = pattern.glob;
    if (exact) {
      const node = this.units.get(literalPrefix);
      if (node) yield node;
      return;
    }
    for (const name of this.#names.startingWith(headOf(literalPrefix))) {
      const template = this.#templates.get(name);
      if (template) yield* template.units;
      const node = this.units.get(name);
      if (node && !node.template) yield node;
    }
  }

  #matchedBy(node: UnitNode): readonly Pattern[] {
    const { template } = node;
    if (!template) return this.#patterns.matching(node.name, this.#patterns.candidates(headOf(node.name)));
    if (template.candidatesVersion !== this.#patterns.version) {
      template.candidates = this.#patterns.candidates(headOf(node.name));
      template.candidatesVersion = this.#patterns.version;
    }
    return template.candidates.length === 0
      ? noPatterns
      : this.#patterns.matching(node.name, template.candidates);
  }

  #count({ unit, machine }: Copy): void {
    const { demand } = unit;
    if (unit.course?.idle) return;
    for (const pattern of unit.matchedBy) pattern.runsOn.up(machine);
    unit.template?.arrive(machine);
    if (!demand) return;
    if (demand.requirements.maxPerMachine !== undefined) {
      unit.template?.limit(machine, demand.requirements.maxPerMachine);
    }
    for (const pattern of demand.conflicts) pattern.refusedOn.up(machine);
    for (const pattern of demand.prefersNot) pattern.dislikedOn.up(machine);
    for (const pattern of demand.replaces) pattern.replacedOn.up(machine);
    machine.memoryBytes += demand.resources.memoryBytes;
    machine.cpuMillis += demand.resources.cpuMillis;
    this.#weigh(machine);
  }

  #uncount({ unit, machine }: Copy): void {
    const { demand } = unit;
    if (unit.course?.idle) return;
    for (const pattern of unit.matchedBy) pattern.runsOn.down(machine);
    unit.template?.leave(machine);
    if (!demand) return;
    if (demand.requirements.maxPerMachine !== undefined) {
      unit.template?.unlimit(machine, demand.requirements.maxPerMachine);
    }
    for (const pattern of demand.conflicts) pattern.refusedOn.down(machine);
    for (const pattern of demand.prefersNot) pattern.dislikedOn.down(machine);
    for (const pattern of demand.replaces) pattern.replacedOn.down(machine);
    machine.memoryBytes -= demand.resources.memoryBytes;
    machine.cpuMillis -= demand.resources.cpuMillis;
    this.#weigh(machine);
  }

  #forgetSurveys(machine: MachineNode): void {
    for (const { cell } of machine.memberships) {
      for (const { unit } of machine.copies) unit.template?.forget(cell);
    }
  }

  #weigh(machine: MachineNode): void {
    const capacity = machine.machine?.capacity;
    const memory = capacity && capacity.memoryBytes > 0 ? machine.memoryBytes / capacity.memoryBytes : 0;
    const cpu = capacity && capacity.cpuMillis > 0 ? machine.cpuMillis / capacity.cpuMillis : 0;
    machine.share = Math.max(memory, cpu);
    machine.load = Math.min(maxLoad, Math.round(machine.share * maxLoad));
  }

  #lighten(machine: MachineNode): void {
    for (const membership of machine.memberships) membership.cell.lighten(membership);
  }
}

const noUnits: ReadonlySet<UnitNode> = new Set();

export function sameWish(a: Wish, b: Wish): boolean {
  return (
    a === b ||
    (a.hash === b.hash && a.target === b.target && a.generation === b.generation && a.run === b.run)
  );
}

function sameHolds(a: readonly Held[] | undefined, b: readonly Held[] | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

function sharedWish(template: Template | undefined, { hash, target, generation, run }: Wish): Wish {
  const wish = { hash, target, generation, ...(run === undefined ? {} : { run }) };
  if (!template) return wish;
  if (!template.wish || !sameWish(template.wish, wish)) template.wish = wish;
  return template.wish;
}

/** Only what placements depend on: a new version or address moves nothing. */
function sameMachine(a: Machine | undefined, b: Machine): boolean {
  if (!a) return false;
  const keys = Object.keys(a.metadata);
  return (
    a.capacity.memoryBytes === b.capacity.memoryBytes &&
    a.capacity.cpuMillis === b.capacity.cpuMillis &&
    a.runtimes.length === b.runtimes.length &&
    a.runtimes.every((runtime) => b.runtimes.includes(runtime)) &&
    keys.length === Object.keys(b.metadata).length &&
    keys.every((key) => a.metadata[key] === b.metadata[key])
  );
}
