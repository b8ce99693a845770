/**
 * Taking a unit out of the traffic before it is stopped: its endpoint goes from the store, the live routers say that they no longer
 * choose it, then that no request is left on it. Each wait is bounded, and what is late is told: a stop is delayed, never prevented.
 */
import { onAbort } from "../loop/abort.ts";
import type { Clock } from "../loop/clock.ts";
import type { OnAgentEvent } from "./events.ts";
import type { Flight } from "./reconcile.ts";
import type { RouterWatch } from "./router-watch.ts";

export interface RouterPatience {
  /** How long routers may take to serve without an endpoint, or with a new one. */
  readonly routedMs: number;
  /** How long the requests that are under way on a withdrawn endpoint may take. */
  readonly drainMs: number;
}

export interface WithdrawalsOptions {
  readonly routers: RouterWatch;
  readonly patience: RouterPatience;
  readonly clock: Clock;
  readonly onEvent: OnAgentEvent;
  /** Asks for a pass of the publisher. */
  readonly ring: () => void;
}

export class Withdrawals {
  readonly #options: WithdrawalsOptions;
  readonly #units = new Set<string>();
  readonly #waiting = new Map<string, (revision: bigint) => void>();

  constructor(options: WithdrawalsOptions) {
    this.#options = options;
  }

  /** The units that are out of the traffic, or on their way. */
  get units(): ReadonlySet<string> {
    return this.#units;
  }

  /** Lets units back whose plan is over, or has come to start them again. */
  retain(flights: ReadonlyMap<string, Flight>): void {
    for (const unit of this.#units) {
      if (this.#waiting.has(unit)) continue;
      const step = flights.get(unit)?.step;
      if (step === undefined || step === "load" || step === "start") this.#units.delete(unit);
    }
  }

  /** The units for which somebody waits to hear that they are not published. */
  get pending(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  /** Tells that nothing of the unit is in the store since `revision`; 0 if nothing was, as far as is known. */
  gone(unit: string, revision: bigint): void {
    this.#waiting.get(unit)?.(revision);
  }

  /** Resolves when the unit may be stopped. Rejects only with the reason of `signal`. */
  async withdraw(unit: string, signal: AbortSignal): Promise<void> {
    const { routers, patience, clock, onEvent } = this.#options;
    const { routedMs, drainMs } = patience;
    const began = clock.monotonic();
    this.#units.add(unit);
    const revision = await this.#gone(unit, routedMs, signal);
    if (revision === undefined) {
      onEvent({ kind: "withdrawal-unconfirmed", unit, durationMs: clock.monotonic() - began });
      return;
    }
    if (revision === 0n) return;
    const served = await routers.acknowledged("revision", revision, { withinMs: routedMs, signal });
    const late = (what: "revision" | "drained", names: readonly string[], withinMs: number) => {
      if (names.length > 0) onEvent({ kind: "routers-late", unit, what, revision, routers: names, withinMs });
    };
    late("revision", served.late, routedMs);
    // A router that does not answer drains nothing that could be waited for.
    const drained = await routers.acknowledged("drained", revision, {
      withinMs: drainMs,
      except: served.late,
      signal,
    });
    late("drained", drained.late, drainMs);
    const durationMs = clock.monotonic() - began;
    onEvent({ kind: "unit-drained", unit, routers: drained.routers, durationMs });
  }

  /** The revision at which the endpoint went; undefined if the store does not say so in time. */
  async #gone(unit: string, withinMs: number, signal: AbortSignal): Promise<bigint | undefined> {
    signal.throwIfAborted();
    const over = new AbortController();
    const off = onAbort(signal, () => over.abort(signal.reason));
    try {
      const gone = new Promise<bigint>((resolve) => this.#waiting.set(unit, resolve));
      this.#options.ring();
      const late = this.#options.clock.sleep(withinMs, over.signal).then(() => undefined);
      return await Promise.race([gone, late]);
    } finally {
      this.#waiting.delete(unit);
      off();
      over.abort();
    }
  }
}
