/**
 * The one command that a command line names in full, loaded alone: a command that lists units need not read the code of all others first.
 * Anything else (help, abbreviations, slips of the pen) needs them all.
 */
import { commandIndex } from "./abbreviation.ts";
import type { CommandDefinition } from "./command.ts";
import { globalFlags } from "./global-flags.ts";

/** By name as typed: the name of the command's file. */
export const commandLoaders: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  cat: async () => (await import("./commands/cat.ts")).cat,
  config: async () => (await import("./commands/config.ts")).config,
  cordon: async () => (await import("./commands/cordon.ts")).cordon,
  destroy: async () => (await import("./commands/destroy.ts")).destroy,
  dock: async () => (await import("./commands/dock.ts")).dock,
  drain: async () => (await import("./commands/drain.ts")).drain,
  events: async () => (await import("./commands/events.ts")).events,
  import: async () => (await import("./commands/import.ts")).importCommand,
  install: async () => (await import("./commands/install.ts")).install,
  journal: async () => (await import("./commands/journal.ts")).journal,
  "list-machines": async () => (await import("./commands/list-machines.ts")).listMachines,
  "list-unit-files": async () => (await import("./commands/list-unit-files.ts")).listUnitFiles,
  "list-units": async () => (await import("./commands/list-units.ts")).listUnits,
  load: async () => (await import("./commands/load.ts")).load,
  move: async () => (await import("./commands/move.ts")).move,
  rebalance: async () => (await import("./commands/rebalance.ts")).rebalance,
  restart: async () => (await import("./commands/restart.ts")).restart,
  "rolling-restart": async () => (await import("./commands/rolling-restart.ts")).rollingRestart,
  router: async () => (await import("./commands/router.ts")).router,
  scale: async () => (await import("./commands/scale.ts")).scale,
  ssh: async () => (await import("./commands/ssh.ts")).ssh,
  start: async () => (await import("./commands/start.ts")).start,
  status: async () => (await import("./commands/status.ts")).status,
  stop: async () => (await import("./commands/stop.ts")).stop,
  submit: async () => (await import("./commands/submit.ts")).submit,
  uncordon: async () => (await import("./commands/uncordon.ts")).uncordon,
  uninstall: async () => (await import("./commands/uninstall.ts")).uninstall,
  unload: async () => (await import("./commands/unload.ts")).unload,
  verify: async () => (await import("./commands/verify.ts")).verify,
  version: async () => (await import("./commands/version.ts")).version,
  why: async () => (await import("./commands/why.ts")).why,
};

/** The command, or undefined if the words do not begin with the full name of one. */
export async function oneCommand(words: readonly string[]): Promise<CommandDefinition | undefined> {
  const valued = globalFlags.flatMap(({ flags }) => (flags.includes("<") ? (flags.split(" ")[0] ?? []) : []));
  const name = words[commandIndex(words, new Set(valued))];
  if (name === undefined || !Object.hasOwn(commandLoaders, name)) return undefined;
  return await commandLoaders[name]?.();
}
