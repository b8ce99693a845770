/**
 * Moves that are wanted and moves that are under way. What is under way is told by the placements alone (`arriving`,
 * `leaving`), so another leader goes on from there; kept beside it is only what may be forgotten: since when, and what failed.
 * Pure.
 */
import type { Placement } from "../cluster/placement.ts";
import type { WantedMove } from "../cluster/wanted-move.ts";
import type { Copy, MachineNode, UnitNode, Wish } from "./nodes.ts";

/** After this long without being ready an arriving copy is given up. */
const patienceMs = 600_000;
/** For this long a machine on which a unit failed to arrive is not tried again, unless the unit has changed. */
const refusedForMs = 300_000;
/** So long a unit may take to begin what its placement asks for; a state from before that says nothing about it. */
const settleMs = 2_000;

export interface Wanted {
  readonly move: WantedMove;
  readonly revision: bigint;
}

interface Refusal {
  readonly reason: string;
  readonly until: number;
  readonly as: Wish;
}

export class MoveLedger {
  /** By unit. */
  readonly wanted = new Map<string, Wanted>();
  /** Units with an arriving copy. */
  readonly arriving = new Set<UnitNode>();
  /** Copies that are being stopped so that they can start elsewhere. */
  readonly leaving = new Set<Copy>();
  /** Copies that were started after their units had been stopped elsewhere, and are not ready yet. */
  readonly landing = new Set<Copy>();
  readonly #since = new Map<Copy, number>();
  readonly #refusals = new Map<UnitNode, Map<MachineNode, Refusal>>();

  want(name: string, move: WantedMove | undefined, revision: bigint): void {
    if (move) this.wanted.set(name, { move, revision });
    else this.wanted.delete(name);
  }

  /** What the copy's placement says of its part in a move. */
  stageOf(copy: Copy): Placement["move"] {
    if (copy.unit.arrival === copy) return "arriving";
    return this.leaving.has(copy) ? "leaving" : undefined;
  }

  /** True if the unit has a part in a move. */
  isUnderWay(unit: UnitNode): boolean {
    return unit.arrival !== undefined || (unit.copy !== undefined && this.leaving.has(unit.copy));
  }

  isSettled(copy: Copy, now: number): boolean {
    return this.#age(copy, now) >= settleMs;
  }

  isOverdue(copy: Copy, now: number): boolean {
    return this.#age(copy, now) >= patienceMs;
  }

  /** Milliseconds since the copy was first asked about in its present part. */
  #age(copy: Copy, now: number): number {
    const since = this.#since.get(copy);
    if (since !== undefined) return now - since;
    this.#since.set(copy, now);
    return 0;
  }

  /** The unit did not come up on the machine. */
  refuse(copy: Copy, reason: string, now: number): void {
    const { unit, machine, as } = copy;
    const refusals = this.#refusals.get(unit) ?? new Map<MachineNode, Refusal>();
    refusals.set(machine, { reason, until: now + refusedForMs, as });
    this.#refusals.set(unit, refusals);
  }

  /** Why the machine is not to be tried with this unit for now, or undefined. */
  refusal(unit: UnitNode, machine: MachineNode, now: number): string | undefined {
    const refusals = this.#refusals.get(unit);
    const found = refusals?.get(machine);
    if (!found) return undefined;
    if (found.until <= now) {
      refusals?.delete(machine);
      if (refusals?.size === 0) this.#refusals.delete(unit);
      return undefined;
    }
    const { as } = found;
    const isSame = as.hash === unit.wish?.hash && as.generation === unit.wish.generation;
    return isSame ? found.reason : undefined;
  }

  /** When after `now` time alone gives the next reason to look, or undefined. */
  nextDue(now: number): number | undefined {
    let next: number | undefined;
    const consider = (at: number): void => {
      if (at > now && (next === undefined || at < next)) next = at;
    };
    for (const refusals of this.#refusals.values())
      for (const { until } of refusals.values()) consider(until);
    for (const [copy, since] of this.#since) {
      if (!this.#isPart(copy)) continue;
      consider(since + settleMs);
      consider(since + patienceMs);
    }
    return next;
  }

  forget(unit: UnitNode): void {
    this.#refusals.delete(unit);
  }

  /** The copy is on its machine no more. */
  gone(copy: Copy): void {
    this.leaving.delete(copy);
    this.landing.delete(copy);
    this.#since.delete(copy);
  }

  /** The copy's part in a move has changed: what is measured from its beginning begins anew. */
  turned(copy: Copy): void {
    this.#since.delete(copy);
  }

  #isPart(copy: Copy): boolean {
    return copy.unit.arrival === copy || this.leaving.has(copy) || this.landing.has(copy);
  }
}
