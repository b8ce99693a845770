/** `deisctl journal`: a unit's log lines, fetched from the agents of the machines that have it. */
import type { Machine } from "../../cluster/machine.ts";
import {
  type CommandContext,
  type CommandDefinition,
  exit,
  type JournalRequest,
  journalOutputs,
  UsageError,
} from "../command.ts";
import { machineLabel } from "../machine-label.ts";
import { selectUnits } from "../select-units.ts";
import { copiesOf } from "../unit-status.ts";

export const journal: CommandDefinition = {
  name: "journal",
  summary: "print a unit's log, from whatever machine has it",
  arguments: "[unit|component]",
  flags: [
    { flags: "-n, --lines <n>", description: "how many of the last lines (default 10)" },
    { flags: "-f, --follow", description: "go on as lines are written" },
    { flags: "--machine <id>", description: "only this machine's lines (a prefix of its id is enough)" },
    { flags: "--ssh-port <port>", description: "accepted and ignored", hidden: true },
    { flags: "--sudo", description: "accepted and ignored", hidden: true },
  ],
  examples: ["deisctl journal web@1", "deisctl journal -f --lines 100 router@1"],
  notes: "--output is journalctl's here: short, short-iso, cat, json.",
  ownOutput: true,
  async run(context, args, options) {
    const [word] = args;
    if (word === undefined || args.length > 1) throw new UsageError("One unit file must be provided.");
    const request: JournalRequest = {
      lines: options.integer("--lines", "lines", 0, 1_000_000) ?? 10,
      follow: options.given("follow"),
      output: journalOutput(context.output),
    };
    const store = await context.cluster();
    const { tables } = await store.read(["units", "machines", "placements", "states"], context.signal);
    const { names, missing } = selectUnits(
      [word],
      [...tables.units.entries()].map(([name]) => name),
      { byPrefix: true },
    );
    if (missing.length > 0) {
      context.io.err(`Unit ${missing[0]} does not exist.\n`);
      return exit.failed;
    }
    const machine = options.text("machine") ?? "";
    const sources: Source[] = [];
    let told = false;
    for (const unit of names) {
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
    }
    if (sources.length === 0 && told) return exit.failed;
    if (sources.length === 0) {
      context.io.err(`Unit ${names.join(", ")} does not appear to be running.\n`);
      return exit.failed;
    }
    const labelled = sources.length > 1;
    const print = async (source: Source): Promise<void> => {
      const label = labelled ? `${machineLabel(source.machine.id, tables.machines)} ${source.unit}: ` : "";
      await printJournal(context, source, request, label);
    };
    if (request.follow) await Promise.all(sources.map(print));
    else for (const source of sources) await print(source);
    return exit.done;
  },
};

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

/** Lines of several machines carry a label, so that no line is taken for another's. */
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
