/**
 * What every command is made of: a definition (name, flags, examples, what to run) and the context it runs in.
 *
 * The rule here: a command touches the world only through its context, and says how it went by its exit code. Importing a
 * command costs nothing heavy; stores are opened when a command first asks for them.
 */
import type { ClusterStore, ConfigStore, HostAgents } from "../cluster/ports.ts";
import type { RouterRecord } from "../cluster/router-record.ts";

/** Done, failed, wrong use of the command line, nothing can take the unit, ended by Ctrl-C. */
export const exit = { done: 0, failed: 1, usage: 2, unplaceable: 3, interrupted: 130 } as const;

/** 0 to 255; `status`, `journal` and `ssh` hand on what they were told by the host. */
export type ExitCode = number;

/** Where a command writes: data on `out`, talk on `err`. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Somebody looks at it: aligned with spaces, relative times, progress. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly color: boolean;
}

/** The operator's own machine, as far as commands read it. */
export interface LocalFiles {
  /** The text of a file, or undefined if there is none. A directory is not a file. */
  read(path: string): Promise<string | undefined>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A router as it told the cluster last. */
export interface LiveRouter extends RouterRecord {
  readonly machine: string;
}

/** The live routers, and what only they know. */
export interface Routers {
  /** Sorted by machine. A record that cannot be read is left out. */
  live(signal: AbortSignal): Promise<readonly LiveRouter[]>;
  /** The router's figures in Prometheus' text format. Rejects with `router-silent`. */
  metrics(router: LiveRouter, signal: AbortSignal): Promise<string>;
  /** The time between two readings: resolves to the milliseconds that have really passed. */
  pause(ms: number, signal: AbortSignal): Promise<number>;
}

export interface CommandContext {
  readonly io: Io;
  /** `--output` as given; commands take it through `outputFormat`. */
  readonly output: string;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly files: LocalFiles;
  now(): Date;
  /** Opened once, closed by whoever made the context. */
  cluster(): Promise<ClusterStore>;
  config(): Promise<ConfigStore>;
  agents(): Promise<HostAgents>;
  /** Asks the person at the terminal for a line; undefined if nobody is there. */
  ask(question: string): Promise<string | undefined>;
  routers(): Promise<Routers>;
  /** Runs a program of the operator's machine with the terminal handed to it; resolves to its exit code. */
  runProgram(program: string, args: readonly string[]): Promise<number>;
}

/** One flag, in commander's notation: `-l, --full`, `--fields <list>`, `--no-legend`. */
export interface Flag {
  readonly flags: string;
  readonly description: string;
  /** Accepted for the sake of old scripts, not shown. */
  readonly hidden?: true;
}

export interface CommandDefinition {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** A second word for another command: it works and is not shown. */
  readonly hidden?: true;
  readonly summary: string;
  /** Commander's notation: `[unit...]`. */
  readonly arguments: string;
  readonly flags: readonly Flag[];
  /** Complete lines, `deisctl …`; shown under the command's help. */
  readonly examples: readonly string[];
  /** True if `--output` means something of its own here. */
  readonly ownOutput?: true;
  /** More to say in the help: one or two lines. */
  readonly notes?: string;
  /** `args` are the words after the command, `options` what its flags said. */
  run(context: CommandContext, args: readonly string[], options: Options): Promise<ExitCode>;
}

/** Wrong use of the command line: printed as `error: …` with exit code 2. */
export class UsageError extends Error {}

/** The values of a command's flags, typed at the point of use. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** True if the flag was given. For `--no-x` ask `!given("x")`. */
  given(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** A whole number within bounds. Throws `UsageError` naming the flag, the value and what is allowed. */
  integer(flag: string, name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new UsageError(`${flag} is "${text}", allowed is a whole number from ${least} to ${most}`);
  }
}

/** `text` or `json`. Throws `UsageError` for anything else. */
export function outputFormat(context: CommandContext): "text" | "json" {
  const { output } = context;
  if (output === "text" || output === "json") return output;
  throw new UsageError(`--output is "${output}", allowed is text or json`);
}

/** Prints a value as JSON, indented for people and for `diff`. */
export function printJson(context: CommandContext, value: unknown): void {
  context.io.out(`${JSON.stringify(value, null, 2)}\n`);
}
