/** Which keys make which table of a mirror, and how their values decode. */
import type { Cordon } from "../cluster/cordon.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Placement, Unplaced } from "../cluster/placement.ts";
import type { ClusterTables, StoredEndpoint } from "../cluster/ports.ts";
import type { Answer, AskedQuestion } from "../cluster/question.ts";
import type { RouterRecord } from "../cluster/router-record.ts";
import type { Outcome, Run, Tried } from "../cluster/run.ts";
import type { UnitRecord } from "../cluster/unit.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { WantedMove } from "../cluster/wanted-move.ts";
import {
  type Decode,
  decodeApp,
  decodeCordon,
  decodeEndpoint,
  decodeMachine,
  decodePlacement,
  decodeRouter,
  decodeState,
  decodeText,
  decodeUnit,
  decodeUnplaced,
  decodeWantedMove,
} from "./codec.ts";
import {
  answersPrefix,
  appsPrefix,
  cordonsPrefix,
  endpointsOf,
  failuresPrefix,
  healthSettingsOf,
  leaderKey,
  machineKey,
  machinesPrefix,
  metadataPrefix,
  movesPrefix,
  outcomesOf,
  outcomesPrefix,
  placementsOf,
  placementsPrefix,
  questionsPrefix,
  routerHostKey,
  routerHostsPrefix,
  runsPrefix,
  statesOf,
  statesPrefix,
  unitFilesPrefix,
  unitsPrefix,
  unplacedPrefix,
} from "./keys.ts";
import { type KeyRange, prefixRange } from "./protocol.ts";
import { decodeAnswer, decodeQuestion } from "./question-codec.ts";
import { decodeOutcome, decodeRun, decodeTried } from "./run-codec.ts";

export interface TableSpec<V> {
  readonly range: KeyRange;
  /** What is cut off a key to get the record's name. */
  readonly prefix: string;
  readonly decode: Decode<V>;
}

export type TableSpecs<Tables> = { readonly [K in keyof Tables]: TableSpec<Tables[K]> };

/** A table of everything below a prefix. */
export function prefixTable<V>(prefix: string, decode: Decode<V>): TableSpec<V> {
  return { range: prefixRange(prefix), prefix, decode };
}

/** A table of one key, whose record has the empty name. */
export function singleKeyTable<V>(key: string, decode: Decode<V>): TableSpec<V> {
  return { range: { key }, prefix: key, decode };
}

/** All tables of the cluster. Take those you need: `pickTables(["units", "machines"])`. */
export const clusterTables: TableSpecs<ClusterTables> = {
  unitFiles: prefixTable<string>(unitFilesPrefix, decodeText),
  units: prefixTable<UnitRecord>(unitsPrefix, decodeUnit),
  machines: prefixTable<Machine>(machinesPrefix, decodeMachine),
  metadata: prefixTable<string>(metadataPrefix, decodeText),
  placements: prefixTable<Placement>(placementsPrefix, decodePlacement),
  states: prefixTable<UnitState>(statesPrefix, decodeState),
  unplaced: prefixTable<Unplaced>(unplacedPrefix, decodeUnplaced),
  outcomes: prefixTable<Outcome>(outcomesPrefix, decodeOutcome),
  runs: prefixTable<Run>(runsPrefix, decodeRun),
  failures: prefixTable<Tried>(failuresPrefix, decodeTried),
  apps: prefixTable<Readonly<Record<string, unknown>>>(appsPrefix, decodeApp),
  cordons: prefixTable<Cordon>(cordonsPrefix, decodeCordon),
  moves: prefixTable<WantedMove>(movesPrefix, decodeWantedMove),
  questions: prefixTable<AskedQuestion>(questionsPrefix, decodeQuestion),
  answers: prefixTable<Answer>(answersPrefix, decodeAnswer),
  leader: singleKeyTable<string>(leaderKey, decodeText),
};

/** The named tables of the cluster. */
export function pickTables<K extends keyof ClusterTables>(
  names: readonly K[],
): TableSpecs<Pick<ClusterTables, K>> {
  const picked: Partial<TableSpecs<ClusterTables>> = Object.fromEntries(
    names.map((name) => [name, clusterTables[name]]),
  );
  return picked as TableSpecs<Pick<ClusterTables, K>>;
}

/** What one agent mirrors: its own placements, by unit name. */
export function placementsTable(machine: string): TableSpec<Placement> {
  return prefixTable<Placement>(placementsOf(machine), decodePlacement);
}

/** One machine's own record, by the empty name. */
export function machineTable(machine: string): TableSpec<Machine> {
  return singleKeyTable<Machine>(machineKey(machine), decodeMachine);
}

/** What one agent has reported, by unit name. */
export function statesTable(machine: string): TableSpec<UnitState> {
  return prefixTable<UnitState>(statesOf(machine), decodeState);
}

/** What one agent has told of runs and failures, by unit name. */
export function outcomesTable(machine: string): TableSpec<Outcome> {
  return prefixTable<Outcome>(outcomesOf(machine), decodeOutcome);
}

/** The live routers, by machine id. */
export const routersTable: TableSpec<RouterRecord> = prefixTable<RouterRecord>(
  routerHostsPrefix,
  decodeRouter,
);

/** One machine's router, by the empty name. */
export function routerTable(machine: string): TableSpec<RouterRecord> {
  return singleKeyTable<RouterRecord>(routerHostKey(machine), decodeRouter);
}

/** The endpoints of one app, by name. */
export function endpointsTable(service: string): TableSpec<StoredEndpoint> {
  return prefixTable<StoredEndpoint>(endpointsOf(service), decodeEndpoint);
}

/** The health settings of one app, by what stands behind `healthcheck_`. */
export function healthSettingsTable(app: string): TableSpec<string> {
  return prefixTable<string>(healthSettingsOf(app), decodeText);
}
