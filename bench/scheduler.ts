/**
 * How many placements the scheduler decides in memory, reasons included, and what a loss of machines costs.
 *
 * The mix: 30 % of the units ask for metadata, 15 % conflict with their own template, a third reserve memory and
 * processors. Every placement is checked afterwards against the rules by code that shares nothing with the scheduler's.
 */
import type { Machine } from "../cluster/machine.ts";
import { noRequirements } from "../cluster/requirements.ts";
import type { Unit } from "../cluster/unit.ts";
import { decide } from "../scheduler/decide.ts";
import type { Decision } from "../scheduler/decision.ts";
import { ClusterModel } from "../scheduler/model.ts";
import { Presence, returnMs } from "../scheduler/presence.ts";
import type { Benchmark } from "./figure.ts";
import { median } from "./measure.ts";

export const benchmark: Benchmark = {
  about: "placements decided in memory, of the processor's time and of the clock's",
  run: async ({ quick }, tell) => {
    // The first run is for the compiler.
    run(4_000, 400);
    const sizes: readonly Size[] = quick
      ? [
          [4_000, 400, 1],
          [100_000, 1_000, 1],
        ]
      : [
          [4_000, 400, 5],
          [100_000, 1_000, 3],
          [1_000_000, 10_000, 3],
        ];
    for (const [units, machines, rounds] of sizes) {
      const all = Array.from({ length: rounds }, () => {
        // What an earlier run left is not this one's.
        globalThis.gc?.();
        return run(units, machines);
      });
      const what = `${units} units on ${machines} machines`;
      const violations = all.reduce((sum, one) => sum + one.violations, 0);
      const rate = (ms: (one: Figures) => number) =>
        median(all.map((one) => ((one.placed + one.parked) / ms(one)) * 1_000));
      const goal = units === 1_000_000 ? { goal: "≥ 500000/s" } : {};
      const [loadMs, lossMs] = [median(all.map((one) => one.loadMs)), median(all.map((one) => one.lossMs))];
      tell({
        name: `${what}: decisions a second of processor time`,
        ours: { value: rate((one) => one.cpuMs), unit: "/s" },
        note: `garbage collection in parallel threads included; ${violations} violations of the rules`,
      });
      tell({
        name: `${what}: decisions a second`,
        ours: { value: rate((one) => one.decideMs), unit: "/s" },
        ...goal,
      });
      tell({ name: `${what}: the first model from its records`, ours: { value: loadMs, unit: "ms" } });
      tell({ name: `${what}: 20 machines lost, all replaced`, ours: { value: lossMs, unit: "ms" } });
      tell({
        name: `${what}: resident`,
        ours: { value: Math.max(...all.map((one) => one.rssMiB)), unit: "MiB" },
        ...(units === 1_000_000 ? { goal: "≤ 600 MiB" } : {}),
      });
      if (violations > 0) throw new Error(`${violations} placements break the rules`);
    }
  },
};

type Size = readonly [units: number, machines: number, rounds: number];

const kinds = ["ssd", "hdd"] as const;
const regions = ["north", "south", "east", "west"] as const;
const slice = 20_000;

interface Figures {
  readonly loadMs: number;
  readonly decideMs: number;
  /** Of the whole process, garbage collection included: on a busy machine the better measure. */
  readonly cpuMs: number;
  readonly placed: number;
  readonly parked: number;
  readonly violations: number;
  readonly lossMs: number;
  readonly replaced: number;
  readonly rssMiB: number;
}

function machineNamed(index: number): Machine {
  return {
    id: index.toString(16).padStart(32, "0"),
    address: "10.0.0.1",
    metadata: { disk: kinds[index % 2] ?? "", region: regions[index % 4] ?? "" },
    capacity: { memoryBytes: 512 * 2 ** 30, cpuMillis: 256_000 },
    runtimes: ["systemd", "docker"],
    version: "0.1.0",
  };
}

const perTemplate = 40;

