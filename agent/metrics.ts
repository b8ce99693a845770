/** What an agent counts of its work and sees of its units, in Prometheus' text format. Fed with its events. */
import { type Metric, metricsText, type Sample } from "../cluster/metrics-text.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { AgentEvent } from "./events.ts";
import type { Authority } from "./reconcile.ts";

/** What is so at the moment, beside what was counted. */
export interface AgentState {
  readonly lease: Authority;
  readonly synced: boolean;
  readonly runtimes: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly observed: ReadonlyMap<string, UnitState>;
  }[];
  /** Of the process. */
  readonly process: readonly Metric[];
}

const counters = {
  passes: ["deis_agent_passes_total", "Passes, by how they ended."],
  passSeconds: ["deis_agent_pass_seconds_total", "Time spent in passes that ended well."],
  plans: ["deis_agent_plans_total", "Units that something had to be done about."],
  superseded: ["deis_agent_plans_superseded_total", "Plans that were ended for another wish."],
  steps: ["deis_agent_steps_total", "Steps carried out, by kind, runtime and how they ended."],
  stepSeconds: ["deis_agent_step_seconds_total", "Time spent in steps that ended well, by kind and runtime."],
  states: ["deis_agent_states_written_total", "Changes of unit states that were written to the store."],
  reportFailures: ["deis_agent_report_failures_total", "Writes of states that failed and were tried again."],
  leaseLosses: ["deis_agent_lease_losses_total", "How often the machine's lease was lost."],
  outages: ["deis_agent_store_outages_total", "How often the store could not be reached."],
  published: ["deis_agent_endpoints_published_total", "Endpoints that were published."],
  withdrawn: ["deis_agent_endpoints_withdrawn_total", "Endpoints that were withdrawn."],
  late: ["deis_agent_routers_late_total", "How often routers did not acknowledge in time."],
} as const;

type Counter = keyof typeof counters;

/** Events that are counted one by one. */
const countedAlone: Readonly<Partial<Record<AgentEvent["kind"], Counter>>> = {
  "plan-begun": "plans",
  "plan-superseded": "superseded",
  "report-failed": "reportFailures",
  "lease-lost": "leaseLosses",
  "store-unreachable": "outages",
  "endpoint-published": "published",
  "endpoint-withdrawn": "withdrawn",
  "routers-late": "late",
};

export class AgentMetrics {
  /** By counter, by labels as JSON. */
  readonly #counts = new Map<Counter, Map<string, number>>();
  #storeAway = false;

  /** Takes an event in. */
  count(event: AgentEvent): void {
    const counter = countedAlone[event.kind];
    if (counter) this.#add(counter);
    if (event.kind === "store-unreachable") this.#storeAway = true;
    if (event.kind === "mirror-synced" || event.kind === "mirror-resumed") this.#storeAway = false;
    switch (event.kind) {
      case "pass-done":
        this.#add("passes", { result: "done" });
        this.#add("passSeconds", {}, event.durationMs / 1_000);
        break;
      case "pass-failed":
        this.#add("passes", { result: "failed" });
        break;
      case "step-done": {
        const { step, runtime } = event;
        this.#add("steps", { step, runtime, result: "done" });
        this.#add("stepSeconds", { step, runtime }, event.durationMs / 1_000);
        break;
      }
      case "step-failed":
        this.#add("steps", { step: event.step, runtime: event.runtime, result: "failed" });
        break;
      case "states-written":
        this.#add("states", {}, event.reports + event.retractions);
        break;
      default:
    }
  }

  /** The text of `/metrics`. */
  text({ lease, synced, runtimes, process }: AgentState): string {
    const connected = synced && !this.#storeAway;
    const units = new Map<string, number>();
    for (const { name, observed } of runtimes) {
      for (const { active } of observed.values()) {
        const key = JSON.stringify({ runtime: name, active });
        units.set(key, (units.get(key) ?? 0) + 1);
      }
    }
    const counted = Object.entries(counters).map(([key, [name, help]]): Metric => {
      const samples = samplesOf(this.#counts.get(key as Counter));
      const bare = !unlabelled.has(key) || samples.length > 0 ? samples : [{ value: 0 }];
      return { name, help, type: "counter", samples: bare };
    });
    return metricsText([
      ...counted,
      gauge("deis_agent_units", "Units of ours on this host, by runtime and ActiveState.", samplesOf(units)),
      gauge(
        "deis_agent_runtime_connected",
        "1 while the runtime can be reached, else 0.",
        runtimes.map((each) => ({ labels: { runtime: each.name }, value: each.connected ? 1 : 0 })),
      ),
      gauge("deis_agent_store_connected", "1 while the store can be reached, else 0.", [
        { value: connected ? 1 : 0 },
      ]),
      gauge("deis_agent_lease_held", "1 while the machine's lease is held, else 0.", [
        { value: lease === "held" ? 1 : 0 },
      ]),
      ...process,
    ]);
  }

  #add(counter: Counter, labels: Readonly<Record<string, string>> = {}, by = 1): void {
    const samples = this.#counts.get(counter) ?? new Map<string, number>();
    const key = JSON.stringify(labels);
    samples.set(key, (samples.get(key) ?? 0) + by);
    this.#counts.set(counter, samples);
  }
}

/** Counters without labels are there from the beginning, at 0. */
const unlabelled: ReadonlySet<string> = new Set(
  Object.keys(counters).filter((key) => !["passes", "steps", "stepSeconds"].includes(key)),
);

function samplesOf(counts: ReadonlyMap<string, number> | undefined): readonly Sample[] {
  return [...(counts ?? [])].map(([labels, value]) => ({ labels: JSON.parse(labels), value }));
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: "gauge", samples };
}
