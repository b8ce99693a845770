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
  const pass = (): void => {
    do {
      const begun = performance.now();
      const cpu = process.cpuUsage();
      const decisions: Decision[] = decide(model, presence, 0, { limit: slice });
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
    } while (model.hasMarked);
  };
  pass();
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
  pass();
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
  "units      machines  load ms  decide ms  decisions/s  decisions/CPU s  parked  20 machines lost (units, ms)  RSS MiB  violations\n",
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
    Math.round(((f.placed + f.parked) / f.cpuMs) * 1_000)
      .toString()
      .padEnd(16),
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
