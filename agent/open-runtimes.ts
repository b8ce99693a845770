/**
 * Opens what runs units here, each on its own and again until it can be opened. A runtime that once was open reconnects by itself.
 */
import type { RuntimeName } from "../cluster/machine.ts";
import { Backoff, type BackoffOptions } from "../loop/backoff.ts";
import type { Clock } from "../loop/clock.ts";
import type { OnAgentEvent } from "./events.ts";
import type { UnitRuntime } from "./runtime.ts";

export interface OpenRuntimesOptions {
  readonly clock: Clock;
  readonly onEvent: OnAgentEvent;
  /** One more runtime is open. */
  readonly onOpened: () => void;
  /** Between two tries. Default: 1 s doubling to 30 s. */
  readonly backoff?: BackoffOptions;
}

export class OpenRuntimes {
  readonly #options: OpenRuntimesOptions;
  readonly #opened = new Set<RuntimeName>();
  #tried: Promise<unknown> = Promise.resolve();

  constructor(options: OpenRuntimesOptions) {
    this.#options = options;
  }

  /** The runtimes that could be opened so far, sorted. One that lost its connection stays: its units are still here. */
  get names(): readonly RuntimeName[] {
    return [...this.#opened].sort();
  }

  /** Begins to open all, until `signal` aborts. */
  open(runtimes: readonly UnitRuntime[], signal: AbortSignal): void {
    this.#tried = Promise.all(
      runtimes.map((runtime) => new Promise<void>((resolve) => void this.#open(runtime, signal, resolve))),
    );
  }

  /**
   * Resolves once each was tried, at the latest after `ms`. Announcing the machine waits for this: a restarted agent that forgot to
   * mention Docker for a moment would lose its containers to other machines.
   */
  async tried(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const late = this.#options.clock.sleep(ms, AbortSignal.any([signal, over.signal])).catch(() => undefined);
    await Promise.race([this.#tried, late]);
    over.abort();
  }

  async #open(runtime: UnitRuntime, signal: AbortSignal, tried: () => void): Promise<void> {
    const { clock, onEvent, onOpened } = this.#options;
    const backoff = new Backoff(this.#options.backoff ?? { initialMs: 1_000, maxMs: 30_000 });
    while (!signal.aborted) {
      try {
        await runtime.open(signal);
        this.#opened.add(runtime.name);
        onEvent({ kind: "runtime-opened", runtime: runtime.name, units: runtime.observed.size });
        onOpened();
        return tried();
      } catch (error) {
        if (signal.aborted) break;
        const retryInMs = backoff.next();
        onEvent({ kind: "runtime-unavailable", runtime: runtime.name, error, retryInMs });
        tried();
        await clock.sleep(retryInMs, signal).catch(() => undefined);
      }
    }
    tried();
  }
}
