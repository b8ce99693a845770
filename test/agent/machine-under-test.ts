/** An agent on a machine in memory: its part of the store, its runtimes, and what it said, for story tests. */
import { createHash } from "node:crypto";
import { Agent, type AgentOptions } from "../../agent/agent.ts";
import type { AgentEvent } from "../../agent/events.ts";
import type { Authority } from "../../agent/reconcile.ts";
import { PlatformError } from "../../cluster/errors.ts";
import type { Placement } from "../../cluster/placement.ts";
import type { Mirror, StateWrite, Table } from "../../cluster/ports.ts";
import type { Outcome, RunClaim } from "../../cluster/run.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { MemoryHost } from "../support/memory-runtime.ts";

export const machine = "0123456789abcdef0123456789abcdef";

class MemoryTable<V> implements Table<V> {
  readonly records = new Map<string, V>();
  readonly unreadable = new Map<string, PlatformError>();
  changed = new Set<string>();

  get size(): number {
    return this.records.size;
  }
  get(name: string): V | undefined {
    return this.records.get(name);
  }
  revisionOf(name: string): bigint | undefined {
    return this.records.has(name) ? 1n : undefined;
  }
  entries(): IterableIterator<[string, V]> {
    return this.records.entries();
  }
  put(name: string, value: V | PlatformError | undefined): void {
    this.records.delete(name);
    this.unreadable.delete(name);
    if (value instanceof PlatformError) this.unreadable.set(name, value);
    else if (value !== undefined) this.records.set(name, value);
    this.changed.add(name);
  }
}

/** A mirror of one table that the test writes to. */
export class OneTableMirror<N extends string, V> implements Mirror<Record<N, V>> {
  readonly table = new MemoryTable<V>();
  readonly tables: { readonly [K in N]: Table<V> };
  readonly #name: N;
  readonly #bells = new Set<() => void>();
  synced = false;
  revision = 1n;

