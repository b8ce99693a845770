/** Inputs for the scheduler's tests, made from what matters to the case, and a small cluster to tell stories with. */
import type { Cordon } from "../../cluster/cordon.ts";
import type { Machine, RuntimeName } from "../../cluster/machine.ts";
import type { Placement } from "../../cluster/placement.ts";
import { noRequirements } from "../../cluster/requirements.ts";
import type { Held, TargetState, Unit } from "../../cluster/unit.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import type { WantedMove } from "../../cluster/wanted-move.ts";
import { decide } from "../../scheduler/decide.ts";
import type { Decision } from "../../scheduler/decision.ts";
import { ClusterModel } from "../../scheduler/model.ts";
import { Presence, returnMs } from "../../scheduler/presence.ts";
import type { Report } from "../../scheduler/reports.ts";

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
  fence?: boolean;
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
      fence: shape.fence ?? false,
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
  /** What agents report, by `<machine>/<unit>`. */
  readonly reports = new Map<string, Report>();

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

  /** These are gone, and do not come back in time. */
  leave(...ids: string[]): this {
    for (const id of ids) this.model.setMachine(id, undefined);
    this.presence.vanished(ids, this.model.presentMachines, this.now);
    this.now += returnMs;
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

  cordon(id: string, cordon: Partial<Cordon> = {}): this {
    this.model.setCordon(id, { drain: false, since: "2026-01-01T00:00:00Z", ...cordon });
    return this;
  }

  drain(...ids: string[]): this {
    for (const id of ids) this.cordon(id, { drain: true });
    return this;
  }

  uncordon(...ids: string[]): this {
    for (const id of ids) this.model.setCordon(id, undefined);
    return this;
  }

  /** Asks for a move of the unit away from where it is, or calls it off. */
  want(name: string, move: Partial<WantedMove> | undefined): this {
    const wanted = move && { from: this.where(name) ?? "nowhere", reason: "by hand", ...move };
    this.model.setWantedMove(name, wanted, 7n);
    return this;
  }

  /** The agent reports this of its copy, as it is placed now. */
  report(id: string, name: string, state: Partial<UnitState> = {}): this {
    const node = this.model.units.get(name);
    const copy = [node?.arrival, node?.copy].find((each) => each?.machine.id === id);
    const { hash = "h1", generation = 0 } = copy?.as ?? {};
    const base = { load: "loaded", active: "active", sub: "running", since: "2026-01-01T00:00:00Z" };
    this.reports.set(`${id}/${name}`, {
      state: { ...base, hash, generation, ...state },
      revision: 2n,
      placedAt: 1n,
    });
    return this;
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  decide(limit?: number): Decision[] {
    const reports = {
      knows: () => true,
      of: (id: string, name: string) => this.reports.get(`${id}/${name}`),
    };
    const decisions = decide(this.model, this.presence, this.now, {
      reports,
      wall: this.now + wallAhead,
      ...(limit === undefined ? {} : { limit }),
    });
    // What was reported before the placement was written says nothing about it.
    for (const decision of decisions) {
      if (decision.kind === "place") {
        this.reports.delete(`${decision.placement.machine}/${decision.placement.unit}`);
      } else if (decision.kind === "withdraw") this.reports.delete(`${decision.machine}/${decision.unit}`);
    }
    return decisions;
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

  /** The machine that the unit's second copy is arriving at, or undefined. */
  arriving(name: string): string | undefined {
    return this.model.units.get(name)?.arrival?.machine.id;
  }

  why(name: string): string | undefined {
    return this.model.units.get(name)?.parked?.reason;
  }
}

export function line(decision: Decision): string {
  switch (decision.kind) {
    case "place":
      return [decision.placement.move ?? "place", decision.placement.unit, decision.placement.machine].join(
        " ",
      );
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
    case "announce-app":
    case "retire-app":
      return `${decision.kind} ${decision.app}`;
    case "end-move":
      return `end-move ${decision.unit}`;
    case "answer":
      return `answer ${decision.id}`;
  }
}
