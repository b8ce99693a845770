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
  /** Present for a unit that publishes an endpoint, whether or not it does so now. */
  readonly published?: PublishedState;
}

/** How far a unit has come from running to being reached by requests. */
export interface PublishedState {
  /** The app whose requests it serves. */
  readonly service: string;
  /** `host:port` as in the store; present once it answers and is written. */
  readonly endpoint?: string;
  /** Every live router has acknowledged the endpoint, or the time for that is over. */
  readonly routed: boolean;
  /** Why it is not published (`GET /healthz gave 500`), or not yet routed, in one sentence. */
  readonly problem?: string;
}

/** Whether a unit does what it is there for: it is active and, if it publishes, requests reach it. */
export function isReady(state: UnitState): boolean {
  return state.active === "active" && (state.published?.routed ?? true);
}
