/** `deisctl status`: how units are, where and why, with their last log lines. Exit codes as `systemctl status`: 0 all run, 3 some do not. */
import {
  type CommandContext,
  type CommandDefinition,
  exit,
  outputFormat,
  printJson,
  UsageError,
} from "../command.ts";
import { knownFile, knownNames } from "../known-units.ts";
import { selectUnits } from "../select-units.ts";
import { copiesOf, statusJson, statusText, type UnitStatus } from "../unit-status.ts";

/** What `systemctl status` answers for a unit that is not running. */
const notRunning = 3;

export const status: CommandDefinition = {
  name: "status",
  summary: "show how units are, where and why, with their last log lines",
  arguments: "[unit|component...]",
  flags: [
    { flags: "-n, --lines <n>", description: "log lines to show (default 10)" },
    { flags: "--ssh-port <port>", description: "accepted and ignored", hidden: true },
  ],
  examples: ["deisctl status web@1", "deisctl status router"],
  notes: "Exit code 3: not all of them run.",
  async run(context, args, options) {
    if (args.length === 0) throw new UsageError("No units given");
    const lines = options.integer("--lines", "lines", 0, 100_000) ?? 10;
    const store = await context.cluster();
    const { tables } = await store.read(
      ["units", "unitFiles", "machines", "placements", "states", "unplaced"],
      context.signal,
    );
    const { names, missing } = selectUnits(args, knownNames(tables), { byPrefix: true });
    for (const name of missing) context.io.err(`Unit ${name} does not exist.\n`);
    const statuses = names.map(
      (name): UnitStatus => ({
        name,
        record: tables.units.get(name),
        description: knownFile(name, tables)?.values("Unit", "Description")[0],
        copies: copiesOf(name, tables),
        unplaced: tables.unplaced.get(name),
      }),
    );
    if (outputFormat(context) === "json") {
      printJson(
        context,
        statuses.map((unit) => statusJson(unit, tables.machines)),
      );
    } else {
      for (const [at, unit] of statuses.entries()) {
        if (at > 0) context.io.out("\n");
        context.io.out(statusText(unit, tables.machines, context.now()));
        await printLogs(context, unit, lines);
      }
    }
    if (missing.length > 0) return exit.failed;
    return statuses.every(runs) ? exit.done : notRunning;

    async function printLogs(within: CommandContext, unit: UnitStatus, count: number): Promise<void> {
      for (const { machine } of unit.copies) {
        const host = tables.machines.get(machine);
        if (count === 0 || host?.api === undefined) continue;
        try {
          const logs = await within.logs();
          within.io.out("\n");
          const request = { lines: count, follow: false, output: "short" };
          for await (const text of logs.journal(host, unit.name, request, within.signal)) within.io.out(text);
        } catch (error) {
          const { describeError } = await import("../../cluster/errors.ts");
          within.io.err(`No log lines from ${host.address}: ${describeError(error)}\n`);
        }
      }
    }
  },
};

function runs(unit: UnitStatus): boolean {
  return unit.copies.length > 0 && unit.copies.every(({ state }) => state?.active === "active");
}
