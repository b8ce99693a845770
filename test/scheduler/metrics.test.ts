import { expect } from "chai";
import { SchedulerMetrics } from "../../scheduler/metrics.ts";

describe("the scheduler's metrics", () => {
  it("count decisions by kind, passes and terms, and show who leads", () => {
    const metrics = new SchedulerMetrics();
    const lines = () => metrics.text({ machines: 3, pending: 2, process: [] }).split("\n");
    metrics.count({ kind: "leading", machine: "m" });
    const unpark = { kind: "unpark", unit: "a.service", reason: "it is placed" } as const;
    metrics.count({ kind: "decided", decision: unpark, revision: 1n });
    metrics.count({ kind: "decided", decision: unpark, revision: 2n });
    metrics.count({ kind: "pass-done", durationMs: 500 });
    expect(lines()).to.include.members([
      'deis_scheduler_decisions_total{decision="unpark"} 2',
      'deis_scheduler_passes_total{result="done"} 1',
      'deis_scheduler_passes_total{result="failed"} 0',
      "deis_scheduler_pass_seconds_total 0.5",
      "deis_scheduler_terms_total 1",
      "deis_scheduler_leader 1",
      "deis_scheduler_machines 3",
      "deis_scheduler_units_pending 2",
      "deis_scheduler_store_connected 1",
    ]);
    metrics.count({ kind: "store-away", error: new Error("x") });
    metrics.count({ kind: "leadership-over", machine: "m", reason: "it was lost" });
    expect(lines()).to.include.members(["deis_scheduler_leader 0", "deis_scheduler_store_connected 0"]);
  });
});
