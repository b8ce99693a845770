/** `deisctl journal`: what units wrote, fetched from the agents of the machines that have them. */
import { describeError, PlatformError } from "../../cluster/errors.ts";
import { type JournalRequest, journalOutputs } from "../../cluster/journal-request.ts";
import type { Machine } from "../../cluster/machine.ts";
import { type CommandContext, type CommandDefinition, exit, type Options, UsageError } from "../command.ts";
import { sinceMoment } from "../event-lines.ts";
import { knownNames } from "../known-units.ts";
import { machineLabel } from "../machine-label.ts";
import { selectUnits } from "../select-units.ts";
import { copiesOf } from "../unit-status.ts";

const usualLines = 10;
const mostLines = 1_000_000;

export const journal: CommandDefinition = {
  name: "journal",
  summary: "print what units wrote, from whatever machines have them",
  arguments: "[unit|component...]",
  flags: [
    {
      flags: "-n, --lines <n>",
      description: "how many of each one's last lines (default 10; all with --since)",
    },
    { flags: "-f, --follow", description: "go on as lines are written" },
    { flags: "--since <time>", description: "from then on: 10min, 2h, 2026-11-20T19:00:00Z" },
    { flags: "--machine <id>", description: "only this machine's lines (a prefix of its id is enough)" },
    { flags: "--ssh-port <port>", description: "accepted and ignored", hidden: true },
    { flags: "--sudo", description: "accepted and ignored", hidden: true },
  ],
  examples: [
    "deisctl journal web@1",
    "deisctl journal -f 'web@*' router",
    "deisctl journal web --since 10min",
  ],
  notes: "--output is journalctl's here: short, short-iso, cat, json. Lines of several are labelled.",
  ownOutput: true,
  async run(context, args, options) {
    if (args.length === 0) throw new UsageError("One unit file must be provided.");
    const request = requestOf(context, options);
    const store = await context.cluster();
    const { tables } = await store.read(["units", "machines", "placements", "states"], context.signal);
    const { names, missing } = selectUnits(args, knownNames(tables), { byPrefix: true });
    for (const name of missing) context.io.err(`Unit ${name} does not exist.\n`);
    const machine = options.text("machine") ?? "";
    const sources: Source[] = [];
    const silent: string[] = [];
    for (const unit of names) {
      const found = sourcesOf(context, unit, tables, machine);
      sources.push(...found.sources);
      if (found.sources.length === 0 && !found.told) silent.push(unit);
    }
    if (silent.length > 0) context.io.err(`Unit ${silent.join(", ")} does not appear to be running.\n`);
    const labelled = sources.length > 1 || names.length > 1;
    let failed = missing.length > 0 || sources.length === 0;
    const print = async (source: Source): Promise<void> => {
      const place = machineLabel(source.machine.id, tables.machines);
      try {
        await printJournal(context, source, request, labelled ? `${place} ${source.unit}: ` : "");
      } catch (error) {
        // One machine that does not answer must not silence the others.
        if (!labelled || context.signal.aborted || !(error instanceof PlatformError)) throw error;
        context.io.err(`No word of ${source.unit} from ${place}: ${describeError(error)}\n`);
        failed = true;
      }
    };
    if (request.follow) await Promise.all(sources.map(print));
    else for (const source of sources) await print(source);
    return failed ? exit.failed : exit.done;
  },
};

function requestOf(context: CommandContext, options: Options): JournalRequest {
  const since = options.text("since");
  const lines = options.integer("--lines", "lines", 0, mostLines);
  return {
    lines: lines ?? (since === undefined ? usualLines : mostLines),
    follow: options.given("follow"),
    output: journalOutput(context.output),
    ...(since === undefined ? {} : { since: sinceMoment(since, context.now()).toISOString() }),
  };
}

/** `--output` in journalctl's words; `text` is what stands there when nobody said anything. */
function journalOutput(asked: string): JournalRequest["output"] {
  if (asked === "text") return "short";
  const output = journalOutputs.find((known) => known === asked);
  if (output !== undefined) return output;
  throw new UsageError(`--output is "${asked}", allowed here is ${journalOutputs.join(", ")}`);
}

interface Source {
  readonly unit: string;
  readonly machine: Machine;
}

/** The machines that have a log of the unit; why one has none is told. */
function sourcesOf(
  context: CommandContext,
  unit: string,
  tables: Parameters<typeof copiesOf>[1] & { readonly machines: { get(id: string): Machine | undefined } },
  machine: string,
): { readonly sources: readonly Source[]; readonly told: boolean } {
  const sources: Source[] = [];
  let told = false;
  for (const { state, ...copy } of copiesOf(unit, tables)) {
    const host = tables.machines.get(copy.machine);
    if (!state || !host?.id.startsWith(machine)) continue;
    if (state.load === "loaded") {
      sources.push({ unit, machine: host });
      continue;
    }
    const place = machineLabel(host.id, tables.machines);
    const problem = state.problem ?? `it is ${state.load}`;
    context.io.err(`Unit ${unit} is not loaded on ${place} and has no log: ${problem}\n`);
    told = true;
  }
  return { sources, told };
}

/** Lines of several sources carry a label, so that no line is taken for another's. */
async function printJournal(
  context: CommandContext,
  source: Source,
  request: JournalRequest,
  label: string,
): Promise<void> {
  const { unit, machine } = source;
  const agents = await context.agents();
  let rest = "";
  for await (const text of agents.journal(machine, unit, request, context.signal)) {
    if (label === "") {
      context.io.out(text);
      continue;
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    context.io.out(lines.map((line) => `${label}${line}\n`).join(""));
  }
  if (rest !== "") context.io.out(`${label}${rest}\n`);
}
