/**
 * A cluster that reacts: a scheduler and agents in a few lines over the store in memory, so that commands can be run from end to
 * end in milliseconds. What units do on it is scripted by name.
 */
import type { Machine } from "../../cluster/machine.ts";
import type { Placement } from "../../cluster/placement.ts";
import type { SchedulerWrite, StateWrite } from "../../cluster/ports.ts";
import { parseRequirements } from "../../cluster/requirements.ts";
import { type UnitRecord, wishOn } from "../../cluster/unit.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { MemoryStore } from "../support/memory-store.ts";

export const h1 = "f1ee0001000000000000000000000000";
export const h2 = "f1ee0002000000000000000000000000";

export type Behaviour =
  | { readonly does: "runs" | "completes" | "hangs" | "is-not-routed" }
  | { readonly does: "fails"; readonly exitStatus?: number; readonly problem?: string }
  | { readonly does: "cannot-be-placed"; readonly reason: string }
  /** A container whose process ends as soon as Docker has called it running. */
  | { readonly does: "dies-at-once"; readonly exitStatus: number }
  | { readonly does: "cannot-be-loaded"; readonly problem: string }
  /** Nobody decides about it. */
  | { readonly does: "nothing" };

const since = "2026-11-20T19:21:26Z";
const never = new AbortController().signal;

export class ScriptedCluster {
  readonly store = new MemoryStore();
  /** By `<machine>/<unit>`, by hash of the file, or by unit name; others run. */
  readonly script = new Map<string, Behaviour>();
  /** By unit name; others go to the first machine. */
  readonly machineOf = new Map<string, string>();
  readonly #mirror = this.store.mirror([
    "units",
    "unitFiles",
    "machines",
    "placements",
    "states",
    "unplaced",
  ]);
  readonly #scheduler = this.store.schedulerWriter(h1);
  readonly #begun = new Set<string>();
  #pass: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    machines: readonly Machine[] = [machine(h1, "127.0.0.1", "h1"), machine(h2, "127.0.0.2", "h2")],
  ) {
    for (const each of machines) this.store.addMachine(each);
    this.#mirror.onChange(() => {
      this.#pass = this.#pass.then(() => (this.#closed ? undefined : this.#react()));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pass;
    await this.#mirror.close();
  }

  async #react(): Promise<void> {
    const { units, unplaced, placements, states } = this.#mirror.tables;
    const writes: SchedulerWrite[] = [];
    const reports = new Map<string, StateWrite[]>();
    const report = (id: string, write: StateWrite): void => {
      reports.set(id, [...(reports.get(id) ?? []), write]);
    };
    for (const [name, record] of units.entries()) writes.push(...this.#decide(name, record));
    for (const [key, placement] of placements.entries()) {
      if (!units.get(placement.unit))
        writes.push({ kind: "withdraw", machine: placement.machine, unit: placement.unit });
      const state = this.#stateOf(placement);
      if (JSON.stringify(states.get(key)) !== JSON.stringify(state)) {
        report(placement.machine, { kind: "report", unit: placement.unit, state });
      }
    }
    for (const [key] of states.entries()) {
      const [id = "", unit = ""] = key.split("/");
      if (!placements.get(key)) report(id, { kind: "retract", unit });
    }
    for (const [unit] of unplaced.entries()) if (!units.get(unit)) writes.push({ kind: "unpark", unit });
    if (writes.length > 0) await this.#scheduler.write(writes, never);
    for (const [id, stateWrites] of reports) await this.store.stateWriter(id).write(stateWrites, never);
  }

  #decide(name: string, record: UnitRecord): SchedulerWrite[] {
    const { placements, unplaced, unitFiles, machines } = this.#mirror.tables;
    const behaviour = this.script.get(name);
    if (behaviour?.does === "nothing") return [];
    if (record.target !== "inactive" && behaviour?.does === "cannot-be-placed") {
      if (unplaced.get(name)?.hash === record.hash) return [];
      return [{ kind: "park", unit: name, unplaced: { hash: record.hash, reason: behaviour.reason } }];
    }
    const global = parseRequirements(parseUnitFile(unitFiles.get(record.hash) ?? ""), name).global;
    const on = global ? [...machines.entries()].map(([id]) => id) : [this.machineOf.get(name) ?? h1];
    const { target } = record;
    return on.flatMap((id): SchedulerWrite[] => {
      const { hash, generation } = wishOn(record, id);
      const placed = placements.get(`${id}/${name}`);
      if (target === "inactive") return placed ? [{ kind: "withdraw", machine: id, unit: name }] : [];
      if (placed?.hash === hash && placed.target === target && placed.generation === generation) return [];
      return [
        {
          kind: "place",
          placement: { machine: id, unit: name, hash, target, generation, reason: "least loaded" },
        },
      ];
    });
  }

  #stateOf({ machine: id, unit: name, hash, target, generation }: Placement): UnitState {
    const stateOf = (active: string, sub: string, done: number): UnitState => ({
      load: "loaded",
      active,
      sub,
      hash,
      generation: done,
      since,
    });
    if (target === "loaded") return stateOf("inactive", "dead", generation);
    const behaviour = this.script.get(`${id}/${name}`) ??
      this.script.get(hash) ??
      this.script.get(name) ?? { does: "runs" };
    switch (behaviour.does) {
      case "completes":
        return { ...stateOf("inactive", "dead", generation), exitStatus: 0 };
      case "is-not-routed": {
        const problem = "GET /healthz gave 500";
        return {
          ...stateOf("active", "running", generation),
          published: { service: "web", routed: false, problem },
        };
      }
      case "hangs":
        return stateOf("activating", "start-pre", Math.max(0, generation - 1));
      case "cannot-be-loaded":
        return {
          ...stateOf("activating", "auto-restart", generation),
          load: "error",
          problem: behaviour.problem,
        };
      case "dies-at-once": {
        const seen = this.#begun.has(name);
        this.#begun.add(name);
        const { exitStatus } = behaviour;
        const state = seen
          ? { ...stateOf("failed", "failed", generation), exitStatus }
          : stateOf("active", "running", generation);
        return { ...state, containerId: "c".repeat(64) };
      }
      case "fails": {
        const { exitStatus, problem } = behaviour;
        return {
          ...stateOf("failed", "failed", generation),
          ...(exitStatus === undefined ? {} : { exitStatus }),
          ...(problem === undefined ? {} : { problem }),
        };
      }
      default:
        return stateOf("active", "running", generation);
    }
  }
}

export function machine(id: string, address: string, host: string): Machine {
  return {
    id,
    address,
    metadata: { region: "lab", host },
    capacity: { memoryBytes: 2_147_483_648, cpuMillis: 2_000 },
    runtimes: ["systemd", "docker"],
    version: "0.1.0",
  };
}
