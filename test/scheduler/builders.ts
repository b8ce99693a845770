/** Inputs for the scheduler's tests, made from what matters to the case, and a small cluster to tell stories with. */
import type { Machine, RuntimeName } from "../../cluster/machine.ts";
import type { Placement } from "../../cluster/placement.ts";
import { noRequirements } from "../../cluster/requirements.ts";
import type { Held, TargetState, Unit } from "../../cluster/unit.ts";
import { decide } from "../../scheduler/decide.ts";
import type { Decision } from "../../scheduler/decision.ts";
import { ClusterModel } from "../../scheduler/model.ts";
import { Presence } from "../../scheduler/presence.ts";

export interface UnitShape {
  machineId?: string;
  metadata?: Record<string, readonly string[]>;
  metadataNot?: Record<string, readonly string[]>;
  machineOf?: readonly string[];
  prefersNot?: readonly string[];
  spreadBy?: readonly string[];
  maxPerMachine?: number;
  runOnce?: boolean;
  onCalendar?: readonly string[];
  moveAfterFailures?: number;
  conflicts?: readonly string[];
  replaces?: readonly string[];
  global?: boolean;
  memoryBytes?: number;
  cpuMillis?: number;
  runtime?: RuntimeName;
  target?: TargetState;
  hash?: string;
  generation?: number;
  held?: readonly Held[];
}

export function unit(name: string, shape: UnitShape = {}): Unit {
  return {
    name,
    hash: shape.hash ?? "h1",
    target: shape.target ?? "launched",
    generation: shape.generation ?? 0,
    ...(shape.held ? { held: shape.held } : {}),
    requirements: {
      ...noRequirements,
      ...(shape.machineId === undefined ? {} : { machineId: shape.machineId }),
      machineMetadata: new Map(Object.entries(shape.metadata ?? {})),
      machineOf: shape.machineOf ?? [],
      conflicts: shape.conflicts ?? [],
      replaces: shape.replaces ?? [],
      global: shape.global ?? false,
      machineMetadataNot: new Map(Object.entries(shape.metadataNot ?? {})),
      prefersNot: shape.prefersNot ?? [],
      spreadBy: shape.spreadBy ?? [],
      runOnce: shape.runOnce ?? false,
      onCalendar: shape.onCalendar ?? [],
      ...(shape.moveAfterFailures === undefined ? {} : { moveAfterFailures: shape.moveAfterFailures }),
      ...(shape.maxPerMachine === undefined ? {} : { maxPerMachine: shape.maxPerMachine }),
    },
    resources: { memoryBytes: shape.memoryBytes ?? 0, cpuMillis: shape.cpuMillis ?? 0 },
    runtime: shape.runtime ?? "systemd",
  };
}

export interface MachineShape {
  metadata?: Record<string, string>;
  memoryBytes?: number;
  cpuMillis?: number;
  runtimes?: readonly RuntimeName[];
  version?: string;
}

export function machine(id: string, shape: MachineShape = {}): Machine {
  return {
    id,
    address: "10.0.0.1",
    metadata: shape.metadata ?? {},
    capacity: { memoryBytes: shape.memoryBytes ?? 8 * 2 ** 30, cpuMillis: shape.cpuMillis ?? 4_000 },
    runtimes: shape.runtimes ?? ["systemd", "docker"],
    version: shape.version ?? "0.1.0",
  };
}

export function placement(machineId: string, name: string, of: Partial<Placement> = {}): Placement {
  return { machine: machineId, unit: name, hash: "h1", target: "launched", generation: 0, reason: "", ...of };
}

export const ttlMs = 5_000;
export const graceMs = 30_000;

/** Where the wall clock stands when the cluster's own begins: at midnight, 2026-11-21. */
const wallAhead = Date.UTC(2026, 10, 21) - 1_000_000;

/** A cluster without a store: what happens to it, what is decided, and where everything then is. */
export class Cluster {
  readonly model: ClusterModel;
  readonly presence = new Presence({ ttlMs, massLossGraceMs: graceMs });
  now = 1_000_000;

  constructor(options: { spreadBy?: readonly string[] } = {}) {
    this.model = new ClusterModel(options);
  }

  join(...machines: Machine[]): this {
    for (const each of machines) {
      this.model.setMachine(each.id, each);
      this.presence.returned(each.id);
    }
    return this;
  }

  leave(...ids: string[]): this {
    for (const id of ids) this.model.setMachine(id, undefined);
    this.presence.vanished(ids, this.model.presentMachines, this.now);
    return this;
  }

  submit(...units: Unit[]): this {
    for (const each of units) this.model.setUnit(each.name, each);
    return this;
  }

  destroy(...names: string[]): this {
    for (const name of names) this.model.setUnit(name, undefined);
    return this;
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  decide(limit?: number): Decision[] {
    const wall = this.now + wallAhead;
    return decide(this.model, this.presence, this.now, limit === undefined ? { wall } : { limit, wall });
  }

  /** Decisions as short lines: `place web.service m1`. */
  pass(): string[] {
    return this.decide().map(line);
  }

  /** The one machine a unit is on, or undefined. */
  where(name: string): string | undefined {
    return this.model.units.get(name)?.copy?.machine.id;
  }

  /** Every machine a unit is on. */
  everywhere(name: string): string[] {
    const ids: string[] = [];
    for (let copy = this.model.units.get(name)?.copy; copy; copy = copy.next) ids.push(copy.machine.id);
    return ids.sort();
  }

  why(name: string): string | undefined {
    return this.model.units.get(name)?.parked?.reason;
  }
}

export function line(decision: Decision): string {
  switch (decision.kind) {
    case "place":
      return `place ${decision.placement.unit} ${decision.placement.machine}`;
    case "withdraw":
      return `withdraw ${decision.unit} ${decision.machine}`;
    case "park":
    case "unpark":
      return `${decision.kind} ${decision.unit}`;
    case "record-run":
      return `run ${decision.unit} ${decision.run.status}`;
    case "record-failures":
    case "forget-run":
    case "forget-failures":
      return `${decision.kind} ${decision.unit}`;
    case "sweep-states":
      return `sweep-states ${decision.machine}`;
    case "collect-file":
      return `collect-file ${decision.hash}`;
  }
}
