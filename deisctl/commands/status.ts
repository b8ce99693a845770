/** `deisctl status`: how units are, where and why, with their last log lines. Exit codes as `systemctl status`: 0 all run, 3 some do not. */
import { describeError, PlatformError } from "../../cluster/errors.ts";
import type { Machine } from "../../cluster/machine.ts";
import type { Table } from "../../cluster/ports.ts";
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
import { copiesOf, statusJson, statusText, type UnitStatus, withClusterFacts } from "../unit-status.ts";

/** What `systemctl status` answers for a unit that is not running. */
const notRunning = 3;

export const status: CommandDefinition = {
  name: "status",
  summary: "show how units are, where and why, with their last log lines",
  arguments: "[unit|component...]",
  flags: [{ flags: "--ssh-port <port>", description: "accepted and ignored", hidden: true }],
  examples: ["deisctl status web@1", "deisctl status router"],
  notes: "Exit code 3: not all of them run.",
  async run(context, args) {
    if (args.length === 0) throw new UsageError("No units given");
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
        await printStatus(context, unit, tables.machines);
      }
    }
    if (missing.length > 0) return exit.failed;
    return statuses.every(runs) ? exit.done : notRunning;
  },
};

/** As the hosts see the unit, each with what the cluster knows beside it; as the cluster sees it where no host answers. */
async function printStatus(
  context: CommandContext,
  unit: UnitStatus,
  machines: Table<Machine>,
): Promise<void> {
  const { io } = context;
  const copies = unit.copies.filter(({ state }) => state !== undefined);
  if (copies.length === 0) {
    io.out(statusText(unit, machines, context.now()));
    return;
  }
  for (const [at, copy] of copies.entries()) {
    if (at > 0) io.out("\n");
    const host = machines.get(copy.machine);
    const own = { ...unit, copies: [copy] };
    try {
      if (!host) throw new PlatformError("machine-gone", `Machine ${copy.machine} is not there`);
      if (copy.state?.load !== "loaded") {
        io.out(statusText(own, machines, context.now()));
        continue;
      }
      const agents = await context.agents();
      const text = await agents.status(host, unit.name, context.signal);
      io.out(withClusterFacts(text, own, copy, machines));
    } catch (error) {
      if (context.signal.aborted || !(error instanceof PlatformError)) throw error;
      io.out(statusText(own, machines, context.now()));
      io.err(`No word from the host itself: ${describeError(error)}\n`);
    }
  }
}

function runs(unit: UnitStatus): boolean {
  return unit.copies.length > 0 && unit.copies.every(({ state }) => state?.active === "active");
}
