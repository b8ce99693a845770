/**
 * Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Whoever counts keeps plain numbers; here
 * they become text.
 *
 * Pure.
 */

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric with all its samples. A counter's name ends in `_total`, units in base units: seconds, bytes. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly Sample[];
}

/** What took how long, by the bounds of its buckets. */
export interface Histogram {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly series: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    /** Ascending upper bounds, and how many observations were within each but no lower one. */
    readonly buckets: readonly { readonly le: number; readonly count: number }[];
    /** All observations, those above the last bound included. */
    readonly count: number;
    readonly sum: number;
  }[];
}

/** What every process tells of itself, by the names that all Prometheus clients use. */
export function processMetrics({
  residentBytes,
  cpuSeconds,
  startedSeconds,
}: {
  readonly residentBytes: number;
  /** In user and system mode. */
  readonly cpuSeconds: number;
  /** When it began, since the epoch. */
  readonly startedSeconds: number;
}): readonly Metric[] {
  const one = (name: string, help: string, type: Metric["type"], value: number): Metric => ({
    name,
    help,
    type,
    samples: [{ value }],
  });
  return [
    one("process_resident_memory_bytes", "Resident memory in bytes.", "gauge", residentBytes),
    one("process_cpu_seconds_total", "Processor time in seconds.", "counter", cpuSeconds),
    one("process_start_time_seconds", "When it began, since the epoch.", "gauge", startedSeconds),
  ];
}

/** The text of `/metrics`. */
export function metricsText(metrics: readonly (Metric | Histogram)[]): string {
  return metrics
    .map((metric) => {
      const { name, help, type } = metric;
      const lines = [
        `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
        `# TYPE ${name} ${type}`,
      ];
      return `${[...lines, ...samplesOf(metric)].join("\n")}\n`;
    })
    .join("");
}

function samplesOf(metric: Metric | Histogram): readonly string[] {
  if (metric.type !== "histogram") {
    return metric.samples.map(({ labels, value }) => line(metric.name, labels, value));
  }
  return metric.series.flatMap(({ labels = {}, buckets, count, sum }) => {
    let within = 0;
    const cumulative = buckets.map((bucket) => {
      within += bucket.count;
      return line(`${metric.name}_bucket`, { ...labels, le: String(bucket.le) }, within);
    });
    return [
      ...cumulative,
      line(`${metric.name}_bucket`, { ...labels, le: "+Inf" }, count),
      line(`${metric.name}_sum`, labels, sum),
      line(`${metric.name}_count`, labels, count),
    ];
  });
}

function line(name: string, labels: Readonly<Record<string, string>> | undefined, value: number): string {
  const pairs = Object.entries(labels ?? {}).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
