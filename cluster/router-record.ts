/** A router as it tells the cluster how far it is: the value of `/deis/router/hosts/<machine>`, which lives under the router's own lease. */

export interface RouterRecord {
  /** The address at which clients and operators reach the router's host. */
  readonly address: string;
  /**
   * The router serves every change of an endpoint, host name, certificate or setting up to this revision of the store: nginx itself was
   * asked, not the files it was given. It is the revision of a change that a router reads; others do not move it.
   */
  readonly revision: bigint;
  /**
   * No request that was in flight on an endpoint removed at this revision or before is left, or its time to finish is over. Never more
   * than `revision`.
   */
  readonly drained: bigint;
}
