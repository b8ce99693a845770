/** The whole store in memory behind the ports of `cluster/ports.ts`: one keyspace, as many views of it as a test wants. */
import type { Machine } from "../../cluster/machine.ts";
import type {
  ClusterStore,
  ClusterTables,
  ConfigStore,
  Mirror,
  OutcomeWriter,
  SchedulerWriter,
  StateWriter,
  UnitTexts,
} from "../../cluster/ports.ts";
import { openClusterStore } from "../../etcd/cluster-store.ts";
import { encodeMachine, encodeText } from "../../etcd/codec.ts";
import { openConfigStore } from "../../etcd/config-store.ts";
import { leaderKey, machineKey } from "../../etcd/keys.ts";
import { openMirror } from "../../etcd/mirror.ts";
import { openOutcomeWriter } from "../../etcd/outcome-writer.ts";
import { openSchedulerWriter } from "../../etcd/scheduler-writer.ts";
import { openStateWriter } from "../../etcd/state-writer.ts";
import { pickTables, type TableSpecs } from "../../etcd/tables.ts";
import { openUnitTexts } from "../../etcd/unit-texts.ts";
import { MemoryEtcd } from "./memory-etcd.ts";

export class MemoryStore {
  /** The keyspace: look into it with `dump()`, break it with `put`, `cut`, `expireLease`. */
  readonly etcd = new MemoryEtcd();

  /** Where deisctl and the API look. Closing it leaves the other views open. */
  clusterStore(): ClusterStore {
    return openClusterStore(this.etcd.client());
  }

  configStore(): ConfigStore {
    return openConfigStore(this.etcd.client());
  }

  unitTexts(): UnitTexts {
    return openUnitTexts(this.etcd.client());
  }

  /** A live mirror of tables of the cluster; `await mirror.reached(0n, signal)` for its first listing. */
  mirror<K extends keyof ClusterTables>(names: readonly K[]): Mirror<Pick<ClusterTables, K>> {
    return this.mirrorOf(pickTables(names));
  }

  /** A live mirror of any tables, such as `{ placements: placementsTable(machine) }`. */
  mirrorOf<Tables>(specs: TableSpecs<Tables>): Mirror<Tables> {
    return openMirror(this.etcd.client(), specs, { backoff: { initialMs: 1, maxMs: 5 } });
  }

  stateWriter(machine: string): StateWriter {
    return openStateWriter(this.etcd.client(), machine);
  }

  outcomeWriter(machine: string): OutcomeWriter {
    return openOutcomeWriter(this.etcd.client(), machine);
  }

  /** Makes `machine` the leader, taking over from whoever led, and returns its fenced writer. */
  schedulerWriter(machine = "0".repeat(32)): SchedulerWriter {
    this.etcd.delete(leaderKey);
    this.etcd.put(leaderKey, encodeText(machine).toString());
    return openSchedulerWriter(this.etcd.client(), { key: leaderKey, createRevision: this.etcd.revision });
  }

  /** A host comes, or announces itself anew. */
  addMachine(machine: Machine): void {
    this.etcd.put(machineKey(machine.id), encodeMachine(machine).toString());
  }

  /** A host goes, as when its lease lapses. */
  removeMachine(id: string): void {
    this.etcd.delete(machineKey(id));
  }
}
