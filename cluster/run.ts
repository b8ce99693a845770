/**
 * Runs of units that are to end: what the scheduler keeps about them, what an agent tells of them, and what a failing unit has
 * tried. Who may say what: the scheduler decides that there is a run and remembers how it ended; an agent claims it before it
 * starts it, and tells its end.
 */

export const runStatuses = ["scheduled", "due", "running", "finished", "failed", "lost"] as const;
/**
 * `scheduled`: a timer waits for its first tick. `due`: to be started, or started and not claimed yet. `running`: a machine has
 * claimed it. `finished`, `failed`: it ended, well or badly. `lost`: its machine went away in its midst.
 */
export type RunStatus = (typeof runStatuses)[number];

/** The value of `/deis/cluster/runs/<unit>`: the last run, while the unit's target is `launched`. */
export interface Run {
  readonly status: RunStatus;
  /** Which run: the instant at which it was due, RFC 3339. Later runs have later ones. Absent before the first. */
  readonly run?: string;
  /** The file and the restart generation of the run. */
  readonly hash: string;
  readonly generation: number;
  readonly machine?: string;
  readonly started?: string;
  readonly ended?: string;
  readonly exitStatus?: number;
  /** Why it failed or was lost. */
  readonly problem?: string;
  /** The next tick of a timer; absent if it has none. */
  readonly next?: string;
  /** The last tick that came while a run was under way, and was passed over. */
  readonly skipped?: string;
}

/** What the agent says of a run: claimed once this is in the store, over once `ended` is. */
export interface RunClaim {
  readonly run: string;
  readonly started: string;
  readonly ended?: string;
  /** Whether it ended well. Present with `ended`. */
  readonly ok?: boolean;
  readonly exitStatus?: number;
  readonly problem?: string;
}

/** How often a unit failed on a machine of late. */
export interface Failures {
  readonly hash: string;
  readonly generation: number;
  readonly count: number;
  /** The last one, RFC 3339. */
  readonly at: string;
  readonly problem?: string;
}

/** The value of `/deis/cluster/outcomes/<machine>/<unit>`: only of units that ask for it by `RunOnce=`, `OnCalendar=` or `MoveAfterFailures=`. */
export interface Outcome {
  readonly claim?: RunClaim;
  readonly failures?: Failures;
}

/** The value of `/deis/cluster/failures/<unit>`: where a unit with `MoveAfterFailures=` has failed, the last place last. */
export interface Tried {
  readonly hash: string;
  readonly generation: number;
  readonly machines: readonly TriedMachine[];
}

export interface TriedMachine {
  readonly machine: string;
  readonly at: string;
  readonly count: number;
  readonly problem?: string;
}

/** True while a run is to be started or under way. */
export function isActive(run: Run): boolean {
  return run.status === "due" || run.status === "running";
}

/** True if two records, or parts of them, say the same. */
export function sameRecord(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [mine, theirs] = [Object.entries(one), new Map<string, unknown>(Object.entries(other))];
  return mine.length === theirs.size && mine.every(([name, value]) => sameRecord(value, theirs.get(name)));
}

/** How the run stands, as a clause without a full stop: `run of 2026-11-21T03:00:00Z finished; the next is due at …`. */
export function describeRun(run: Run): string {
  const next = run.next === undefined ? "" : `; the next is due at ${run.next}`;
  const skipped = run.skipped === undefined ? "" : `; the tick of ${run.skipped} was passed over`;
  return `${standing(run)}${skipped}${next}`;
}

function standing({ status, run, machine, exitStatus, problem }: Run): string {
  const why = problem === undefined ? "" : `: ${problem}`;
  switch (status) {
    case "scheduled":
      return "it waits for its first tick";
    case "due":
      return `the run of ${run} is due`;
    case "running":
      return `the run of ${run} is under way on ${machine}`;
    case "finished":
      return `the run of ${run} finished on ${machine}`;
    case "failed":
      return `the run of ${run} failed on ${machine}${exitStatus === undefined ? "" : ` with status ${exitStatus}`}${why}`;
    case "lost":
      return `the run of ${run} was lost${why}`;
    default:
      return status satisfies never;
  }
}
