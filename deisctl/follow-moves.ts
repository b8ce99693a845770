/**
 * Watches units on their way off machines until all have arrived, or those that have not cannot. It never polls, and gives up when
 * nothing has moved for longer than its patience.
 */
import type { Mirror } from "../cluster/ports.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { isSettled, judgeMove, type Moving } from "./moving.ts";
import { UnitViews, type WatchedTables } from "./unit-views.ts";

/** So long "nothing more will happen" must hold: one unit's arrival may make room for another, and sentences lag behind. */
const settleMs = 600;

export interface Journey {
  readonly unit: string;
  readonly from: string;
}

export interface FollowRequest {
  readonly mirror: Mirror<WatchedTables>;
  /** Asked again after each change: more may have to leave than at first. */
  readonly journeys: () => Iterable<Journey>;
  /** The store's revision after the wish was written. */
  readonly since: bigint;
  /** True if a unit that is where it was will stay there. */
  readonly isStuck: (journey: Journey, moving: Moving) => boolean;
  /** How long nothing may happen before it is given up. */
  readonly patienceMs: number;
  readonly onStep: (journey: Journey, moving: Moving) => void;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

export interface Followed {
  readonly kind: "settled" | "timed-out" | "interrupted";
  /** By unit: the last look at each. */
  readonly moves: ReadonlyMap<string, { readonly journey: Journey; readonly moving: Moving }>;
}

/** Resolves at the end, whatever it is; rejects only if the mirror fails. */
export async function followMoves(request: FollowRequest): Promise<Followed> {
  const { mirror, signal } = request;
  const clock = request.clock ?? systemClock;
  await mirror.reached(request.since, signal);
  const moves = new Map<string, { readonly journey: Journey; readonly moving: Moving }>();
  let changed: () => void = () => undefined;
  const off = mirror.onChange(() => changed());
  let movedAt = clock.monotonic();
  let quietSince: number | undefined;
  try {
    for (;;) {
      const bell = new Promise<void>((resolve) => (changed = resolve));
      if (signal.aborted) return { kind: "interrupted", moves };
      if (look(request, moves)) {
        movedAt = clock.monotonic();
        quietSince = undefined;
      }
      const over = [...moves.values()].every(
        ({ journey, moving }) => isSettled(moving) || request.isStuck(journey, moving),
      );
      const now = clock.monotonic();
      quietSince = over ? (quietSince ?? now) : undefined;
      const stuck = over && [...moves.values()].some(({ moving }) => !isSettled(moving));
      if (quietSince !== undefined && (!stuck || now - quietSince >= settleMs))
        return { kind: "settled", moves };
      const deadline = movedAt + request.patienceMs;
      if (now >= deadline) return { kind: "timed-out", moves };
      const alarmAt = Math.min(deadline, quietSince === undefined ? deadline : quietSince + settleMs);
      const waiting = new AbortController();
      const alarm = clock.sleep(Math.max(1, alarmAt - now), AbortSignal.any([signal, waiting.signal]));
      await Promise.race([bell, alarm.catch(() => undefined)]);
      waiting.abort();
    }
  } finally {
    off();
  }
}

/** Judges every journey; true if any has come further. */
function look(
  { mirror, journeys, since, onStep }: FollowRequest,
  moves: Map<string, { readonly journey: Journey; readonly moving: Moving }>,
): boolean {
  for (const journey of journeys()) {
    if (!moves.has(journey.unit)) moves.set(journey.unit, { journey, moving: { kind: "there" } });
  }
  const views = new UnitViews(mirror, moves.keys());
  let stepped = false;
  for (const [unit, { journey, moving: before }] of moves) {
    const moving = judgeMove(views.view(unit), journey.from, since);
    if (JSON.stringify(moving) === JSON.stringify(before)) continue;
    moves.set(unit, { journey, moving });
    onStep(journey, moving);
    stepped = true;
  }
  return stepped;
}
