/** What the cluster is asked to run: the record a submitter writes, and the unit as the scheduler reasons about it. */

import type { RuntimeName } from "./machine.ts";
import type { Requirements } from "./requirements.ts";
import type { Resources } from "./resources.ts";

/** fleet's three target states: known; placed and loaded; placed and started. */
export const targetStates = ["inactive", "loaded", "launched"] as const;
export type TargetState = (typeof targetStates)[number];

/** The value of `/deis/cluster/units/<name>`. */
export interface UnitRecord {
  /** Canonical SHA-1 of the unit's file, 40 hex digits. */
  readonly hash: string;
  readonly target: TargetState;
  /** Restart generation: each increment asks for one restart. Starts at 0. */
  readonly generation: number;
}

/** A unit with everything a placement depends on, derived from its record and its file. */
export interface Unit extends UnitRecord {
  readonly name: string;
  readonly requirements: Requirements;
  readonly resources: Resources;
  readonly runtime: RuntimeName;
}
