/** What the scheduler decided: where a unit is, or why it is nowhere. */

/** The value of `/deis/cluster/placements/<machine>/<unit>`: all that an agent needs to know, but for the unit's text. */
export interface Placement {
  readonly machine: string;
  readonly unit: string;
  readonly hash: string;
  readonly target: "loaded" | "launched";
  /** The restart generation the agent must have carried out. */
  readonly generation: number;
  /** Of a unit that is to end: the run that the agent is to carry out, once. Without it nothing is started. */
  readonly run?: string;
  /** Why here, in one sentence. */
  readonly reason: string;
  /**
   * Only while the unit is being moved according to plan. `arriving`: a second copy, which takes over once it is ready; until then
   * the unit counts as being where its other placement is. `leaving`: the unit is stopped here (`target` is `loaded`) before
   * it starts elsewhere. An agent need not know: it does what `target` says.
   */
  readonly move?: "arriving" | "leaving";
}

/** The value of `/deis/cluster/unplaced/<unit>`. */
export interface Unplaced {
  /** Hash of the unit file that could not be placed: a reader with a newer file knows that this answer is stale. */
  readonly hash: string;
  /** Why nothing can take the unit: one sentence that an operator can act on. */
  readonly reason: string;
}
