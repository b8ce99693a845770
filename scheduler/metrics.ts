/** What a scheduler counts, in Prometheus' text format. Fed with its events; only the leader decides, so only its counters move. */
import { type Metric, metricsText } from "../cluster/metrics-text.ts";
import type { SchedulerEvent } from "./events.ts";

/** What is so at the moment, beside what was counted. */
export interface SchedulerState {
  readonly machines: number;
  readonly pending: number;
  /** Of the process. */
  readonly process: readonly Metric[];
}

export class SchedulerMetrics {
  readonly #decisions = new Map<string, number>();
  readonly #passes = { done: 0, failed: 0 };
  #passSeconds = 0;
  #massLosses = 0;
  #terms = 0;
  #leads = false;
  #storeAway = false;

  /** Takes an event in. */
  count(event: SchedulerEvent): void {
    switch (event.kind) {
      case "decided": {
        const { kind } = event.decision;
        this.#decisions.set(kind, (this.#decisions.get(kind) ?? 0) + 1);
        return;
      }
      case "pass-done":
        this.#passes.done += 1;
        this.#passSeconds += event.durationMs / 1_000;
        return;
      case "pass-failed":
        this.#passes.failed += 1;
        return;
      case "mass-loss":
        this.#massLosses += 1;
        return;
      case "leading":
        this.#leads = true;
        this.#terms += 1;
        return;
      case "leadership-over":
      case "standing-by":
        this.#leads = false;
        return;
      case "store-away":
        this.#storeAway = true;
        return;
      case "store-back":
        this.#storeAway = false;
        return;
      default:
        return;
    }
  }

  /** The text of `/metrics`. */
  text({ machines, pending, process }: SchedulerState): string {
    const one = (type: Metric["type"], name: string, help: string, value: number): Metric => ({
      name: `deis_scheduler_${name}`,
      help,
      type,
      samples: [{ value }],
    });
    return metricsText([
      {
        ...one("counter", "decisions_total", "Decisions that were carried out, by kind.", 0),
        samples: [...this.#decisions].map(([decision, value]) => ({ labels: { decision }, value })),
      },
      {
        ...one("counter", "passes_total", "Passes, by how they ended.", 0),
        samples: Object.entries(this.#passes).map(([result, value]) => ({ labels: { result }, value })),
      },
      one("counter", "pass_seconds_total", "Time spent in passes that ended well.", this.#passSeconds),
      one("counter", "mass_losses_total", "How often many machines vanished at once.", this.#massLosses),
      one("counter", "terms_total", "How often this scheduler was elected.", this.#terms),
      one("gauge", "leader", "1 while this scheduler leads the cluster, else 0.", this.#leads ? 1 : 0),
      one("gauge", "store_connected", "1 while the store can be watched, else 0.", this.#storeAway ? 0 : 1),
      one("gauge", "machines", "Machines whose agents are alive.", machines),
      one("gauge", "units_pending", "Units that no machine can take.", pending),
      ...process,
    ]);
  }
}
