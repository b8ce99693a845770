/**
 * The command line as a whole: builds commander's program from the command definitions, parses, runs one command and turns what
 * went wrong into a message and an exit code.
 */
import { Command, CommanderError, Option } from "commander";
import { expandAbbreviations } from "./abbreviation.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  type Io,
  Options,
  outputFormat,
  UsageError,
} from "./command.ts";
import { completionCommand } from "./commands/completion.ts";
import { versionLine } from "./commands/version.ts";
import type { Completed } from "./completion.ts";
import { formatFailure } from "./failure.ts";
import { type GlobalFlags, globalFlags } from "./global-flags.ts";

/** Commands by the headings of `deisctl --help`. */
export type CommandGroups = Readonly<Record<string, readonly CommandDefinition[]>>;

/** What the outside lends to one run; `close` is called when the command is done, whatever happened. */
export interface World {
  readonly io: Io;
  /** The terminal's columns, for wrapping help. */
  readonly columns: number;
  /** All commands, or the one that is going to be run. */
  readonly commands: CommandGroups;
  open(flags: GlobalFlags): Promise<{ readonly context: CommandContext; close(): Promise<void> }>;
}

/** Runs one command line (without node and script) and resolves to its exit code. Never rejects for what a user can cause. */
export async function runDeisctl(words: readonly string[], world: World): Promise<ExitCode> {
  let code: ExitCode = exit.done;
  const program = buildProgram(world, async (definition, args, command) => {
    code = await runCommand(definition, args, command, world);
  });
  try {
    const expanded = expandAbbreviations(words, vocabularyOf(program));
    if (expanded.length === 0) program.outputHelp();
    else await program.parseAsync(expanded, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    if (!(error instanceof UsageError)) throw error;
    world.io.err(`${error.message}\nRun 'deisctl --help' for usage.\n`);
    return exit.usage;
  }
}

type Run = (definition: CommandDefinition, args: readonly string[], command: Command) => Promise<void>;

function buildProgram(world: World, run: Run): Command {
  const { io } = world;
  const program = new Command("deisctl")
    .description(`Runs units and the Deis platform on a cluster. This is ${versionLine()}.`)
    .usage("[options] <command> [arguments]")
    .version(versionLine(), "-v, --version", "print the version")
    .helpOption("-h, --help", "show this, or the help of a command")
    .addHelpCommand(
      new Command("help").argument("[command]").summary("show the help of a command").helpGroup("Other:"),
    )
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(usageText(text)),
      getOutHelpWidth: () => world.columns,
      getErrHelpWidth: () => world.columns,
    })
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      subcommandDescription: (command) => command.summary(),
      // Every command shows the global flags by one line; they would hide its own.
      showGlobalOptions: false,
    });
  for (const { flags, description, hidden } of globalFlags) {
    const option = new Option(flags, description);
    program.addOption(hidden ? option.hideHelp() : option);
  }
  const completion = completionCommand(() => completed(program));
  for (const [heading, definitions] of Object.entries(world.commands)) {
    program.commandsGroup(heading);
    for (const definition of definitions) addCommand(program, definition, run);
    if (heading === "Other:") addCommand(program, completion, run);
  }
  program.addHelpText(
    "after",
    [
      "",
      "Examples:",
      "  deisctl install platform && deisctl start platform",
      "  deisctl start web@1 web@2",
      "  deisctl config platform set domain=example.com",
      "",
      "Every global option has an environment form: DEISCTL_ENDPOINT, DEISCTL_ETCD_CAFILE, …",
      "Exit codes: 0 done, 1 failed, 2 usage, 3 no machine can take it.",
    ].join("\n"),
  );
  return program;
}

function addCommand(program: Command, definition: CommandDefinition, run: Run): void {
  const { name, aliases, summary, flags, examples, notes } = definition;
  const command = program
    .command(name, { hidden: definition.hidden ?? false })
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.${notes === undefined ? "" : `\n${notes}`}`)
    .aliases([...(aliases ?? [])]);
  for (const argument of definition.arguments.split(" ").filter((text) => text !== ""))
    command.argument(argument);
  for (const flag of flags) {
    const option = new Option(flag.flags, flag.description);
    command.addOption(flag.hidden ? option.hideHelp() : option);
  }
  const more = examples.map((example) => `  ${example}`).join("\n");
  command.addHelpText("after", `\nExamples:\n${more}\n\nGlobal options: deisctl --help`);
  command.action(async () => run(definition, command.args, command));
}

async function runCommand(
  definition: CommandDefinition,
  args: readonly string[],
  command: Command,
  world: World,
): Promise<ExitCode> {
  let opened: Awaited<ReturnType<World["open"]>> | undefined;
  try {
    opened = await world.open(command.parent?.opts() ?? {});
    const { context } = opened;
    if (!definition.ownOutput) outputFormat(context);
    return await definition.run(context, args, new Options(command.opts()));
  } catch (error) {
    if (error instanceof UsageError) {
      world.io.err(`${error.message}\nRun 'deisctl ${definition.name} --help' for usage.\n`);
      return exit.usage;
    }
    if (opened?.context.signal.aborted) {
      world.io.err("Interrupted\n");
      return exit.interrupted;
    }
    world.io.err(formatFailure(error));
    return exit.failed;
  } finally {
    await opened?.close();
  }
}

/** commander's texts in fleetctl's words where it has them. */
function usageText(text: string): string {
  const worded = text.replace(/^error: unknown command '(.*)'/, 'Error: unknown command "$1" for "deisctl"');
  return `${worded.trimEnd()}\nRun 'deisctl --help' for usage.\n`;
}

function vocabularyOf(program: Command): Parameters<typeof expandAbbreviations>[1] {
  return {
    commands: [...program.commands.map((command) => [command.name(), ...command.aliases()]), ["help"]],
    valued: new Set(
      program.options.filter((option) => option.required).flatMap((option) => option.long ?? []),
    ),
  };
}

function completed(program: Command): Completed {
  const flagsOf = (command: Command): string[] =>
    command.options
      .filter((option) => !option.hidden)
      .flatMap((option) => [option.long ?? [], option.short ?? []].flat());
  return {
    program: program.name(),
    globalFlags: [...flagsOf(program), "--help"],
    commands: program.commands.map((command) => ({
      names: [command.name(), ...command.aliases()],
      flags: [...flagsOf(command), "--help"],
      takes: takenBy(command.registeredArguments.map((argument) => argument.name()).join(" ")),
    })),
  };
}

function takenBy(argumentNames: string): Completed["commands"][number]["takes"] {
  if (/unit|component/.test(argumentNames)) return "units";
  return argumentNames.includes("machine") ? "machines" : undefined;
}
