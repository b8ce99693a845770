/**
 * What routers count, read from the text that each gives to Prometheus, added up over routers and made into figures per app. Pure.
 *
 * Times are counted in buckets; a quantile takes those of one bucket as evenly spread.
 */

/** What one router, or several together, counted for one app. The app of requests to unknown hosts is the empty string. */
export interface AppCount {
  readonly app: string;
  /** Requests by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Requests that took at most so many seconds, ascending, the last bound infinite. */
  readonly buckets: readonly (readonly [seconds: number, requests: number])[];
  readonly seconds: number;
  readonly bytes: number;
}

const sample = /^deis_router_([a-z_]+)\{([^}]*)\} (\S+)$/gm;

/** Reads the samples that this knows and leaves out all others. */
export function parseMetrics(text: string): readonly AppCount[] {
  const apps = new Map<string, MutableCount>();
  for (const [, name, labels = "", number] of text.matchAll(sample)) {
    const { app, code, le } = labelsOf(labels);
    const value = Number(number);
    if (app === undefined || !Number.isFinite(value)) continue;
    const count: MutableCount = apps.get(app) ?? {
      app,
      statuses: new Map(),
      buckets: [],
      seconds: 0,
      bytes: 0,
    };
    apps.set(app, count);
    if (name === "requests_total" && code !== undefined) count.statuses.set(Number(code), value);
    if (name === "request_duration_seconds_bucket" && le !== undefined)
      count.buckets.push([le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), value]);
    if (name === "request_duration_seconds_sum") count.seconds = value;
    if (name === "response_bytes_total") count.bytes = value;
  }
  return [...apps.values()];
}

interface MutableCount {
  readonly app: string;
  readonly statuses: Map<number, number>;
  readonly buckets: [number, number][];
  seconds: number;
  bytes: number;
}

/** The counts of several routers as one per app, by app. */
export function addUp(counts: readonly AppCount[]): readonly AppCount[] {
  const sums = new Map<string, AppCount>();
  for (const count of counts) {
    const sum = sums.get(count.app);
    sums.set(count.app, sum === undefined ? count : plus(sum, count));
  }
  return [...sums.values()].sort((one, other) => (one.app < other.app ? -1 : 1));
}

function plus(one: AppCount, other: AppCount): AppCount {
  const statuses = new Map(one.statuses);
  for (const [status, requests] of other.statuses)
    statuses.set(status, (statuses.get(status) ?? 0) + requests);
  const bounds = [...new Set([...one.buckets, ...other.buckets].map(([bound]) => bound))];
  const buckets = bounds
    .sort((a, b) => a - b)
    .map((bound) => [bound, below(one, bound) + below(other, bound)] as const);
  const { app } = one;
  return { app, statuses, buckets, seconds: one.seconds + other.seconds, bytes: one.bytes + other.bytes };
}

/** How many took at most so long: what is counted up to the highest bound that is not above. */
function below({ buckets }: AppCount, seconds: number): number {
  return buckets.findLast(([bound]) => bound <= seconds)?.[1] ?? 0;
}

/** All requests. */
export function requestsOf({ statuses }: AppCount): number {
  return [...statuses.values()].reduce((sum, requests) => sum + requests, 0);
}

/** Requests whose status begins with this digit. */
export function requestsWith({ statuses }: AppCount, digit: number): number {
  const chosen = [...statuses].filter(([status]) => Math.floor(status / 100) === digit);
  return chosen.reduce((sum, [, requests]) => sum + requests, 0);
}

/** The time in seconds within which this part of the requests was answered; undefined if there was none. */
export function quantileOf({ buckets }: AppCount, part: number): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const wanted = total * part;
  let [low, before] = [0, 0];
  for (const [bound, upTo] of buckets) {
    if (upTo >= wanted && upTo > before) {
      if (bound === Number.POSITIVE_INFINITY) return low;
      return low + ((bound - low) * (wanted - before)) / (upTo - before);
    }
    [low, before] = [bound, upTo];
  }
  return low;
}

function labelsOf(text: string): Readonly<Partial<Record<string, string>>> {
  const pairs = [...text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(
    pairs.map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter)),
    ]),
  );
}
