/**
 * Probes what publishes, each on its own schedule: never two probes of one target at once, spread over time, and at most some at once so
 * that a host of a thousand units that all fail does not spend itself on asking.
 */
import { onAbort } from "../loop/abort.ts";
import type { Clock } from "../loop/clock.ts";
import { afterProbe, type Health, pauseAfter, problemOf } from "./health.ts";
import type { Probe, ProbeTarget } from "./probe.ts";

/** A run of something that publishes, and how to ask it. */
export interface Probed extends ProbeTarget {
  /** Another run is another life: what the last one answered counts no more. */
  readonly run: string;
  /** Believed in until probes say otherwise: see `health.ts`. */
  readonly assumed: boolean;
  /** Not asked for the first time before this moment of the monotonic clock. */
  readonly notBeforeMs: number;
}

export interface ProberOptions {
  readonly probe: Probe;
  readonly clock: Clock;
  /** What is to be told of a target has changed. */
  readonly ring: () => void;
  /** A number in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

interface Watched {
  target: Probed;
  health: Health;
  dueMs: number;
  isAsked: boolean;
}

const atOnce = 64;

export class Prober {
  readonly #options: ProberOptions;
  readonly #random: () => number;
  readonly #watched = new Map<string, Watched>();
  #underWay = 0;
  #wake = new AbortController();

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /** What probes have found of a target; undefined if it is not watched. */
  health(id: string): Health | undefined {
    return this.#watched.get(id)?.health;
  }

  /** Names all that is to be probed from now on, by id. */
  watch(targets: ReadonlyMap<string, Probed>): void {
    for (const id of this.#watched.keys()) if (!targets.has(id)) this.#watched.delete(id);
    let isSooner = false;
    for (const [id, target] of targets) {
      const known = this.#watched.get(id);
      if (known !== undefined && isSameRun(known.target, target)) {
        known.target = target;
        continue;
      }
      this.#watched.set(id, this.#fresh(target));
      isSooner = true;
    }
    if (isSooner) this.#wake.abort();
  }

  /** Probes until `signal` aborts; resolves when no probe is under way. */
  async run(signal: AbortSignal): Promise<void> {
    const probes = new Set<Promise<void>>();
    const off = onAbort(signal, () => this.#wake.abort());
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const now = this.#options.clock.monotonic();
      let nextMs = Number.POSITIVE_INFINITY;
      for (const [id, watched] of this.#watched) {
        if (watched.isAsked) continue;
        if (watched.dueMs > now) nextMs = Math.min(nextMs, watched.dueMs);
        // Those that find no room are looked at again when a probe ends.
        else if (this.#underWay < atOnce) {
          const asking = this.#ask(id, watched, signal).finally(() => probes.delete(asking));
          probes.add(asking);
        }
      }
      await this.#rest(nextMs - now, this.#wake.signal);
    }
    off();
    await Promise.all(probes);
  }

  #fresh(target: Probed): Watched {
    const now = this.#options.clock.monotonic();
    // All that a new agent finds would otherwise be asked in one moment.
    const dueMs = target.assumed
      ? now + this.#random() * pauseAfter({ kind: "assumed", failures: 0 }, this.#watched.size, 0)
      : Math.max(now, target.notBeforeMs);
    return {
      target,
      health: { kind: target.assumed ? "assumed" : "awaited", failures: 0 },
      dueMs,
      isAsked: false,
    };
  }

  async #ask(id: string, watched: Watched, signal: AbortSignal): Promise<void> {
    watched.isAsked = true;
    this.#underWay += 1;
    try {
      const problem = await this.#options.probe(watched.target, signal);
      if (signal.aborted || this.#watched.get(id) !== watched) return;
      const before = watched.health;
      watched.health = afterProbe(before, problem);
      if (before.kind !== watched.health.kind || problemOf(before) !== problemOf(watched.health))
        this.#options.ring();
    } finally {
      const pauseMs = pauseAfter(watched.health, this.#watched.size, this.#random());
      watched.dueMs = this.#options.clock.monotonic() + pauseMs;
      watched.isAsked = false;
      this.#underWay -= 1;
      this.#wake.abort();
    }
  }

  async #rest(ms: number, woken: AbortSignal): Promise<void> {
    if (woken.aborted) return;
    // A timer of Node holds no more than 2^31 ms.
    await this.#options.clock
      .sleep(Math.min(Math.max(0, Math.ceil(ms)), 60_000), woken)
      .catch(() => undefined);
  }
}

/** How it is asked may change: what a run has answered still holds. */
function isSameRun(one: Probed, other: Probed): boolean {
  return one.run === other.run && one.host === other.host && one.port === other.port;
}
