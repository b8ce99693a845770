/**
 * WHEN to run a pass: after a bell or after an interval, never two at once.
 *
 * Bells that ring during a pass are coalesced into exactly one further pass, so a pass may read "what changed since last
 * time" without losing anything. A pass that throws is retried after a backoff; the loop itself never ends but by its signal.
 */
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";

export type LoopEvent =
  | { readonly kind: "pass-done"; readonly durationMs: number }
  | { readonly kind: "pass-failed"; readonly error: unknown; readonly retryInMs: number };

export interface ControlLoopOptions {
  /** One look-decide-do-report round. It must honour `signal`. */
  readonly pass: (signal: AbortSignal) => Promise<void>;
  /** Longest time between two passes in ms, the safety net under lost bells. Default: none, bells only. */
  readonly intervalMs?: number;
  /**
   * After a pass of d ms the next begins no sooner than this × d later: a storm of bells then leaves the process time for everything
   * else, its lease above all. A bell after a quiet moment waits for nothing. Default 0.
   */
  readonly restPerPass?: number;
  readonly onEvent?: (event: LoopEvent) => void;
  readonly backoff?: BackoffOptions;
  readonly clock?: Clock;
}

export class ControlLoop {
  readonly #options: ControlLoopOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(options: ControlLoopOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backoff = new Backoff(options.backoff);
  }

  /** Asks for a pass as soon as none is in flight. Cheap; may be called from any event handler. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Runs a first pass at once, then on each bell or interval, until `signal` aborts. Resolves after the last pass has ended. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#rung = false;
      const started = this.#clock.monotonic();
      const failure = await this.#pass(signal);
      if (signal.aborted) return;
      if (failure) {
        const retryInMs = this.#backoff.next();
        this.#options.onEvent?.({ kind: "pass-failed", error: failure.error, retryInMs });
        // Not `#rest`: bells that ring on after a failure must not defeat the backoff.
        await this.#sleep(retryInMs, signal);
      } else {
        this.#backoff.reset();
        const durationMs = this.#clock.monotonic() - started;
        this.#options.onEvent?.({ kind: "pass-done", durationMs });
        const restMs = durationMs * (this.#options.restPerPass ?? 0);
        // Timers know no less than a millisecond.
        if (restMs >= 1) await this.#sleep(restMs, signal);
        if (!this.#rung) await this.#rest(this.#options.intervalMs, signal);
      }
    }
  }

  /** Returns what the pass threw, wrapped so that even `throw undefined` counts. */
  async #pass(signal: AbortSignal): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.#options.pass(signal);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Waits for a bell, the interval or the signal, whichever is first. */
  async #rest(intervalMs: number | undefined, signal: AbortSignal): Promise<void> {
    // An event handler may have stopped the loop: a listener added now would never be called.
    if (signal.aborted) return;
    const over = new AbortController();
    const rung = new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true, signal: over.signal });
    });
    const interval = intervalMs === undefined ? rung : this.#sleep(intervalMs, over.signal);
    await Promise.race([rung, interval]);
    this.#wake = undefined;
    over.abort();
  }

  /** Resolves also when it is cut short: a loop that stops, or was woken, has not failed. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
