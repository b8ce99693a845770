/** A machine that an operator has closed to new units, and perhaps wants empty. */

/** The value of `/deis/cluster/cordons/<machine>`. It outlives the machine's lease: a host that reboots comes back cordoned. */
export interface Cordon {
  /** True: the units that are there leave, too. Global units stay. */
  readonly drain: boolean;
  /** Why, in the operator's words. */
  readonly reason?: string;
  /** RFC 3339 in UTC. */
  readonly since: string;
}
