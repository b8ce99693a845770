/**
 * How many placements the scheduler decides in memory, reasons included, and what a loss of machines costs.
 *
 *     node --import tsx bench/scheduler.ts [--quick]
 *
 * The mix: 30 % of the units ask for metadata, 15 % conflict with their own template, a third reserve memory and
 * processors. Every placement is checked afterwards against the rules by code that shares nothing with the scheduler's.
 */
import type { Machine } from "../cluster/machine.ts";
import type { Unit } from "../cluster/unit.ts";
import { decide } from "../scheduler/decide.ts";
import type { Decision } from "../scheduler/decision.ts";
import { ClusterModel } from "../scheduler/model.ts";
import { Presence } from "../scheduler/presence.ts";

const kinds = ["ssd", "hdd"] as const;
const regions = ["north", "south", "east", "west"] as const;
const slice = 20_000;

interface Figures {
  readonly loadMs: number;
  readonly decideMs: number;
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

/** Units in the order in which a listing would give them. */
function unitsOf(count: number): Unit[] {
  const perTemplate = 40;
  const units: Unit[] = [];
  const templates = Math.ceil(count / perTemplate);
  for (let t = 0; t < templates; t += 1) {
    const name = `app-${t.toString().padStart(6, "0")}`;
    const constrained = t % 10 < 3;
    const metadata: [string, readonly string[]][] = [];
    if (constrained) metadata.push(["disk", [kinds[t % 2] ?? ""]]);
    if (constrained && t % 3 === 0) metadata.push(["region", ["north", "south"]]);
    const requirements = {
      machineMetadata: new Map(metadata),
      machineOf: [],
      conflicts: t % 20 < 3 ? [`${name}@*.service`] : [],
      replaces: [],
      global: false,
      fence: false,
    };
    const resources =
      t % 3 === 0 ? { memoryBytes: 2 ** 30, cpuMillis: 500 } : { memoryBytes: 0, cpuMillis: 0 };
    const hash = t.toString(16).padStart(40, "0");
    for (let i = 0; i < perTemplate && units.length < count; i += 1) {
      units.push({
        name: `${name}@${i}.service`,
        hash,
        target: "launched",
        generation: 0,
        requirements,
        resources,
        runtime: t % 2 === 0 ? "docker" : "systemd",
      });
    }
  }
  return units;
}

function run(unitCount: number, machineCount: number): Figures {
  const model = new ClusterModel();
  const presence = new Presence({ ttlMs: 5_000, massLossGraceMs: 30_000 });
  const machines = Array.from({ length: machineCount }, (_, index) => machineNamed(index));
  const units = unitsOf(unitCount);
  let started = performance.now();
  for (const machine of machines) model.setMachine(machine.id, machine);
  for (const unit of units) model.setUnit(unit.name, unit);
  const loadMs = performance.now() - started;

  // As a pass does: in slices, each handed on before the next is decided.
  const where = new Map<string, string>();
  let decideMs = 0;
  let parked = 0;
  let moved = 0;
  const pass = (): void => {
    do {
      const begun = performance.now();
      const decisions: Decision[] = decide(model, presence, 0, { limit: slice });
      decideMs += performance.now() - begun;
      for (const decision of decisions) {
        if (decision.kind === "place") {
          where.set(decision.placement.unit, decision.placement.machine);
          moved += 1;
        } else if (decision.kind === "withdraw") where.delete(decision.unit);
        else if (decision.kind === "park") parked += 1;
      }
    } while (model.hasMarked);
  };
  pass();
  const placed = moved;
  const placedMs = decideMs;
  let violations = countViolations(units, machines, where);

  moved = 0;
  decideMs = 0;
  const lost = new Set(
    machines.filter((_, index) => index % Math.ceil(machineCount / 20) === 3).map(({ id }) => id),
  );
  started = performance.now();
  for (const id of lost) model.setMachine(id, undefined);
  presence.vanished([...lost], model.presentMachines, 0);
  pass();
  const lossMs = performance.now() - started;
  violations += countViolations(
    units,
    machines.filter(({ id }) => !lost.has(id)),
    where,
  );
  return {
    loadMs,
    decideMs: placedMs,
    placed,
    parked,
    violations,
    lossMs,
    replaced: moved,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
  };
}

function countViolations(
  units: readonly Unit[],
  machines: readonly Machine[],
  where: ReadonlyMap<string, string>,
): number {
  const hosts = new Map(
    machines.map((machine) => [machine.id, { machine, memory: 0, cpu: 0, conflicting: new Set<string>() }]),
  );
  let violations = 0;
  for (const unit of units) {
    const id = where.get(unit.name);
    if (id === undefined) continue;
    const host = hosts.get(id);
    if (!host) {
      violations += 1;
      continue;
    }
    host.memory += unit.resources.memoryBytes;
    host.cpu += unit.resources.cpuMillis;
    for (const [key, values] of unit.requirements.machineMetadata) {
      if (!values.includes(host.machine.metadata[key] ?? "")) violations += 1;
    }
    if (unit.requirements.conflicts.length > 0) {
      const [family = ""] = unit.name.split("@");
      if (host.conflicting.has(family)) violations += 1;
      host.conflicting.add(family);
    }
  }
  for (const { machine, memory, cpu } of hosts.values()) {
    if (memory > machine.capacity.memoryBytes || cpu > machine.capacity.cpuMillis) violations += 1;
  }
  return violations;
}

const cases: [units: number, machines: number][] = process.argv.includes("--quick")
  ? [
      [4_000, 400],
      [100_000, 1_000],
    ]
  : [
      [4_000, 400],
      [4_000, 400],
      [100_000, 1_000],
      [1_000_000, 10_000],
    ];

process.stdout.write(
  "units      machines  load ms  decide ms  decisions/s  parked  20 machines lost (units, ms)  RSS MiB  violations\n",
);
let bad = 0;
for (const [unitCount, machineCount] of cases) {
  const f = run(unitCount, machineCount);
  bad += f.violations;
  const rate = Math.round(((f.placed + f.parked) / f.decideMs) * 1_000);
  const cells = [
    unitCount.toString().padEnd(10),
    machineCount.toString().padEnd(9),
    f.loadMs.toFixed(0).padEnd(8),
    f.decideMs.toFixed(0).padEnd(10),
    rate.toString().padEnd(12),
    f.parked.toString().padEnd(7),
    `${f.replaced}, ${f.lossMs.toFixed(1)}`.padEnd(29),
    f.rssMiB.toFixed(0).padEnd(8),
    f.violations.toString(),
  ];
  process.stdout.write(`${cells.join(" ")}\n`);
}
process.stdout.write(
  "goals: 500000 decisions/s at 1000000 units on 10000 machines; fleet's own engine: 1400 to 2800/s at 4000 on 400\n",
);
process.exitCode = bad > 0 ? 1 : 0;
