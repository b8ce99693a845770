/**
 * Makes nginx serve the tables that were rendered, and finds out that it does: look (what is on disk, what does nginx say it has),
 * push what differs, and tell how far that is. Run whenever files have changed, while requests drain, and now and then in any case, so
 * that a table which nginx lost for whatever reason is given to it again.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import { type Control, type NginxState, type TableName, tableNames } from "./control.ts";
import type { DeadEnds } from "./dead-ends.ts";
import { Draining } from "./draining.ts";
import type { OnRouterEvent } from "./events.ts";
import type { Progress } from "./membership.ts";

export interface ServingOptions {
  readonly control: Control;
  /** The rendered files. */
  readonly files: Readonly<Record<TableName, string>>;
  /** nginx serves all up to here. */
  readonly onProgress: (progress: Progress) => void;
  readonly onEvent: OnRouterEvent;
  readonly clock?: Clock;
  readonly deadEnds?: Pick<DeadEnds, "look">;
  /** How long a request on a removed endpoint may hold up `drained`. Default 30 s. */
  readonly drainPatienceMs?: number;
}

const drainLookMs = 20;
const regularLookMs = 15_000;

export class Serving {
  readonly #options: ServingOptions;
  readonly #clock: Clock;
  readonly #loop: ControlLoop;
  readonly #draining: Draining;
  /** What the files on disk were rendered from; undefined while that is not known. */
  #settled: bigint | undefined;
  #alarm: NodeJS.Timeout | undefined;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#draining = new Draining(options.drainPatienceMs ?? 30_000);
    this.#loop = new ControlLoop({
      pass: (signal) => this.#pass(signal),
      intervalMs: regularLookMs,
      clock: this.#clock,
      backoff: { initialMs: 20, maxMs: 1_000 },
      onEvent: (event) => {
        if (event.kind === "pass-failed") options.onEvent({ ...event, kind: "push-failed" });
      },
    });
  }

  /** The files on disk are what the store asked for at `revision`, or newer. */
  settled(revision: bigint): void {
    this.#settled = revision;
    this.#loop.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#loop.run(signal);
    } finally {
      clearTimeout(this.#alarm);
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { control, onProgress } = this.#options;
    // Before the files are read: they may become newer, never older.
    const revision = this.#settled;
    let state = await control.state(signal);
    let pushed = false;
    for (const table of tableNames) if (await this.#give(table, state, signal)) pushed = true;
    if (revision === undefined) return;
    if (pushed) state = await control.state(signal);
    const now = this.#clock.monotonic();
    const endpoints = state.draining.map(({ endpoint }) => endpoint);
    this.#options.deadEnds?.look(endpoints, now);
    onProgress({ revision, drained: this.#draining.look(revision, endpoints, now) });
    clearTimeout(this.#alarm);
    if (this.#draining.isAwaiting(now)) this.#alarm = setTimeout(() => this.#loop.ring(), drainLookMs);
  }

  /** Pushes a table unless nginx has it. Resolves to whether it did. */
  async #give(table: TableName, state: NginxState, signal: AbortSignal): Promise<boolean> {
    const { control, files, onEvent } = this.#options;
    const bytes = await readTable(files[table]);
    if (bytes === undefined || digestOf(bytes) === state[table]) return false;
    const began = this.#clock.monotonic();
    const { digest, problems } = await control.push(table, bytes, signal);
    if (digest !== digestOf(bytes)) {
      throw new PlatformError("nginx-refused", `nginx took other ${table} than those in "${files[table]}"`, {
        retryable: true,
      });
    }
    const durationMs = this.#clock.monotonic() - began;
    onEvent({ kind: "pushed", table, bytes: bytes.length, problems, durationMs });
    return true;
  }
}

/** The digest by which nginx names a file. */
export function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function readTable(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    // Its resource has never been rendered: nginx goes without until it is.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
