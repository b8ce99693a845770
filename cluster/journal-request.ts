/** What part of a unit's journal is asked for, and in which form. */

/** What the agents offer of `journalctl(1) --output`. */
export const journalOutputs = ["short", "short-iso", "short-precise", "cat", "json", "verbose"] as const;
export type JournalOutput = (typeof journalOutputs)[number];

export interface JournalRequest {
  /** How many of the last lines. */
  readonly lines: number;
  /** Go on with what is written from now on. */
  readonly follow: boolean;
  readonly output: JournalOutput;
  /** Only what was written from then on, RFC 3339. */
  readonly since?: string;
}
