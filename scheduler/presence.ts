/**
 * When a machine that is not there counts as gone, so that its units are placed elsewhere.
 *
 * A lapsed lease is the only signal, and it is enough: but not at once, for a store that hung revokes leases of machines that live (etcd
 * issue 15247), whose agents see it and are back before anything need move; not once more than a third of at least three machines have
 * lapsed within one TTL (then it is rather the store or the network that failed: wait for a grace period); and not when nobody was
 * watching (the first look of a process, or the end of an outage: wait for one TTL, for the machines to come back).
 *
 * Pure: time comes in as `now`, in ms on any clock that does not go back.
 */

/** How long a machine whose lease has lapsed may take to announce itself anew, in ms. One that lives was measured to take 20 to 110 ms. */
export const returnMs = 500;

export interface PresenceOptions {
  /** The TTL of the machines' leases. */
  readonly ttlMs: number;
  /** How long re-placement holds after a mass loss. */
  readonly massLossGraceMs: number;
}

export type Verdict =
  | { readonly kind: "gone" }
  /** Nothing is done about the machine's units before `until`; `reason` is there if an operator should know. */
  | { readonly kind: "held"; readonly until: number; readonly reason?: string };

interface Absence {
  readonly since: number;
  heldUntil: number;
  reason: string | undefined;
  /** The end of the hold was told. */
  told: boolean;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #absences = new Map<string, Absence>();
  /** When machines vanished of late, whatever became of their units since: a mass loss comes one lease after the other. */
  readonly #losses = new Map<string, number>();
  #settledAt = Number.NEGATIVE_INFINITY;
  #massLosses = 0;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Times a mass loss was found so far. */
  get massLosses(): number {
    return this.#massLosses;
  }

  /** The store was out of sight until now: machines that are away, or lapse within a TTL, get that TTL to come back. */
  outageEnded(now: number): void {
    this.#settledAt = now + this.#options.ttlMs;
    for (const absence of this.#absences.values()) {
      hold(absence, this.#settledAt);
    }
  }

  returned(id: string): void {
    this.#absences.delete(id);
    this.#losses.delete(id);
  }

  /** Machines that were there are not any more. `present` is the number of those that still are. */
  vanished(ids: readonly string[], present: number, now: number): void {
    for (const id of ids) {
      const heldUntil = Math.max(now + returnMs, this.#settledAt);
      this.#absences.set(id, { since: now, heldUntil, reason: undefined, told: false });
      this.#losses.set(id, now);
    }
    for (const [id, since] of this.#losses) if (since <= now - this.#options.ttlMs) this.#losses.delete(id);
    const lost = [...this.#losses.keys()];
    const total = present + lost.length;
    if (total < 3 || lost.length * 3 <= total) return;
    const until = now + this.#options.massLossGraceMs;
    if (until <= now) return;
    this.#massLosses += 1;
    const seconds = Math.round(this.#options.massLossGraceMs / 1000);
    for (const id of lost) {
      const absence = this.#absences.get(id);
      if (!absence) continue;
      hold(absence, until);
      absence.reason = `${lost.length} of ${total} machines vanished at once, so their units are held for ${seconds} s in case the machines come back`;
    }
  }

  /** What to think of a machine that is away. One that was never seen by this process is held for a TTL from its first mention. */
  verdict(id: string, now: number): Verdict {
    let absence = this.#absences.get(id);
    if (!absence) {
      const heldUntil = Math.max(now + this.#options.ttlMs, this.#settledAt);
      absence = { since: now, heldUntil, reason: undefined, told: false };
      this.#absences.set(id, absence);
    }
    if (absence.heldUntil <= now) return { kind: "gone" };
    const { heldUntil: until, reason } = absence;
    return reason === undefined ? { kind: "held", until } : { kind: "held", until, reason };
  }

  /** The machines whose hold has ended since the last call. */
  takeEndedHolds(now: number): string[] {
    const ended: string[] = [];
    for (const [id, absence] of this.#absences) {
      if (absence.told || absence.heldUntil > now) continue;
      absence.told = true;
      ended.push(id);
    }
    return ended.sort();
  }

  /** When the next hold ends, or undefined if there is none. */
  get nextEnd(): number | undefined {
    let next: number | undefined;
    for (const { told, heldUntil } of this.#absences.values()) {
      if (!told && (next === undefined || heldUntil < next)) next = heldUntil;
    }
    return next;
  }

  /** Milliseconds that the machine has been away. */
  awayFor(id: string, now: number): number {
    const absence = this.#absences.get(id);
    return absence ? now - absence.since : 0;
  }

  /** Nothing refers to the machine any more. */
  forget(id: string): void {
    this.#absences.delete(id);
  }
}

function hold(absence: Absence, until: number): void {
  if (until <= absence.heldUntil) return;
  absence.heldUntil = until;
  absence.told = false;
}