/** Units in the order in which a listing would give them; made anew at each call, so that only the scheduler keeps anything. */
function* unitsOf(count: number): IterableIterator<Unit> {
  for (let t = 0; t * perTemplate < count; t += 1) {
    const name = `app-${t.toString().padStart(6, "0")}`;
    const metadata: [string, readonly string[]][] = [];
    if (t % 10 < 3) metadata.push(["disk", [kinds[t % 2] ?? ""]]);
    if (t % 10 < 3 && t % 3 === 0) metadata.push(["region", ["north", "south"]]);
    const requirements = {
      ...noRequirements,
      machineMetadata: new Map(metadata),
      conflicts: t % 20 < 3 ? [`${name}@*.service`] : [],
    };
    const resources =
      t % 3 === 0 ? { memoryBytes: 2 ** 30, cpuMillis: 500 } : { memoryBytes: 0, cpuMillis: 0 };
    const hash = t.toString(16).padStart(40, "0");
    const runtime = t % 2 === 0 ? "docker" : "systemd";
    for (let i = 0; i < perTemplate && t * perTemplate + i < count; i += 1) {
      const instance = i.toString().padStart(2, "0");
      const target = "launched";
      yield {
        name: `${name}@${instance}.service`,
        hash,
        target,
        generation: 0,
        requirements,
        resources,
        runtime,
      };
    }
  }
}

/** The position of a unit in `unitsOf`. */
function indexOf(name: string): number {
  return Number(name.slice(4, 10)) * perTemplate + Number(name.slice(11, 13));
}

function run(unitCount: number, machineCount: number): Figures {
  const model = new ClusterModel();
  const presence = new Presence({ ttlMs: 5_000, massLossGraceMs: 30_000 });
  const machines = Array.from({ length: machineCount }, (_, index) => machineNamed(index));
  let started = performance.now();
  for (const machine of machines) model.setMachine(machine.id, machine);
  for (const unit of unitsOf(unitCount)) model.setUnit(unit.name, unit);
  const loadMs = performance.now() - started;

  // As a pass does: in slices, each handed on before the next is decided.
  const where = new Int32Array(unitCount).fill(-1);
  let decideMs = 0;
  let cpuMs = 0;
  let parked = 0;
  let placed = 0;
  const pass = (now: number): void => {
    do {
      const begun = performance.now();
      const cpu = process.cpuUsage();
      const decisions: Decision[] = decide(model, presence, now, { limit: slice });
      const used = process.cpuUsage(cpu);
      decideMs += performance.now() - begun;
      cpuMs += (used.user + used.system) / 1_000;
      for (const decision of decisions) {
        if (decision.kind === "place") {
          where[indexOf(decision.placement.unit)] = Number.parseInt(decision.placement.machine, 16);
          placed += 1;
        } else if (decision.kind === "withdraw") where[indexOf(decision.unit)] = -1;
        else if (decision.kind === "park") parked += 1;
      }
    } while (model.agenda.hasMarked);
  };
  pass(0);
  const first = { placed, parked, decideMs, cpuMs, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
  let violations = countViolations(unitCount, machines, where);

  placed = 0;
  const every = Math.ceil(machineCount / 20);
  const lost = machines.filter((_, index) => index % every === Math.min(3, every - 1));
  started = performance.now();
  for (const { id } of lost) model.setMachine(id, undefined);
  presence.vanished(
    lost.map(({ id }) => id),
    model.presentMachines,
    0,
  );
  pass(returnMs);
  const lossMs = performance.now() - started;
  violations += countViolations(unitCount, machines, where, new Set(lost));
  return { ...first, loadMs, violations, lossMs, replaced: placed };
}

function countViolations(
  unitCount: number,
  machines: readonly Machine[],
  where: Int32Array,
  lost: ReadonlySet<Machine> = new Set(),
): number {
  const hosts = machines.map((machine) => ({ machine, memory: 0, cpu: 0, last: "" }));
  let violations = 0;
  let index = 0;
  for (const unit of unitsOf(unitCount)) {
    const host = hosts[where[index] ?? -1];
    index += 1;
    if (!host) continue;
    if (lost.has(host.machine)) violations += 1;
    host.memory += unit.resources.memoryBytes;
    host.cpu += unit.resources.cpuMillis;
    if (!host.machine.runtimes.includes(unit.runtime)) violations += 1;
    for (const [key, values] of unit.requirements.machineMetadata) {
      if (!values.includes(host.machine.metadata[key] ?? "")) violations += 1;
    }
    if (unit.requirements.conflicts.length > 0) {
      // Instances of one template follow each other, and only they conflict.
      const family = unit.name.slice(0, 11);
      if (host.last === family) violations += 1;
      host.last = family;
    }
  }
  for (const { machine, memory, cpu } of hosts) {
    if (memory > machine.capacity.memoryBytes || cpu > machine.capacity.cpuMillis) violations += 1;
  }
  return violations;
}
