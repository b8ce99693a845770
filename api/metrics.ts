/** What deis-api counts of its own work, and what it sees of the cluster, in Prometheus' text format. */
import { type Histogram, type Metric, metricsText } from "../cluster/metrics-text.ts";
import type { ApiTables } from "./cluster.ts";

/** What is so at the moment. */
export interface ApiState {
  readonly storeConnected: boolean;
  readonly revision: bigint;
  readonly followers: number;
  readonly snapshots: number;
  /** Absent before the first listing. */
  readonly tables?: ApiTables;
  /** Of the process. */
  readonly process: readonly Metric[];
}

/** Upper bounds of an answer's time in seconds. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Route {
  readonly buckets: number[];
  readonly statuses: Map<string, number>;
  count: number;
  seconds: number;
}

export class ApiMetrics {
  readonly #routes = new Map<string, Route>();

  /** An answer was given. `route` is a pattern, not a path: there are few of them. */
  answered(method: string, route: string, status: number, seconds: number): void {
    const key = `${method} ${route}`;
    const known = this.#routes.get(key) ?? {
      buckets: bounds.map(() => 0),
      statuses: new Map(),
      count: 0,
      seconds: 0,
    };
    this.#routes.set(key, known);
    known.count += 1;
    known.seconds += seconds;
    known.statuses.set(String(status), (known.statuses.get(String(status)) ?? 0) + 1);
    const at = bounds.findIndex((bound) => seconds <= bound);
    if (at !== -1) known.buckets[at] = (known.buckets[at] ?? 0) + 1;
  }

  /** The text of `/metrics`. */
  text(now: ApiState): string {
    return metricsText([
      ...this.#requests(),
      ...statusOf(now),
      ...(now.tables ? clusterOf(now.tables) : []),
      ...now.process,
    ]);
  }

  #requests(): readonly (Metric | Histogram)[] {
    const routes = [...this.#routes].map(([key, route]) => {
      const [method = "", path = ""] = key.split(" ");
      return { labels: { method, route: path }, ...route };
    });
    return [
      {
        name: "deis_api_requests_total",
        help: "Answers given, by method, route and status.",
        type: "counter",
        samples: routes.flatMap(({ labels, statuses }) =>
          [...statuses].map(([status, value]) => ({ labels: { ...labels, status }, value })),
        ),
      },
      {
        name: "deis_api_request_duration_seconds",
        help: "From a request's arrival to the end of its answer; of streams, to their end.",
        type: "histogram",
        series: routes.map(({ labels, buckets, count, seconds }) => ({
          labels,
          buckets: bounds.map((le, at) => ({ le, count: buckets[at] ?? 0 })),
          count,
          sum: seconds,
        })),
      },
    ];
  }
}

function statusOf({ storeConnected, revision, followers, snapshots }: ApiState): readonly Metric[] {
  return [
    gauge("deis_api_store_connected", "1 while the store can be reached, else 0.", storeConnected ? 1 : 0),
    gauge("deis_api_store_revision", "The store's revision that answers are from.", Number(revision)),
    gauge("deis_api_event_followers", "Clients that follow events.", followers),
    gauge(
      "deis_api_page_snapshots",
      "Lists that are kept for clients that read them page by page.",
      snapshots,
    ),
  ];
}

function clusterOf({ units, machines, cordons, unplaced, states, placements }: ApiTables): readonly Metric[] {
  return [
    gauge("deis_cluster_machines", "Machines whose agents are alive.", machines.size),
    gauge("deis_cluster_machines_cordoned", "Machines that are closed to new units.", cordons.size),
    gauge("deis_cluster_units_pending", "Units that no machine can take.", unplaced.size),
    gauge("deis_cluster_placements", "Units on machines, as the scheduler has decided.", placements.size),
    {
      ...gauge("deis_cluster_units", "Units that are known, by target state.", 0),
      samples: counted([...units.entries()].map(([, { target }]) => target)).map(([target, value]) => ({
        labels: { target },
        value,
      })),
    },
    {
      ...gauge("deis_cluster_unit_states", "Units on machines, by systemd's ActiveState.", 0),
      samples: counted([...states.entries()].map(([, { active }]) => active)).map(([active, value]) => ({
        labels: { active },
        value,
      })),
    },
  ];
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: "gauge", samples: [{ value }] };
}

function counted(words: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
