/** A host as it announces itself. */

/** What can run a unit: Docker for a file with `[Container]`, systemd for any other. */
export const runtimeNames = ["systemd", "docker"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

export interface Capacity {
  /** Bytes of memory that units may reserve. */
  readonly memoryBytes: number;
  /** Processors that units may reserve, in thousandths of one. */
  readonly cpuMillis: number;
}

/** The value of `/deis/cluster/machines/<id>`; lives as long as the machine's lease. */
export interface Machine {
  /** `machine-id(5)`: 32 lower-case hex digits. */
  readonly id: string;
  /** The address at which other hosts and operators reach this one. */
  readonly address: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly capacity: Capacity;
  readonly runtimes: readonly RuntimeName[];
  /** Version of the agent. */
  readonly version: string;
  /** Base URL of the agent's own API, absent when it serves none: `https://10.0.0.1:7002`. */
  readonly api?: string;
}
