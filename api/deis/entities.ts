/**
 * Units and machines as `/deis/v1` shows them: all that the cluster's records say, joined. Fields may be added; none is renamed or
 * removed. Pure.
 */
import type { Cordon } from "../../cluster/cordon.ts";
import { currentState } from "../../cluster/current-state.ts";
import type { Machine } from "../../cluster/machine.ts";
import type { Placement } from "../../cluster/placement.ts";
import type { Resources } from "../../cluster/resources.ts";
import type { UnitRecord } from "../../cluster/unit.ts";
import { templateOf } from "../../cluster/unit-name.ts";
import { isReady, type UnitState } from "../../cluster/unit-state.ts";
import type { ApiTables } from "../cluster.ts";
import type { UnitFiles } from "../unit-files.ts";

/** Where a unit is: the index that `unit-index.ts` keeps. */
export interface Whereabouts {
  placedOn(unit: string): readonly string[];
  reportedBy(unit: string): readonly string[];
}

export interface UnitEntity {
  readonly name: string;
  readonly target: string;
  /** What the unit is, in fleet's words; null for a global unit, which is something else on every machine. */
  readonly state: string | null;
  /** True if it does what it is there for on every machine that it is placed on, and is placed. */
  readonly ready: boolean;
  readonly hash: string;
  readonly generation: number;
  /** The store's revision in which the record was written last: what ETag says. */
  readonly revision: string;
  readonly global: boolean;
  readonly template?: string;
  readonly description?: string;
  /** While a global unit is rolled over: what machines have that it has not come to yet. */
  readonly held?: UnitRecord["held"];
  /** Why no machine can take it. */
  readonly pending?: { readonly reason: string };
  /** Why it cannot be read. */
  readonly problem?: string;
  readonly placements: readonly object[];
  readonly states: readonly object[];
}

/** Undefined if there is no such unit. */
export function unitEntity(
  name: string,
  tables: ApiTables,
  files: UnitFiles,
  where: Whereabouts,
): UnitEntity | undefined {
  const revision = tables.units.revisionOf(name);
  if (revision === undefined) return undefined;
  const record = tables.units.get(name);
  const placements = where.placedOn(name).flatMap((id) => tables.placements.get(`${id}/${name}`) ?? []);
  const states = where.reportedBy(name).flatMap((machine) => {
    const state = tables.states.get(`${machine}/${name}`);
    return state ? [{ machine, ...state, ready: isReady(state) }] : [];
  });
  const stateOn = ({ machine }: Placement): UnitState | undefined => tables.states.get(`${machine}/${name}`);
  const facts = record && files.facts(record.hash, tables.unitFiles.get(record.hash));
  const [placement] = placements;
  const global = facts?.global ?? false;
  const unplaced = tables.unplaced.get(name);
  const problem = tables.units.unreadable.get(name)?.message;
  const template = templateOf(name);
  return {
    name,
    target: record?.target ?? "unknown",
    state: global ? null : currentState(placement, placement && stateOn(placement)),
    ready:
      placements.length > 0 &&
      placements.every((each) => {
        const state = stateOn(each);
        return state !== undefined && isReady(state);
      }),
    hash: record?.hash ?? "",
    generation: record?.generation ?? 0,
    revision: String(revision),
    global,
    ...(template === undefined ? {} : { template }),
    ...(facts?.description === undefined ? {} : { description: facts.description }),
    ...(record?.held ? { held: record.held } : {}),
    ...(unplaced && unplaced.hash === record?.hash ? { pending: { reason: unplaced.reason } } : {}),
    ...(problem === undefined ? {} : { problem }),
    placements: placements.map(({ unit: _, ...each }) => each),
    states,
  };
}

export interface MachineEntity extends Machine {
  /** What the units that are placed there have reserved. */
  readonly reserved: { readonly memoryBytes: number; readonly cpuMillis: number };
  /** How many units are placed there. */
  readonly units: number;
  /** How it is closed to new units; null if it is open. */
  readonly cordon: Cordon | null;
}

export interface Usage {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
  readonly units: number;
}

/** What is placed on each machine. */
export function usageByMachine(tables: ApiTables, files: UnitFiles): ReadonlyMap<string, Usage> {
  const usage = new Map<string, Usage>();
  for (const [, { machine, hash }] of tables.placements.entries()) {
    const before = usage.get(machine) ?? { memoryBytes: 0, cpuMillis: 0, units: 0 };
    const needs: Resources = files.facts(hash, tables.unitFiles.get(hash))?.resources ?? nothing;
    usage.set(machine, {
      memoryBytes: before.memoryBytes + needs.memoryBytes,
      cpuMillis: before.cpuMillis + needs.cpuMillis,
      units: before.units + 1,
    });
  }
  return usage;
}

const nothing: Resources = { memoryBytes: 0, cpuMillis: 0 };

/** `machine` has its run-time metadata in force already. */
export function machineEntity(
  machine: Machine,
  { memoryBytes, cpuMillis, units }: Usage = { memoryBytes: 0, cpuMillis: 0, units: 0 },
  cordon: Cordon | undefined = undefined,
): MachineEntity {
  return { ...machine, reserved: { memoryBytes, cpuMillis }, units, cordon: cordon ?? null };
}
