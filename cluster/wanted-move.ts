/** A planned move that someone asked for, of one unit. */

/** The value of `/deis/cluster/moves/<unit>`. The scheduler deletes it when the move is done, or cannot be done. */
export interface WantedMove {
  /** The machine the unit is to leave. A unit that is not there (any more) has nothing to do. */
  readonly from: string;
  /** Where it is to go. Absent: wherever the scheduler would place it now. */
  readonly to?: string;
  /** Why, in one sentence. */
  readonly reason: string;
}
