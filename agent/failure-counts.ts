/**
 * How often units with `MoveAfterFailures=` have failed here of late. A failure is each time that a unit is seen failed, or about
 * to be started again by its own `Restart=` after it failed, and each start that failed for good. Those of more than ten minutes
 * ago do not count, nor those of another file or restart generation.
 *
 * What was counted is kept in the store, where an agent after this one finds it.
 */
import type { Failures, Outcome } from "../cluster/run.ts";
import type { Wanted } from "./desired.ts";
import { purposeOf, type Situation } from "./reconcile.ts";

const windowMs = 600_000;

interface Count {
  readonly hash: string;
  readonly generation: number;
  /** When each happened, RFC 3339: also what tells one from the next. */
  times: readonly string[];
  problem: string | undefined;
}

export class FailureCounts {
  readonly #counts = new Map<string, Count>();

  /** Counts what is seen now, and returns all counts by unit. `told` is what the store says. */
  observe(situation: Situation, told: ReadonlyMap<string, Outcome>): ReadonlyMap<string, Failures> {
    const { desired } = situation;
    for (const unit of this.#counts.keys()) if (!isCounted(desired.get(unit))) this.#counts.delete(unit);
    const failures = new Map<string, Failures>();
    for (const [unit, wish] of desired) {
      if (!isCounted(wish)) continue;
      const count = this.#countOf(wish, told.get(unit)?.failures);
      const failure = failureOf(wish, situation);
      if (failure && count.times.length < wish.moveAfterFailures && count.times.at(-1) !== failure.at) {
        const recent = Date.parse(failure.at) - windowMs;
        count.times = [...count.times.filter((at) => Date.parse(at) > recent), failure.at];
        count.problem = failure.problem;
      }
      const at = count.times.at(-1);
      if (at === undefined) continue;
      const { hash, generation, times, problem } = count;
      failures.set(unit, {
        hash,
        generation,
        count: times.length,
        at,
        ...(problem === undefined ? {} : { problem }),
      });
    }
    return failures;
  }

  #countOf({ name, hash, generation }: Wanted, told: Failures | undefined): Count {
    const known = this.#counts.get(name);
    if (known?.hash === hash && known.generation === generation) return known;
    const isTold = known === undefined && told?.hash === hash && told.generation === generation;
    const count: Count = {
      hash,
      generation,
      times: isTold ? Array.from({ length: told.count }, () => told.at) : [],
      problem: isTold ? told.problem : undefined,
    };
    this.#counts.set(name, count);
    return count;
  }
}

type Counted = Wanted & { readonly moveAfterFailures: number };

function isCounted(wish: ReturnType<Situation["desired"]["get"]>): wish is Counted {
  return wish?.kind === "wanted" && wish.moveAfterFailures !== undefined && wish.target === "launched";
}

/** The last failure that shows, if the unit is not up. */
function failureOf(
  wish: Wanted,
  { runtimes, attempts }: Situation,
): { readonly at: string; readonly problem: string | undefined } | undefined {
  const state = runtimes.get(wish.runtime)?.observed.get(wish.name);
  const attempt = attempts.get(wish.name);
  const isTried = attempt?.purpose === purposeOf(wish);
  if (state) {
    if (state.hash !== wish.hash || !(state.active === "failed" || state.sub === "auto-restart"))
      return undefined;
    return { at: state.since, problem: state.problem ?? (isTried ? attempt.problem : undefined) };
  }
  if (!isTried || attempt.retryAtMs !== "never") return undefined;
  return { at: attempt.since, problem: attempt.problem };
}
