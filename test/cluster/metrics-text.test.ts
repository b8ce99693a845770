import { expect } from "chai";
import { metricsText, processMetrics } from "../../cluster/metrics-text.ts";

describe("Prometheus' text format", () => {
  it("has help and type before samples, and escapes labels and help", () => {
    expect(
      metricsText([
        {
          name: "a_total",
          help: "Of a \\ and\na line.",
          type: "counter",
          samples: [{ value: 1 }, { labels: { path: 'C:\\ "x"\n' }, value: 2.5 }],
        },
        { name: "b", help: "None.", type: "gauge", samples: [] },
      ]),
    ).to.equal(
      '# HELP a_total Of a \\\\ and\\na line.\n# TYPE a_total counter\na_total 1\na_total{path="C:\\\\ \\"x\\"\\n"} 2.5\n# HELP b None.\n# TYPE b gauge\n',
    );
  });

  it("makes a histogram's buckets cumulative, with one for everything", () => {
    const buckets = [
      { le: 0.1, count: 2 },
      { le: 1, count: 3 },
    ];
    const series = [{ labels: { route: "/" }, buckets, count: 6, sum: 9.5 }];
    expect(metricsText([{ name: "t_seconds", help: "Time.", type: "histogram", series }])).to.equal(
      [
        "# HELP t_seconds Time.",
        "# TYPE t_seconds histogram",
        't_seconds_bucket{route="/",le="0.1"} 2',
        't_seconds_bucket{route="/",le="1"} 5',
        't_seconds_bucket{route="/",le="+Inf"} 6',
        't_seconds_sum{route="/"} 9.5',
        't_seconds_count{route="/"} 6\n',
      ].join("\n"),
    );
  });

  it("tells of a process by the names that all clients use", () => {
    const text = metricsText(processMetrics({ residentBytes: 1, cpuSeconds: 2, startedSeconds: 3 }));
    expect(text.split("\n").filter((line) => !line.startsWith("#"))).to.deep.equal([
      "process_resident_memory_bytes 1",
      "process_cpu_seconds_total 2",
      "process_start_time_seconds 3",
      "",
    ]);
  });
});
