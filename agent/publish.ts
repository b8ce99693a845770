/**
 * What is to stand in the store about one endpoint: the candidate ∥ where it answers ∥ what its probes found ∥ what stands there now, to a
 * verdict with its reason.
 *
 * The rules that hold whatever the input:
 * - Only what runs and answers is published. What ran and answered under the agent before this one is left until its probes say otherwise.
 * - Of Deis v1's names only the newest version is published.
 * - What this machine did not write is deleted by nobody here. A copy of the unit that came up later on another machine may take the endpoint
 *   over; it is not taken back while that one has it.
 *
 * Pure.
 */
import type { StoredEndpoint } from "../cluster/ports.ts";
import type { Candidate } from "./candidates.ts";
import { type Health, mayServe, problemOf } from "./health.ts";

/** An endpoint in the store with the revision at which it was written. */
export interface Stored extends StoredEndpoint {
  readonly revision: bigint;
}

/** Everything that a verdict depends on. */
export interface EndpointSituation {
  readonly candidate: Candidate;
  /** Where it answers if it does, `host:port`; absent while that is being found out. */
  readonly address?: string;
  /** Why that cannot be said. */
  readonly portProblem?: string;
  /** Absent while it is not probed. */
  readonly health?: Health;
  readonly stored?: Stored;
  /** The highest version that is published for its app, by Deis v1's names; 0 if there is none. */
  readonly newest: number;
  /** The lease of this machine. */
  readonly lease: string;
  /** Another machine has taken over what this one had published. */
  readonly isOvertaken: boolean;
}

export type Verdict =
  | { readonly kind: "leave"; readonly problem?: string }
  | { readonly kind: "publish"; readonly address: string; readonly over: bigint }
  | { readonly kind: "withdraw"; readonly reason: string; readonly problem?: string };

/** The problem of a unit whose endpoint another machine has. */
export const overtaken = "Another machine's copy has taken its place";

export function judge(situation: EndpointSituation): Verdict {
  const { candidate, address, portProblem, stored, lease, isOvertaken } = situation;
  const { life } = candidate;
  const own = stored?.lease === lease ? stored : undefined;
  const not = (reason: string, problem?: string): Verdict => {
    const told = problem === undefined ? {} : { problem };
    return own ? { kind: "withdraw", reason, ...told } : { kind: "leave", ...told };
  };
  if (life.kind === "unknown") return { kind: "leave" };
  if (life.kind === "down") return not(life.why);
  if (portProblem !== undefined) return not(portProblem, portProblem);
  const older = olderThan(situation);
  if (older !== undefined) return not(older, older);
  const { health = { kind: "awaited", failures: 0 } } = situation;
  if (address === undefined) {
    // Where it answers is not known yet; what the last agent knew holds.
    return health.kind === "assumed" ? { kind: "leave" } : not("it was started anew");
  }
  if (!mayServe(health)) return not(problemOf(health) ?? "it does not answer yet", problemOf(health));
  if (own?.address === address) return { kind: "leave" };
  if (health.kind === "assumed") return not(`it answers at ${address} now`);
  if (isOvertaken && stored !== undefined) return { kind: "leave", problem: overtaken };
  return { kind: "publish", address, over: stored?.revision ?? 0n };
}

function olderThan({ candidate: { release }, newest }: EndpointSituation): string | undefined {
  if (release === undefined || release.version >= newest) return undefined;
  return `Version ${newest} is published, and this is version ${release.version}`;
}
