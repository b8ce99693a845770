/**
 * fleet's entities from the cluster's records. Keys stand in alphabetical order and empty fields are left out, as in fleetd's answers.
 * Pure.
 */
import { currentState } from "../../cluster/current-state.ts";
import type { Machine } from "../../cluster/machine.ts";
import type { TargetState, UnitRecord } from "../../cluster/unit.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import type { ApiTables } from "../cluster.ts";
import type { UnitFiles } from "../unit-files.ts";
import { unlessEmpty } from "./go-json.ts";

/** A unit of a snapshot: records as they were, its file yet to be read. */
export interface UnitRow {
  readonly name: string;
  readonly record: UnitRecord;
  readonly text: string | undefined;
  readonly global: boolean;
  readonly machine: string | undefined;
  readonly state: TargetState;
}

/** `placedOn` says where a unit is placed. */
export function unitRow(
  name: string,
  record: UnitRecord,
  tables: ApiTables,
  files: UnitFiles,
  placedOn: (unit: string) => readonly string[],
): UnitRow {
  const text = tables.unitFiles.get(record.hash);
  const global = files.facts(record.hash, text)?.global ?? false;
  const machine = global ? undefined : placedOn(name)[0];
  const key = `${machine}/${name}`;
  const state =
    machine === undefined ? "inactive" : currentState(tables.placements.get(key), tables.states.get(key));
  return { name, record, text, global, machine, state };
}

export function unitEntity({ name, record, text, machine, state }: UnitRow, files: UnitFiles): object {
  const options = files.facts(record.hash, text)?.options;
  return {
    currentState: state,
    desiredState: record.target,
    machineID: machine,
    name,
    options: options?.map((option) => ({
      name: unlessEmpty(option.name),
      section: unlessEmpty(option.section),
      value: unlessEmpty(option.value),
    })),
  };
}

/** `machine` is absent if no machine has the unit. */
export function stateEntity(
  unit: string,
  machine: string | undefined,
  state: Pick<UnitState, "hash" | "active" | "load" | "sub">,
): object {
  return {
    hash: unlessEmpty(state.hash),
    machineID: machine,
    name: unit,
    systemdActiveState: unlessEmpty(state.active),
    systemdLoadState: unlessEmpty(state.load),
    systemdSubState: unlessEmpty(state.sub),
  };
}

export function machineEntity({ id, metadata, address }: Machine): object {
  const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    id,
    metadata: sorted.length === 0 ? undefined : Object.fromEntries(sorted),
    primaryIP: unlessEmpty(address),
  };
}
