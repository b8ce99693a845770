/** `deisctl list-units`: one row for each unit on each machine, as its agent last reported it. */
import type { CommandDefinition } from "../command.ts";
import { machineLabel } from "../machine-label.ts";
import { listFlags, printList } from "../print-list.ts";
import { relativeTime } from "../relative-time.ts";
import { type StateRow, stateRows } from "../unit-rows.ts";

const columnNames = ["unit", "machine", "load", "active", "sub", "hash", "since", "exit", "problem"] as const;

export const listUnits: CommandDefinition = {
  name: "list-units",
  aliases: ["list"],
  summary: "show the units on the machines and how they are",
  arguments: "",
  flags: listFlags(columnNames),
  examples: ["deisctl list-units", "deisctl list-units --fields=unit,hash,load --no-legend"],
  async run(context, _args, options) {
    const store = await context.cluster();
    const { tables } = await store.read(["states", "machines", "unplaced"], context.signal);
    const full = options.given("full");
    const now = context.now();
    const code = printList<StateRow>(context, options, stateRows(tables.states), {
      standard: ["unit", "machine", "active", "sub"],
      columns: {
        unit: (row) => row.unit,
        machine: (row) => machineLabel(row.machine, tables.machines, full),
        load: (row) => row.state.load,
        active: (row) => row.state.active,
        sub: (row) => row.state.sub,
        hash: (row) => (full ? row.state.hash : row.state.hash.slice(0, 7)),
        since: (row) => (context.io.outIsTerminal ? relativeTime(row.state.since, now) : row.state.since),
        exit: (row) => (row.state.exitStatus === undefined ? "" : String(row.state.exitStatus)),
        problem: (row) => row.state.problem ?? "",
      },
      json: ({ unit, machine, state }) => ({
        unit,
        machine,
        address: tables.machines.get(machine)?.address ?? null,
        load: state.load,
        active: state.active,
        sub: state.sub,
        hash: state.hash,
        generation: state.generation,
        since: state.since,
        exitStatus: state.exitStatus ?? null,
        problem: state.problem ?? null,
      }),
    });
    // fleetctl's table has no row for a unit that is nowhere; a person is told, a script asks list-unit-files.
    if (context.io.errIsTerminal && tables.unplaced.size > 0) {
      context.io.err(
        `${tables.unplaced.size} more cannot be placed: \`deisctl list-unit-files --fields=unit,dstate,unplaced\`\n`,
      );
    }
    return code;
  },
};
