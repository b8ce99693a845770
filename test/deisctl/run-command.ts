/** Runs one deisctl command line in this process against a store in memory and local files given as an object. */
import { PlatformError } from "../../cluster/errors.ts";
import type { HostAgents } from "../../cluster/ports.ts";
import { allCommands } from "../../deisctl/all-commands.ts";
import type { CommandContext, Routers } from "../../deisctl/command.ts";
import { globalSettings } from "../../deisctl/global-flags.ts";
import { runDeisctl } from "../../deisctl/program.ts";
import type { MemoryStore } from "../support/memory-store.ts";

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

export interface RunOptions {
  readonly store: MemoryStore;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly terminal?: boolean;
  readonly agents?: HostAgents;
  readonly routers?: Routers;
  /** Told what is printed, while the command goes on. */
  readonly onOut?: (text: string) => void;
  readonly onErr?: (text: string) => void;
  /** What the person at the terminal types when asked; nobody is there without it. */
  readonly answer?: string;
  /** Told what `ssh` would have run. */
  readonly onProgram?: (program: string, args: readonly string[]) => void;
}

/** As when no agent serves an API. */
const noAgents: HostAgents = {
  // biome-ignore lint/correctness/useYield: it fails before it has anything to yield.
  async *journal() {
    throw new PlatformError("no-agent-api", "The agent serves no API");
  },
  async status() {
    throw new PlatformError("no-agent-api", "The agent serves no API");
  },
};

const noRouters: Routers = { live: async () => [], metrics: async () => "", pause: async (ms) => ms };

export async function deisctl(words: string, options: RunOptions): Promise<Ran> {
  return await deisctlWords(
    words.split(" ").filter((word) => word !== ""),
    options,
  );
}

export async function deisctlWords(words: readonly string[], options: RunOptions): Promise<Ran> {
  const { store, files = {}, env = {}, terminal = false } = options;
  let out = "";
  let err = "";
  const io = {
    out: (text: string) => {
      out += text;
      options.onOut?.(text);
    },
    err: (text: string) => {
      err += text;
      options.onErr?.(text);
    },
    outIsTerminal: terminal,
    errIsTerminal: terminal,
    color: false,
  };
  const code = await runDeisctl(words, {
    io,
    commands: allCommands,
    columns: 100,
    open: async (flags) => {
      const cluster = store.clusterStore();
      const settings = globalSettings(flags, env);
      const context: CommandContext = {
        io,
        output: settings.output,
        signal: options.signal ?? new AbortController().signal,
        files: { env: { ...env }, read: async (path) => files[path] },
        now: () => new Date("2026-11-20T19:22:05Z"),
        cluster: async () => cluster,
        config: async () => store.configStore(),
        agents: async () => options.agents ?? noAgents,
        ask: async () => options.answer,
        routers: async () => options.routers ?? noRouters,
        runProgram: async (program, args) => {
          options.onProgram?.(program, args);
          return 0;
        },
      };
      return { context, close: () => cluster.close() };
    },
  });
  return { out, err, code };
}
