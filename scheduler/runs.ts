/**
 * When a unit that is to end runs, and what its last run came to. Deciding is one function of what was recorded, what the
 * machine says and the time: asked again it changes nothing.
 *
 * - `RunOnce=`: one run for each start: a new file, a restart, or a start after a stop. A run whose machine went away in its midst
 *   is begun again elsewhere; one that has ended, however, never is.
 * - `OnCalendar=`: one run for each tick, and one for a restart. Ticks that nobody was there for make one run together. A tick
 *   during a run is passed over. A run whose machine went away in its midst is lost, and the next tick is the next run.
 *
 * Pure.
 */
import { type Calendar, nextOf } from "../cluster/calendar.ts";
import { isActive, type Run, type RunClaim, sameRecord } from "../cluster/run.ts";

export interface RunQuestion {
  readonly wish: { readonly hash: string; readonly generation: number };
  /** None for a unit with `RunOnce=` alone. */
  readonly calendars: readonly Calendar[];
  readonly last: Run | undefined;
  /** The machine that the unit is placed on. */
  readonly machine: string | undefined;
  /** What that machine says. */
  readonly claim: RunClaim | undefined;
  /** That machine is gone for good, as far as one can tell. */
  readonly gone: boolean;
  /** Wall clock, ms since 1970. */
  readonly now: number;
}

/** How the unit's runs stand now: the very `last` if nothing has changed. */
export function runNow(question: RunQuestion): Run {
  const { last, calendars } = question;
  const told = last && afterClaim(last, question);
  const run = calendars.length > 0 ? timerRun(told, question) : onceRun(told, question);
  return last && sameRecord(run, last) ? last : run;
}

function onceRun(last: Run | undefined, { wish, now }: RunQuestion): Run {
  if (last && last.hash === wish.hash && last.generation === wish.generation) return last;
  return begun(last, wish, now);
}

function timerRun(last: Run | undefined, question: RunQuestion): Run {
  const { wish, calendars, now } = question;
  const upcoming = (): Pick<Run, "next"> => {
    const next = nextOf(calendars, now);
    return next === undefined ? {} : { next: iso(next) };
  };
  if (!last) return { status: "scheduled", ...only(wish), ...upcoming() };
  if (wish.generation > last.generation) return { ...begun(last, wish, now), ...upcoming() };
  const isDue = last.next !== undefined && Date.parse(last.next) <= now;
  if (isActive(last)) {
    // What no machine has taken yet is not begun: it runs with the file that is wanted now.
    const run = last.status === "due" && question.machine === undefined ? { ...last, ...only(wish) } : last;
    if (!isDue) return run;
    return { ...without(run, "next"), skipped: last.next ?? "", ...upcoming() };
  }
  // A new file counts from the next tick on; what is under way ends with the file it began with.
  if (isDue) return { status: "due", run: last.next ?? "", ...only(wish), ...upcoming() };
  if (last.hash === wish.hash && last.generation === wish.generation) return last;
  return { ...without(last, "next"), ...only(wish), ...upcoming() };
}

/** A run that is due now. */
function begun(last: Run | undefined, wish: RunQuestion["wish"], now: number): Run {
  const after = last?.run === undefined ? 0 : Date.parse(last.run) + 1;
  return { status: "due", run: iso(Math.max(now, after)), ...only(wish) };
}

/** The last run with what its machine says of it. */
function afterClaim(last: Run, { machine, claim, gone, calendars }: RunQuestion): Run {
  if (!isActive(last)) return last;
  const isOurs = claim !== undefined && claim.run === last.run && machine !== undefined;
  if (isOurs && claim.ended !== undefined) {
    const { started, ended, ok, exitStatus, problem } = claim;
    return {
      ...without(last, "problem"),
      status: ok === true ? "finished" : "failed",
      machine,
      started,
      ended,
      ...(exitStatus === undefined ? {} : { exitStatus }),
      ...(problem === undefined ? {} : { problem }),
    };
  }
  if (gone) {
    const begunThere = isOurs || last.status === "running";
    if (begunThere && calendars.length > 0) {
      const where = machine ?? last.machine;
      return { ...last, status: "lost", problem: `the machine ${where} went away in its midst` };
    }
    return { ...without(without(last, "machine"), "started"), status: "due" };
  }
  if (!isOurs) return last;
  return { ...last, status: "running", machine, started: claim.started };
}

function only({ hash, generation }: RunQuestion["wish"]): Pick<Run, "hash" | "generation"> {
  return { hash, generation };
}

function without<K extends "next" | "machine" | "started" | "problem">(run: Run, key: K): Omit<Run, K> & Run {
  const { [key]: _, ...rest } = run;
  return rest as Omit<Run, K> & Run;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
