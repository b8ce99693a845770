/**
 * How fast a large cluster takes units up: the real scheduler in its own process and a real etcd, with agents that are real in all
 * that touches the store (a mirror of their placements, a state writer each) and start what they are given at once.
 *
 * All agents share this process and a few connections, so more than some hundreds of them measure the process and not the cluster.
 *
 * Measured from the first placement seen to the last state stored, against the bare cost of the same writes: two keys a unit, in full
 * transactions, four in flight.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once, setMaxListeners } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isRetryable } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Placement } from "../cluster/placement.ts";
import type { Mirror, StateWrite, StateWriter } from "../cluster/ports.ts";
import { parseUnitFile, unitHash } from "../cluster/unit-file.ts";
import { BatchWriter } from "../etcd/batch-writer.ts";
import { openEtcd } from "../etcd/client.ts";
import { openClusterStore } from "../etcd/cluster-store.ts";
import { encodeMachine } from "../etcd/codec.ts";
import { machineKey } from "../etcd/keys.ts";
import { openMirror } from "../etcd/mirror.ts";
import type { EtcdClient } from "../etcd/protocol.ts";
import { openStateWriter } from "../etcd/state-writer.ts";
import { placementsTable } from "../etcd/tables.ts";
import type { Benchmark } from "./figure.ts";
import { withLoopbackEtcd } from "./loopback-etcd.ts";
import { each, median, timed } from "./measure.ts";
import { oneshotUnit } from "./platform.ts";

/** A signal for each call: many listeners on one would be warned of. */
const never = () => new AbortController().signal;
/** Connections that the agents share. */
const connections = 16;

export const benchmark: Benchmark = {
  about:
    "units placed by the real scheduler and reported by simulated agents on a real etcd, against bare batched writes",
  run: ({ quick }, tell) =>
    withLoopbackEtcd(async (url) => {
      // Hundreds of agents share each connection, and listen for its end.
      setMaxListeners(0);
      const [agentCount, unitCount] = quick ? [50, 2_000] : [200, 20_000];
      const clients = await Promise.all(
        Array.from({ length: connections }, () => openEtcd({ endpoints: [url] })),
      );
      const [client] = clients;
      if (!client) return;
      const bareMs = await timed(() => bareWrites(client, 2 * unitCount));
      const machines = Array.from({ length: agentCount }, (_, at) => machineNamed(at));
      await writeAll(
        client,
        machines.map((machine) => [machineKey(machine.id), encodeMachine(machine)]),
      );
      await submit(client, unitCount);
      const agents = new Agents();
      await each([...machines.entries()], 32, ([at, { id }]) =>
        agents.add(clients[at % connections] ?? client, id),
      );
      const scheduler = await startScheduler(url);
      try {
        await agents.reported(unitCount);
      } finally {
        await scheduler.stop();
        await agents.close();
        await Promise.all(clients.map((each) => each.close()));
      }
      tell({
        name: `${unitCount} units to ${agentCount} agents, placed to reported`,
        ours: { value: (unitCount / agents.tookMs) * 1_000, unit: "/s" },
        against: { name: "bare writes of as many keys", value: (unitCount / bareMs) * 1_000 },
        goal: "≥ 10000/s, with 10000 agents",
        note: `a report was stored ${median(agents.reportMs).toFixed(0)} ms after its placement was seen; ${agents.batches} reports of ${(unitCount / agents.batches).toFixed(1)} units, ${agents.retries} tried again`,
      });
    }),
};