  constructor(name: N) {
    this.#name = name;
    this.tables = { [name]: this.table } as unknown as { [K in N]: Table<V> };
  }
  /** What an agent's own mirror is when it begins: empty as far as it has told. */
  begin(): void {
    this.synced = false;
    this.table.changed = new Set([...this.table.records.keys(), ...this.table.unreadable.keys()]);
  }
  sync(): void {
    this.synced = true;
    this.ring();
  }
  put(name: string, value: V | PlatformError | undefined): void {
    this.table.put(name, value);
    this.revision += 1n;
    if (this.synced) this.ring();
  }
  ring(): void {
    for (const bell of this.#bells) bell();
  }
  takeChanges(): { readonly [K in N]: ReadonlySet<string> } {
    const taken = this.table.changed;
    this.table.changed = new Set();
    return { [this.#name]: taken } as unknown as { [K in N]: ReadonlySet<string> };
  }
  onChange(bell: () => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }
  async reached(): Promise<void> {
    // What the test writes is there at once.
  }
  async close(): Promise<void> {
    this.#bells.clear();
  }
}

/** A unit file that behaves so. The words `container`, `fence`, `once`, `each-tick`, `moves` and `garbage` mean what they say. */
export function unitText(behaviour = "runs", edition = 1, words = ""): string {
  return `# behaves: ${behaviour}\n# ${words}\n[Service]\nExecStart=/bin/edition ${edition}\n`;
}

/** The machine's part of the store. It outlives agents. */
export class MachineUnderTest {
  readonly placements = new OneTableMirror<"placements", Placement>("placements");
  readonly reported = new OneTableMirror<"states", UnitState>("states");
  /** What this machine has told of runs and failures; always synced. */
  readonly outcomes = new OneTableMirror<"outcomes", Outcome>("outcomes");
  readonly systemd = new MemoryHost("systemd");
  readonly docker = new MemoryHost("docker");
  readonly texts = new Map<string, string>();
  readonly events: AgentEvent[] = [];
  /** Every batch of states that was written. */
  readonly batches: (readonly StateWrite[])[] = [];
  authority: Authority = "held";
  /** As when the scheduler has given the run away meanwhile. */
  refusesClaims = false;
  /** Set: writing states fails with this. */
  storeFailure: PlatformError | undefined;
  #agent:
    | { readonly agent: Agent; readonly abort: AbortController; readonly running: Promise<void> }
    | undefined;

  /** Places a unit here; its file is stored as `text`. */
  place(unit: string, text: string, change: Partial<Placement> = {}): void {
    const hash = this.submit(text);
    const placement = { machine, unit, hash, target: "launched", generation: 0, reason: "" } as const;
    this.placements.put(unit, { ...placement, ...change });
  }

  submit(text: string): string {
    const hash = createHash("sha1").update(text).digest("hex");
    this.texts.set(hash, text);
    return hash;
  }

  withdraw(unit: string): void {
    this.placements.put(unit, undefined);
  }

  /** Starts an agent on this machine, connected to its runtimes and with all of the store before it. */
  async startSynced(): Promise<void> {
    await this.start();
    this.placements.sync();
    this.reported.sync();
  }

  /** Starts an agent on this machine, connected to its runtimes. */
  async start(options: Partial<AgentOptions> = {}): Promise<void> {
    const runtimes = [this.systemd.runtime(), this.docker.runtime()];
    const abort = new AbortController();
    this.placements.begin();
    this.reported.begin();
    this.outcomes.begin();
    this.outcomes.sync();
    for (const runtime of runtimes) await runtime.open(abort.signal).catch(() => undefined);
    const agent = new Agent({
      machine,
      placements: this.placements,
      reported: this.reported,
      texts: { text: async (hash) => this.#text(hash) },
      states: { write: async (writes) => this.#write(writes) },
      outcomes: {
        machine,
        mirror: this.outcomes,
        writer: {
          claim: async (unit, claim) => this.#claim(unit, claim),
          write: async (writes) => {
            for (const each of writes)
              this.outcomes.put(each.unit, each.kind === "tell" ? each.outcome : undefined);
          },
        },
      },
      runtimes,
      read: (text) => {
        if (text.includes("garbage"))
          throw new PlatformError("unit-file-invalid", "Cannot parse line 1, column 1");
        return {
          text,
          runtime: text.includes("container") ? "docker" : "systemd",
          fence: text.includes("fence"),
          conflictsOf: () => [],
          ...(text.includes("each-tick") ? { runs: "each-tick" as const } : {}),
          ...(text.includes("once") ? { runs: "once" as const } : {}),
          ...(text.includes("moves") ? { moveAfterFailures: 3 } : {}),
        };
      },
      authority: () => this.authority,
      onEvent: (event) => this.events.push(event),
      backoff: { initialMs: 5, maxMs: 20 },
      ...options,
    });
    this.#agent = { agent, abort, running: agent.run(abort.signal) };
  }

  ring(): void {
    this.#agent?.agent.ring();
  }

  /** Ends the agent as SIGTERM does, and closes its connections. Units stay. */
  async stop(): Promise<void> {
    if (!this.#agent) return;
    const { abort, running } = this.#agent;
    this.#agent = undefined;
    abort.abort();
    await running;
    for (const host of [this.systemd, this.docker])
      for (const runtime of [...host.runtimes]) await runtime.close();
  }

  /** What the store says of a unit. */
  state(unit: string): UnitState | undefined {
    return this.reported.table.get(unit);
  }

  /** The steps carried out for one unit, in order. */
  steps(unit: string): string[] {
    const calls = [...this.systemd.calls, ...this.docker.calls];
    return calls.filter((call) => call.endsWith(` ${unit}`)).map((call) => call.slice(0, call.indexOf(" ")));
  }

  /** Every step carried out on this machine so far. */
  get calls(): string[] {
    return [...this.systemd.calls, ...this.docker.calls];
  }

  #text(hash: string): string {
    const text = this.texts.get(hash);
    if (text !== undefined) return text;
    throw new PlatformError("unit-file-missing", `Cannot find unit file "${hash}"`, { retryable: true });
  }

  #claim(unit: string, claim: RunClaim): void {
    if (this.refusesClaims || this.placements.table.get(unit)?.run !== claim.run)
      throw new PlatformError("run-not-ours", "It is not placed here", { retryable: true });
    this.outcomes.put(unit, { claim });
  }

  #write(writes: readonly StateWrite[]): void {
    if (this.storeFailure) throw this.storeFailure;
    this.batches.push(writes);
    for (const write of writes)
      this.reported.put(write.unit, write.kind === "report" ? write.state : undefined);
  }
}
