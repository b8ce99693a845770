/**
 * A live cluster in one process: the real scheduler and real agents over the store in memory, on hosts in memory. What a unit does
 * there is written in its text (`# behaves: fails`, see `memory-runtime.ts`).
 */
import { Agent } from "../../agent/agent.ts";
import { unitFacts } from "../../agent/unit-facts.ts";
import type { Machine } from "../../cluster/machine.ts";
import { parseSettings } from "../../cluster/settings.ts";
import { outcomesTable, placementsTable, statesTable } from "../../etcd/tables.ts";
import { systemClock } from "../../loop/clock.ts";
import { ControlLoop } from "../../loop/control-loop.ts";
import { schedulerTables } from "../../scheduler/look.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { MemoryHost } from "./memory-runtime.ts";
import { MemoryStore } from "./memory-store.ts";

const settings = parseSettings('[etcd]\nendpoints = ["http://127.0.0.1:2379"]\n', "settings");

export class LoopbackCluster {
  readonly store = new MemoryStore();
  /** What runs on each machine, by its id. */
  readonly hosts = new Map<string, MemoryHost>();
  readonly #closing = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(machines: readonly Machine[]) {
    this.#lead(machines[0]?.id ?? "0".repeat(32));
    for (const machine of machines) this.join(machine);
  }

  /** A machine comes, with an agent of its own. */
  join(machine: Machine): void {
    const { signal } = this.#closing;
    const host = new MemoryHost("systemd");
    const docker = new MemoryHost("docker");
    this.hosts.set(machine.id, host);
    const placements = this.store.mirrorOf({ placements: placementsTable(machine.id) });
    const reported = this.store.mirrorOf({ states: statesTable(machine.id) });
    const outcomes = this.store.mirrorOf({ outcomes: outcomesTable(machine.id) });
    const runtimes = [host.runtime(), docker.runtime()];
    const agent = new Agent({
      machine: machine.id,
      placements,
      reported,
      texts: this.store.unitTexts(),
      states: this.store.stateWriter(machine.id),
      runtimes,
      outcomes: { machine: machine.id, mirror: outcomes, writer: this.store.outcomeWriter(machine.id) },
      read: (text) => unitFacts(text, () => undefined),
      authority: () => "held",
      onEvent: () => undefined,
      backoff: { initialMs: 5, maxMs: 20 },
    });
    this.store.addMachine(machine);
    this.#closers.push(async () => {
      await Promise.all([
        placements.close(),
        reported.close(),
        outcomes.close(),
        ...runtimes.map((runtime) => runtime.close()),
      ]);
    });
    const opened = Promise.all(runtimes.map((runtime) => runtime.open(signal)));
    this.#running.push(opened.then(() => agent.run(signal)));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
    for (const close of this.#closers) await close();
  }

  #lead(machine: string): void {
    const mirror = this.store.mirror(schedulerTables);
    const scheduler = new Scheduler({
      mirror,
      settings,
      monotonic: () => systemClock.monotonic(),
      wall: () => systemClock.now().getTime(),
      openStates: (id) => this.store.mirrorOf({ states: statesTable(id) }),
      ring: () => loop.ring(),
    });
    const writer = this.store.schedulerWriter(machine);
    let alarm: NodeJS.Timeout | undefined;
    const loop = new ControlLoop({
      pass: async (signal) => {
        await scheduler.pass(writer, signal);
        clearTimeout(alarm);
        const due = scheduler.dueInMs;
        if (due !== undefined && due < 60_000) alarm = setTimeout(() => loop.ring(), due + 1);
      },
      onEvent: () => undefined,
    });
    mirror.onChange(() => loop.ring());
    this.#running.push(loop.run(this.#closing.signal));
    this.#closers.push(async () => {
      clearTimeout(alarm);
      await scheduler.standDown();
      await mirror.close();
    });
  }
}