/** Agents that take whatever they are given for running. */
class Agents {
  readonly reportMs: number[] = [];
  readonly #mirrors: Mirror<{ placements: Placement }>[] = [];
  #firstMs = Number.NaN;
  #lastMs = Number.NaN;
  #reported = 0;
  batches = 0;
  retries = 0;
  #wake: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  get tookMs(): number {
    return this.#lastMs - this.#firstMs;
  }

  /** Resolves when the agent watches. */
  async add(client: EtcdClient, machine: string): Promise<void> {
    const mirror = openMirror(client, { placements: placementsTable(machine) });
    const states = openStateWriter(client, machine);
    this.#mirrors.push(mirror);
    await mirror.reached(0n, never());
    mirror.takeChanges();
    let writing = false;
    const report = async () => {
      if (writing) return;
      writing = true;
      for (;;) {
        const seen = performance.now();
        if (Number.isNaN(this.#firstMs)) this.#firstMs = seen;
        const units = [...mirror.takeChanges().placements];
        if (units.length === 0) break;
        const writes = units.map((unit) => ({
          kind: "report" as const,
          unit,
          state: stateOf(mirror.tables.placements.get(unit)),
        }));
        await this.#write(states, writes);
        this.#lastMs = performance.now();
        this.reportMs.push(this.#lastMs - seen);
        this.batches += 1;
        this.#reported += units.length;
        this.#wake();
      }
      writing = false;
    };
    mirror.onChange(() => {
      report().catch(this.#fail);
    });
  }

  /** As an agent does, tries again what a store too busy to answer has not taken. */
  async #write(states: StateWriter, writes: readonly StateWrite[]): Promise<void> {
    for (;;) {
      try {
        return await states.write(writes, never());
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.retries += 1;
        await delay(200);
      }
    }
  }

  /** Resolves when so many units have been reported. */
  async reported(count: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      this.#wake = () => {
        if (this.#reported >= count) resolve();
      };
      this.#wake();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#mirrors.map((mirror) => mirror.close()));
  }
}

function stateOf(placement: Placement | undefined) {
  const { hash = "", generation = 0 } = placement ?? {};
  return {
    load: "loaded",
    active: "active",
    sub: "exited",
    hash,
    generation,
    since: "2026-01-01T00:00:00.000Z",
  };
}

function machineNamed(index: number): Machine {
  return {
    id: index.toString(16).padStart(32, "0"),
    address: "10.0.0.1",
    metadata: {},
    capacity: { memoryBytes: 2 ** 36, cpuMillis: 64_000 },
    runtimes: ["systemd"],
    version: "0.1.0",
  };
}

async function submit(client: EtcdClient, count: number): Promise<void> {
  const store = openClusterStore(client);
  const hash = unitHash(parseUnitFile(oneshotUnit));
  const names = Array.from(
    { length: count },
    (_, at) =>
      `app-${Math.floor(at / 40)
        .toString()
        .padStart(5, "0")}@${at % 40}.service`,
  );
  const chunks = Array.from({ length: Math.ceil(count / 60) }, (_, at) => names.slice(at * 60, at * 60 + 60));
  await each(chunks, 4, (chunk) =>
    store.edit(
      chunk.map((name) => ({
        kind: "submit",
        name,
        hash,
        text: oneshotUnit,
        target: "launched",
        expected: undefined,
      })),
      never(),
    ),
  );
}

async function bareWrites(client: EtcdClient, count: number): Promise<void> {
  const value = Buffer.alloc(150, "x");
  await writeAll(
    client,
    Array.from({ length: count }, (_, at) => [`/bare/${at}`, value]),
  );
}

async function writeAll(client: EtcdClient, entries: readonly (readonly [string, Buffer])[]): Promise<void> {
  const writer = new BatchWriter({
    commit: async (operations) => {
      await client.txn({ compare: [], success: operations }, {});
    },
  });
  await writer.write(
    entries.map(([key, value]) => ({ lane: key, key, operation: { kind: "put", key, value } })),
    never(),
  );
}

/** The product's own daemon, compiled beside this file. */
async function startScheduler(url: string): Promise<{ stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "deis-bench-"));
  const config = join(directory, "agent.toml");
  await writeFile(config, `[etcd]\nendpoints = ["${url}"]\n`);
  const main = fileURLToPath(new URL("../scheduler/main.js", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [main, "--config", config], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  return {
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}
