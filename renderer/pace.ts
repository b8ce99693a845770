/**
 * When a reload is due: at once when all was quiet, coalesced in a storm, and always once more after the last change.
 *
 * Within a second of the last reload, a change waits until no other has come for a moment, but never longer than a few seconds, and
 * reloads keep a growing distance from each other. Times are milliseconds of one clock.
 *
 * Pure.
 */

export interface PaceOptions {
  /** A change this long after the last reload is met at once. */
  readonly quietMs: number;
  /** How long changes must have stopped before a reload that waits is due. */
  readonly settleMs: number;
  /** The longest a change waits while others keep coming. */
  readonly patienceMs: number;
  /** Distance of reloads in a storm: the first, what each further one adds, and the most. */
  readonly distanceMs: { readonly first: number; readonly more: number; readonly most: number };
}

/** The pace for reloads that cost the reloaded service something. */
export const usualPace: PaceOptions = {
  quietMs: 1_000,
  settleMs: 200,
  patienceMs: 3_000,
  distanceMs: { first: 1_000, more: 500, most: 2_000 },
};

/** The pace that keeps reloads `ms` apart and otherwise waits for nothing. */
export function paceOf(ms: number): PaceOptions {
  const settleMs = Math.min(usualPace.settleMs, ms);
  return { quietMs: ms, settleMs, patienceMs: ms, distanceMs: { first: ms, more: 0, most: ms } };
}

export class Pace {
  readonly #options: PaceOptions;
  #lastRun = Number.NEGATIVE_INFINITY;
  #first: number | undefined;
  #last = 0;
  #streak = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** A change asks for a reload. */
  request(now: number): void {
    this.#first ??= now;
    this.#last = now;
  }

  /** When the reload is due, or undefined if none is asked for. */
  get dueAt(): number | undefined {
    if (this.#first === undefined) return undefined;
    const { quietMs, settleMs, patienceMs, distanceMs } = this.#options;
    if (this.#first >= this.#lastRun + quietMs) return this.#first;
    const distance = Math.min(distanceMs.most, distanceMs.first + distanceMs.more * this.#streak);
    const settled = Math.min(this.#last + settleMs, this.#first + patienceMs);
    return Math.max(this.#lastRun + distance, settled);
  }

  /** A reload begins that meets all that was asked for so far. */
  begin(now: number): void {
    const storm = this.#first !== undefined && this.#first < this.#lastRun + this.#options.quietMs;
    this.#streak = storm ? this.#streak + 1 : 0;
    this.#first = undefined;
    this.#lastRun = now;
  }

  /** It has ended: its own time counts as no quiet. */
  end(now: number): void {
    this.#lastRun = now;
  }
}
