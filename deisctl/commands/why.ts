/** `deisctl why`: where a unit is and why there, or why it is nowhere: every machine with its reason, from the scheduler itself. */
import { type CommandDefinition, exit, outputFormat, printJson, UsageError } from "../command.ts";
import { knownNames } from "../known-units.ts";
import { machineLabel } from "../machine-label.ts";
import { selectUnits } from "../select-units.ts";
import { formatTable } from "../table.ts";

export const why: CommandDefinition = {
  name: "why",
  summary: "say why a unit is where it is, or nowhere",
  arguments: "[unit|component...]",
  flags: [{ flags: "-l, --full", description: "whole ids of machines" }],
  examples: ["deisctl why web@1", "deisctl why router --output json"],
  async run(context, args, options) {
    if (args.length === 0) throw new UsageError("No units given");
    const store = await context.cluster();
    const { tables } = await store.read(["units", "machines"], context.signal);
    const { names, missing } = selectUnits(args, knownNames(tables), { byPrefix: true });
    for (const name of missing) context.io.err(`Unit ${name} does not exist.\n`);
    const full = options.given("full");
    const label = (id: string): string => machineLabel(id, tables.machines, full);
    const answers = [];
    for (const unit of names) answers.push(await store.ask({ kind: "why", unit }, context.signal));
    if (outputFormat(context) === "json") {
      printJson(context, answers);
      return missing.length > 0 ? exit.failed : exit.done;
    }
    for (const [at, answer] of answers.entries()) {
      if (at > 0) context.io.out("\n");
      context.io.out(`${answer.unit}: ${answer.summary}\n`);
      for (const { machine, reason } of answer.placements)
        context.io.out(`  on ${label(machine)}: ${reason}\n`);
      const rows = answer.machines.map(({ machine, fits, reason }) => [
        label(machine),
        fits ? "yes" : "no",
        reason,
      ]);
      const padding = context.io.outIsTerminal ? "spaces" : "tabs";
      context.io.out(formatTable(["machine", "fits", "reason"], rows, { legend: true, padding }));
    }
    return missing.length > 0 ? exit.failed : exit.done;
  },
};
