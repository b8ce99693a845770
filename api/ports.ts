/** What the API needs from its host: implemented by the agent, and in memory by tests. */
import type { JournalRequest } from "../cluster/journal-request.ts";

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
