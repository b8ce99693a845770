/**
 * The port between the agent and containers that it does not run as units of its own: those that a command of a unit started
 * (`ExecStart=docker run --name shop_v2.web.1 …`), or a person. Deis v1 published them by their names.
 */
import type { Reach } from "./reach.ts";

/** A running container whose name is one that Deis v1 published (`cluster/release-name.ts`). */
export interface NamedContainer {
  readonly id: string;
  /** When its process was started, RFC 3339: with the id it tells one run from the next. */
  readonly startedAt: string;
  readonly reach: Reach;
}

export interface NamedContainers {
  /** False while the engine cannot be reached: `running` is then the last known. */
  readonly connected: boolean;
  /** By name; without those that a container unit of ours runs. */
  readonly running: ReadonlyMap<string, NamedContainer>;
  /** Calls `bell` after `running` or `connected` changed. Returns the function that ends this. */
  onChange(bell: () => void): () => void;
}
