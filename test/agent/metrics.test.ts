import { expect } from "chai";
import { AgentMetrics } from "../../agent/metrics.ts";
import type { UnitState } from "../../cluster/unit-state.ts";

const state = (active: string): UnitState => ({
  load: "loaded",
  active,
  sub: active,
  hash: "h",
  generation: 0,
  since: "2026-01-01T00:00:00Z",
});

describe("the agent's metrics", () => {
  const metrics = new AgentMetrics();
  const observed = new Map([
    ["a.service", state("active")],
    ["b.service", state("active")],
    ["c.service", state("failed")],
  ]);
  const lines = (): readonly string[] =>
    metrics
      .text({
        lease: "held",
        synced: true,
        runtimes: [{ name: "docker", connected: true, observed }],
        process: [],
      })
      .split("\n");

  it("count passes, steps by kind and end, and what was written", () => {
    metrics.count({ kind: "pass-done", durationMs: 250 });
    metrics.count({ kind: "pass-done", durationMs: 250 });
    metrics.count({ kind: "pass-failed", error: new Error("x"), retryInMs: 1 });
    const step = { unit: "a.service", step: "start", runtime: "docker" } as const;
    metrics.count({ kind: "step-done", ...step, durationMs: 1_500 });
    metrics.count({ kind: "step-failed", ...step, error: new Error("x") });
    metrics.count({ kind: "states-written", reports: 3, retractions: 1 });
    expect(lines()).to.include.members([
      "# TYPE deis_agent_passes_total counter",
      'deis_agent_passes_total{result="done"} 2',
      'deis_agent_passes_total{result="failed"} 1',
      "deis_agent_pass_seconds_total 0.5",
      'deis_agent_steps_total{step="start",runtime="docker",result="done"} 1',
      'deis_agent_steps_total{step="start",runtime="docker",result="failed"} 1',
      'deis_agent_step_seconds_total{step="start",runtime="docker"} 1.5',
      "deis_agent_states_written_total 4",
      "deis_agent_lease_losses_total 0",
    ]);
  });

  it("show the units by runtime and state, the lease and the runtimes", () => {
    expect(lines()).to.include.members([
      'deis_agent_units{runtime="docker",active="active"} 2',
      'deis_agent_units{runtime="docker",active="failed"} 1',
      'deis_agent_runtime_connected{runtime="docker"} 1',
      "deis_agent_lease_held 1",
    ]);
  });

  it("show whether the store can be reached", () => {
    expect(lines()).to.include("deis_agent_store_connected 1");
    metrics.count({ kind: "store-unreachable", error: new Error("x"), retryInMs: 1 });
    expect(lines()).to.include("deis_agent_store_connected 0");
    metrics.count({ kind: "mirror-resumed", revision: 7n });
    expect(lines()).to.include.members(["deis_agent_store_connected 1", "deis_agent_store_outages_total 1"]);
  });
});
