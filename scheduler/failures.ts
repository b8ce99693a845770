/**
 * When a unit with `MoveAfterFailures=` has failed often enough on its machine, and when it goes to another. The first move is
 * made at once, each further one after a pause twice as long, until nothing has failed for an hour. Pure.
 */
import type { Failures, Tried, TriedMachine } from "../cluster/run.ts";

export interface FailureQuestion {
  /** `MoveAfterFailures=`. */
  readonly limit: number;
  readonly machine: string;
  /** The file and restart generation that are wanted. */
  readonly wish: { readonly hash: string; readonly generation: number };
  /** What that machine says. */
  readonly failures: Failures | undefined;
  readonly tried: Tried | undefined;
}

export interface FailedHere {
  /** With this machine as the last. */
  readonly tried: Tried;
  readonly here: TriedMachine;
  /** Not before this, wall clock, ms. */
  readonly moveAt: number;
}

const firstPauseMs = 10_000;
const longestPauseMs = 600_000;
const forgetAfterMs = 3_600_000;

/** Undefined while the unit may stay. */
export function failedHere(question: FailureQuestion): FailedHere | undefined {
  const { limit, machine, wish, failures, tried } = question;
  if (!failures || failures.count < limit) return undefined;
  if (failures.hash !== wish.hash || failures.generation !== wish.generation) return undefined;
  const { at, count, problem } = failures;
  const here = { machine, at, count, ...(problem === undefined ? {} : { problem }) };
  const isSame = tried?.hash === wish.hash && tried.generation === wish.generation;
  const earlier = (isSame ? tried.machines : []).filter(
    (each) => each.machine !== machine && Date.parse(each.at) > Date.parse(at) - forgetAfterMs,
  );
  const last = earlier.at(-1);
  const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (earlier.length - 1));
  return {
    tried: { hash: wish.hash, generation: wish.generation, machines: [...earlier, here] },
    here,
    moveAt: last === undefined ? 0 : Date.parse(last.at) + pause,
  };
}

/** How it failed there, in a clause: `it failed 3 times on m1: the main process exited with status 1`. */
export function describeFailures({ machine, count, problem }: TriedMachine): string {
  const times = count === 1 ? "once" : `${count} times`;
  return `it failed ${times} on ${machine}${problem === undefined ? "" : `: ${problem}`}`;
}
