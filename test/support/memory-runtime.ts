/**
 * A runtime in memory, for tests of what drives runtimes. It passes the contract suite of `agent/runtime.ts`.
 *
 * What a unit does is written in its text (`# behaves: ends`); without that it runs until it is stopped. A `MemoryHost` outlives
 * its runtimes, as systemd and Docker outlive an agent.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Reach } from "../../agent/reach.ts";
import type { RuntimeUnit, UnitRuntime } from "../../agent/runtime.ts";
import { PlatformError } from "../../cluster/errors.ts";
import type { RuntimeName } from "../../cluster/machine.ts";
import type { UnitState } from "../../cluster/unit-state.ts";

export type MemoryStep = "load" | "start" | "stop" | "unload" | "acknowledge";

/** Runs before a step is carried out: it may wait, note or throw. */
export type Hook = (step: MemoryStep, unit: string, signal: AbortSignal) => void | Promise<void>;

interface Resident {
  readonly text: string;
  state: UnitState;
  processes: number;
}

/** What runs on one host in memory. */
export class MemoryHost {
  readonly name: RuntimeName;
  readonly residents = new Map<string, Resident>();
  /** Every step that was carried out, as `start web.service`, in order. */
  readonly calls: string[] = [];
  readonly runtimes = new Set<MemoryRuntime>();
  /** How units are reached, by name; the others use the host's network. */
  readonly reaches = new Map<string, Reach>();
  /** False: the runtime cannot be reached. */
  reachable = true;
  hook: Hook = () => undefined;

  constructor(name: RuntimeName = "systemd") {
    this.name = name;
  }

  /** An agent's connection to this host. */
  runtime(): MemoryRuntime {
    return new MemoryRuntime(this);
  }

  /** The unit's process ends from outside, by SIGKILL. */
  kill(unit: string): void {
    const resident = this.residents.get(unit);
    if (resident) this.end(unit, "failed", 137);
  }

  /** Cuts every connection, or lets them come back by themselves. */
  reach(reachable: boolean): void {
    this.reachable = reachable;
    for (const runtime of this.runtimes) runtime.reconnect();
  }

  /** Changes a unit's state and lets every connected runtime see it. */
  set(unit: string, change: Partial<UnitState>): void {
    const resident = this.residents.get(unit);
    if (!resident) return;
    const { exitStatus, problem, ...rest } = resident.state;
    const since = change.active && change.active !== rest.active ? new Date().toISOString() : rest.since;
    // An exit status and a problem belong to the active state that they came with.
    const kept = change.active
      ? {}
      : { ...(exitStatus === undefined ? {} : { exitStatus }), ...(problem ? { problem } : {}) };
    resident.state = { ...rest, ...kept, since, ...change };
    this.ring(unit);
  }

  end(unit: string, active: "inactive" | "failed", exitStatus: number): void {
    const resident = this.residents.get(unit);
    if (!resident) return;
    resident.processes = 0;
    const problem = active === "failed" ? { problem: `Its process ended with status ${exitStatus}` } : {};
    this.set(unit, { active, sub: active === "failed" ? "failed" : "dead", exitStatus, ...problem });
  }

  ring(unit: string): void {
    for (const runtime of this.runtimes) runtime.see(unit);
  }
}

export class MemoryRuntime implements UnitRuntime {
  readonly #host: MemoryHost;
  readonly #observed = new Map<string, UnitState>();
  readonly #bells = new Set<(unit: string) => void>();
  #connected = false;
  #closed = false;

  constructor(host: MemoryHost) {
    this.#host = host;
  }

  get name(): RuntimeName {
    return this.#host.name;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get observed(): ReadonlyMap<string, UnitState> {
    return this.#observed;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#host.reachable) throw this.#unreachable();
    this.#host.runtimes.add(this);
    this.reconnect();
  }

  onChange(bell: (unit: string) => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }

  async load(unit: RuntimeUnit, signal: AbortSignal): Promise<void> {
    await this.#enter("load", unit.name, signal);
    if (behaviour(unit.text) === "missing") {
      throw new PlatformError("unit-load-failed", `Cannot load "${unit.name}": its image does not exist`);
    }
    const resident = this.#host.residents.get(unit.name);
    const { hash, generation } = unit;
    if (resident) return this.#host.set(unit.name, { load: "loaded", generation });
    const state = {
      load: "loaded",
      active: "inactive",
      sub: "dead",
      hash,
      generation,
      since: new Date().toISOString(),
    };
    this.#host.residents.set(unit.name, { text: unit.text, state, processes: 0 });
    this.#host.ring(unit.name);
  }

  async start(unit: RuntimeUnit, signal: AbortSignal): Promise<void> {
    await this.#enter("start", unit.name, signal);
    const host = this.#host;
    const resident = host.residents.get(unit.name);
    if (!resident)
      throw new PlatformError("unit-start-failed", `Cannot start "${unit.name}": it is not loaded`);
    host.set(unit.name, { generation: unit.generation });
    if (resident.state.active === "active") return;
    resident.processes = 1;
    const does = behaviour(resident.text);
    if (does === "starts-slowly") {
      host.set(unit.name, { active: "activating", sub: "start" });
      await delay(30_000, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    if (does === "fails") {
      host.end(unit.name, "failed", 3);
      throw new PlatformError(
        "unit-start-failed",
        `Cannot start "${unit.name}": its process ended with status 3`,
        {
          hint: `Look at its journal: deisctl journal ${unit.name}`,
        },
      );
    }
    host.set(unit.name, { active: "active", sub: "running" });
    if (does === "ends") setTimeout(() => host.end(unit.name, "inactive", 0), 5).unref();
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    await this.#enter("stop", name, signal);
    await this.#stop(name, signal);
  }

  async unload(name: string, signal: AbortSignal): Promise<void> {
    await this.#enter("unload", name, signal);
    await this.#stop(name, signal);
    this.#host.residents.delete(name);
    this.#host.ring(name);
  }

  async acknowledge(name: string, generation: number, signal: AbortSignal): Promise<void> {
    await this.#enter("acknowledge", name, signal);
    this.#host.set(name, { generation });
  }

  async reach(name: string, signal: AbortSignal): Promise<Reach | undefined> {
    signal.throwIfAborted();
    const resident = this.#host.residents.get(name);
    if (!resident || resident.processes === 0) return undefined;
    return this.#host.reaches.get(name) ?? { kind: "host" };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connected = false;
    this.#host.runtimes.delete(this);
  }

  /** Takes a new look, or notices that the host cannot be reached. */
  reconnect(): void {
    this.#connected = this.#host.reachable;
    const names = new Set([...this.#observed.keys(), ...this.#host.residents.keys()]);
    for (const name of names) this.see(name);
    for (const bell of this.#bells) bell("");
  }

  /** Copies what the host has of one unit, and rings. */
  see(unit: string): void {
    if (!this.#connected) return;
    const resident = this.#host.residents.get(unit);
    if (resident) this.#observed.set(unit, resident.state);
    else this.#observed.delete(unit);
    for (const bell of this.#bells) bell(unit);
  }

  async #enter(step: MemoryStep, unit: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed || !this.#connected) throw this.#unreachable();
    this.#host.calls.push(`${step} ${unit}`);
    await this.#host.hook(step, unit, signal);
    signal.throwIfAborted();
  }

  async #stop(name: string, signal: AbortSignal): Promise<void> {
    const resident = this.#host.residents.get(name);
    if (!resident || resident.processes === 0) return;
    if (behaviour(resident.text) === "stops-slowly") {
      this.#host.set(name, { active: "deactivating", sub: "stop-sigterm" });
      await delay(800, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    this.#host.end(name, "inactive", 0);
  }

  #unreachable(): PlatformError {
    return new PlatformError("runtime-unreachable", `Cannot reach ${this.name}`, { retryable: true });
  }
}

function behaviour(text: string): string {
  return /^# behaves: (\S+)$/m.exec(text)?.[1] ?? "runs";
}
