/**
 * What the scheduler's model is made of: units, machines, and the copies that join them. The nodes are plain records that
 * refer to each other; only `model.ts`, the indexes it owns and the deciding change them, everyone else reads.
 */
import type { Calendar } from "../cluster/calendar.ts";
import type { Cordon } from "../cluster/cordon.ts";
import type { PlatformError } from "../cluster/errors.ts";
import type { Machine, RuntimeName } from "../cluster/machine.ts";
import type { Unplaced } from "../cluster/placement.ts";
import type { Requirements } from "../cluster/requirements.ts";
import type { Resources } from "../cluster/resources.ts";
import { type Held, type TargetState, wishOn } from "../cluster/unit.ts";
import type { Membership } from "./cell.ts";
import type { Course } from "./course.ts";
import type { Pattern } from "./patterns.ts";
import type { Pool } from "./pools.ts";
import type { Template } from "./templates.ts";

/** What a unit asks of a machine. Units that ask for the same share one, so that a bulk of instances is judged once. */
export interface Demand {
  readonly key: string;
  readonly requirements: Requirements;
  readonly resources: Resources;
  readonly runtime: RuntimeName;
  readonly conflicts: readonly Pattern[];
  readonly prefersNot: readonly Pattern[];
  readonly replaces: readonly Pattern[];
  /** Units of `MachineOf=` by name, and by glob. */
  readonly peers: readonly string[];
  readonly peerGlobs: readonly Pattern[];
  /** The unit is to end: it is placed when a run is due. */
  readonly toEnd: boolean;
  /** When a timer ticks. */
  readonly calendars: readonly Calendar[];
  /** The machines that could ever take it, ranked by load. */
  readonly pool: Pool;
  users: number;
}

/** The part of a unit's record, and of its placement, that says what is to run. Instances that want the same share one. */
export interface Wish {
  readonly hash: string;
  readonly target: TargetState;
  readonly generation: number;
  /** Of a unit that is to end: the run that is due. */
  readonly run?: string;
}

/** One unit on one machine: a placement record, or one that this pass is about to write. */
export interface Copy {
  readonly unit: UnitNode;
  readonly machine: MachineNode;
  /** What the placement says. */
  as: Wish;
  /** Its place in the machine's list. */
  at: number;
  /** The unit's next copy: only global units have more than one. */
  next: Copy | undefined;
}

export interface UnitNode {
  readonly name: string;
  readonly template: Template | undefined;
  /** Its place in the template's list. */
  templateAt: number;
  /** Undefined once the record is gone: the node then lives only until its copies are withdrawn. */
  wish: Wish | undefined;
  /** Machines that are to keep an earlier file and generation for now. */
  held: readonly Held[] | undefined;
  /** Absent unless the unit is to be placed: a template, an inactive or a destroyed unit asks for nothing. */
  demand: Demand | undefined;
  /** The patterns of any unit that match this name. The arrays are shared: same patterns, same array. */
  matchedBy: readonly Pattern[];
  copy: Copy | undefined;
  /** Its second copy while it is being moved: it counts on its machine like any other, but the unit is where `copy` is. */
  arrival: Copy | undefined;
  /** What `/deis/cluster/unplaced/` says of it. */
  parked: Unplaced | undefined;
  /** Records about the unit that cannot be read, by key. While there are any, its copies are left as they are. */
  troubles: Map<string, PlatformError> | undefined;
  /** Its runs and failures, if it has any. */
  course: Course | undefined;
  /** Had to leave a machine for a unit that replaces it; until it is submitted anew it makes nobody leave in turn. */
  evicted: boolean;
  queued: boolean;
}

export interface MachineNode {
  readonly id: string;
  /** Order by id among all machines ever seen: compares faster than the id. */
  rank: number;
  /** The record, also the last one of a machine that is away; absent if it was never seen. */
  machine: Machine | undefined;
  /** `unreadable`: the record exists but cannot be read, so nothing is concluded from it. */
  presence: "present" | "away" | "unreadable";
  readonly copies: Copy[];
  memoryBytes: number;
  cpuMillis: number;
  /** The larger of the reserved shares of memory and processors. */
  share: number;
  /** The same as a whole number, for ranking: parts of `maxLoad`. */
  load: number;
  memberships: Membership[];
  /** No new unit may come here. It outlives the machine's absence. */
  cordon: Cordon | undefined;
  /** Its states may still be in the store. */
  hasStates: boolean;
}

/** The copies of a unit, in no particular order, without one that is only arriving. */
export function copiesOf(unit: UnitNode): Copy[] {
  const copies: Copy[] = [];
  for (let copy = unit.copy; copy; copy = copy.next) copies.push(copy);
  return copies;
}

/** The copies of a unit, with one that is only arriving. */
export function allCopiesOf(unit: UnitNode): Copy[] {
  const copies = copiesOf(unit);
  if (unit.arrival) copies.push(unit.arrival);
  return copies;
}

export function copyOn(unit: UnitNode, machine: MachineNode): Copy | undefined {
  const { copy } = unit;
  if (copy?.next === undefined) return copy?.machine === machine ? copy : undefined;
  // A global unit may have more copies than a machine has.
  return machine.copies.find((other) => other.unit === unit);
}

/** By name, in the order of UTF-16 code units: the one order in which units are taken up. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

export function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * What the unit's copy on one machine is to be: its wish, the earlier one that the machine keeps for now, or the run that is due.
 */
export function wishFor({ wish, held, course, demand }: UnitNode, machine: MachineNode): Wish | undefined {
  const run = course?.run;
  if (run?.run !== undefined && demand?.toEnd && wish?.target === "launched") {
    return { hash: run.hash, target: wish.target, generation: run.generation, run: run.run };
  }
  if (!wish || !held) return wish;
  return { ...wishOn({ ...wish, held }, machine.id), target: wish.target };
}
