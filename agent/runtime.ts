/**
 * The port between the agent and what runs units. Two adapters, `systemd/` and `docker/`, pass one contract suite
 * (`test/contract/unit-runtime.ts`).
 *
 * Everything an adapter says comes from the runtime itself, never from memory: after a restart of the agent it finds what
 * runs here by unit name, file hash and restart generation, which it keeps with the runtime (labels, or files beside the unit file).
 *
 * Generation: `load` and `start` record the unit's, `acknowledge` overwrites it, `observed` shows the one recorded. The agent loads
 * with `notStarted`, starts with `startBegun` and acknowledges the real generation after the start, so that a crash between two steps
 * neither loses a start or a restart nor repeats one, and a oneshot that has ended is not run again.
 *
 * Aborting: a call whose signal aborts stops waiting soon and rejects with the signal's reason. It undoes nothing: a start that was handed
 * to the runtime goes on there (a pull may end), and a following `stop` must end it.
 */
import type { RuntimeName } from "../cluster/machine.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { Reach } from "./reach.ts";

/** The generation of a unit that is loaded and has not been started since. Every adapter stores and shows it like any other. */
export const notStarted = -1;
/**
 * The generation of a unit whose start was begun and not acknowledged: if it runs, it may be by us. One that runs as `notStarted` was started
 * by somebody else: its timer or socket, another unit's `Wants=`, the operator of the host.
 */
export const startBegun = -2;

/** A unit as an agent hands it to its runtime. */
export interface RuntimeUnit {
  readonly name: string;
  /** The unit file as written. */
  readonly text: string;
  readonly hash: string;
  /** A restart generation, from 0, or `notStarted`, or `startBegun`. */
  readonly generation: number;
}

export interface UnitRuntime {
  readonly name: RuntimeName;

  /** Connects and takes the first look. Resolves when `observed` is complete; rejects (retryable) if the runtime cannot be reached. */
  open(signal: AbortSignal): Promise<void>;

  /** False while the connection to the runtime is lost: `observed` is then the last known and nothing may be concluded from it. */
  readonly connected: boolean;

  /**
   * Every unit of ours that exists here, running or not, by name. Kept current by the runtime's events, not by polling.
   */
  readonly observed: ReadonlyMap<string, UnitState>;

  /**
   * Calls `bell` with the unit's name after `observed` has changed, and for every unit after a lost connection was made again.
   * Returns the function that ends this.
   */
  onChange(bell: (unit: string) => void): () => void;

  /**
   * Makes the unit known without starting it (systemd: file written, linked, enabled if it has `[Install]`, reloaded; Docker: image
   * present). Idempotent. Concurrent calls share one reload. Rejects with code `unit-load-failed`.
   */
  load(unit: RuntimeUnit, signal: AbortSignal): Promise<void>;

  /**
   * Starts a loaded unit and resolves when the runtime says that it is up. Idempotent: a running unit is left alone.
   * Rejects with code `unit-start-failed` and the reason when the job fails or the process dies at once; with the signal's
   * reason when it aborts.
   */
  start(unit: RuntimeUnit, signal: AbortSignal): Promise<void>;

  /**
   * Stops the unit with its own timeout and resolves when nothing of it runs any more. Idempotent. The unit stays loaded, `inactive`
   * or (if its process took the end badly) `failed`. Rejects with code `unit-stop-failed`.
   */
  stop(name: string, signal: AbortSignal): Promise<void>;

  /**
   * Stops if needed, then removes every trace of the unit. Resolves when it no longer is in `observed`. Idempotent.
   * Rejects with code `unit-stop-failed` or `unit-unload-failed`; the unit is then still observed.
   */
  unload(name: string, signal: AbortSignal): Promise<void>;

  /** Records that this restart generation was carried out (or `notStarted`), without touching the process. Idempotent. */
  acknowledge(name: string, generation: number, signal: AbortSignal): Promise<void>;

  /**
   * How other hosts reach what the unit runs now; undefined if it runs nothing that the runtime knows. The answer holds for one run: a
   * container that was started anew may have other ports.
   */
  reach(name: string, signal: AbortSignal): Promise<Reach | undefined>;

  /** Closes connections. Units run on. */
  close(): Promise<void>;
}
