/** What a unit really does on one machine, in systemd's words whatever its runtime. */

/** The value of `/deis/cluster/states/<machine>/<unit>`. */
export interface UnitState {
  /** systemd's LoadState: `loaded`, `not-found`, `bad-setting`, `error`, `masked`. */
  readonly load: string;
  /** systemd's ActiveState: `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`. */
  readonly active: string;
  /** systemd's SubState for its type: `running`, `exited`, `dead`, `failed`, `start-pre`, … */
  readonly sub: string;
  /** Hash of the unit file that is loaded. */
  readonly hash: string;
  /** The last restart generation carried out. */
  readonly generation: number;
  /** When `active` last changed, RFC 3339 in UTC. */
  readonly since: string;
  /** Exit status of the main process or container, once it has ended. */
  readonly exitStatus?: number;
  readonly containerId?: string;
  /** What went wrong, in one sentence, when the runtime or the agent could not do what was asked. */
  readonly problem?: string;
}
