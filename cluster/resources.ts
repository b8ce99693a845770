/** What a unit reserves on its machine, and is held to there: systemd's words in `[Service]`. */

export interface Resources {
  /** `MemoryMax=` in bytes, or 0: weighs nothing and is not limited. */
  readonly memoryBytes: number;
  /** `CPUQuota=` in thousandths of a processor, or 0. */
  readonly cpuMillis: number;
  /** `CPUWeight=`, 1 to 10 000; absent: the runtime's default. */
  readonly cpuWeight?: number;
}
