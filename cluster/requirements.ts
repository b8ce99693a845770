/** What a unit asks of its machine and neighbours: fleet's `[X-Fleet]` section. */

export interface Requirements {
  /** The one machine that may take the unit, by full id. */
  readonly machineId?: string;
  /** Alternatives by key: one value of every key must be the machine's. */
  readonly machineMetadata: ReadonlyMap<string, readonly string[]>;
  /** Units that must be on the same machine, by exact name. */
  readonly machineOf: readonly string[];
  /** Globs (Go `path.Match`) of unit names that must not share the machine; they bind both ways. */
  readonly conflicts: readonly string[];
  /** Globs of unit names whose units must leave the machine this unit takes. */
  readonly replaces: readonly string[];
  /** One copy on every machine that fits. */
  readonly global: boolean;
  /** The unit must never run twice: its agent stops it before its lease can lapse. */
  readonly fence: boolean;
}
