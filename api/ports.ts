/** What the API needs from its host: implemented by the agent, and in memory by tests. */

export const journalOutputs = ["short", "short-iso", "short-precise", "cat", "json", "verbose"] as const;
export type JournalOutput = (typeof journalOutputs)[number];

export interface JournalRequest {
  /** How many of the last lines. */
  readonly lines: number;
  /** Go on with what is written from now on. */
  readonly follow: boolean;
  /** As `journalctl(1) --output`. */
  readonly output: JournalOutput;
  /** Only what was written from then on, RFC 3339. */
  readonly since?: string;
}

export interface JournalSource {
  /**
   * What a unit wrote, as text with newlines. Rejects with `unit-not-found` before anything is streamed, or with
   * `output-unsupported`. The stream ends when `signal` aborts.
   */
  journal(unit: string, request: JournalRequest, signal: AbortSignal): Promise<AsyncIterable<string>>;
}

export interface StatusSource {
  /** What `systemctl status -l` says of the unit. Rejects with `unit-not-found`. */
  status(unit: string, signal: AbortSignal): Promise<string>;
}

/** How the agent is, for whoever watches over it. */
export interface Health {
  /** True if the agent can do its work: it holds its lease and every runtime that it has announced answers. */
  readonly ok: boolean;
  readonly machine: string;
  readonly version: string;
  readonly lease: "awaited" | "held" | "lost";
  readonly mirror: "synced" | "waiting";
  readonly runtimes: Readonly<Record<string, "connected" | "unavailable">>;
}

export interface ApiPorts {
  readonly logs: JournalSource & StatusSource;
  readonly health: () => Health;
  /** The text of `/metrics`. */
  readonly metrics: () => string;
}
