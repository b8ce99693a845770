/** `deisctl list-unit-files`: one row for each unit the cluster knows, with what is wanted and what is. */
import { describeRun } from "../../cluster/run.ts";
import type { CommandDefinition } from "../command.ts";
import { isGlobal, knownFile } from "../known-units.ts";
import { machineLabel } from "../machine-label.ts";
import { listFlags, printList } from "../print-list.ts";
import { type UnitFileRow, unitFileRows } from "../unit-rows.ts";

const columnNames = [
  "unit",
  "hash",
  "dstate",
  "state",
  "target",
  "desc",
  "global",
  "unplaced",
  "run",
] as const;

export const listUnitFiles: CommandDefinition = {
  name: "list-unit-files",
  summary: "show the units the cluster knows: wanted and actual state",
  arguments: "",
  flags: listFlags(columnNames),
  examples: ["deisctl list-unit-files", "deisctl list-unit-files --fields=unit,state,target,desc"],
  async run(context, _args, options) {
    const store = await context.cluster();
    const { tables } = await store.read(
      ["units", "unitFiles", "placements", "states", "unplaced", "runs", "machines"],
      context.signal,
    );
    const rows = unitFileRows(tables, (name) => {
      const file = knownFile(name, tables);
      return { description: file?.values("Unit", "Description")[0] ?? "", global: isGlobal(name, file) };
    });
    if (options.text("fields")?.split(",").includes("tmachine")) {
      context.io.err('WARNING: The "tmachine" field is deprecated. Use "target" instead\n');
    }
    const full = options.given("full");
    const target = (row: UnitFileRow): string => {
      if (row.global) return "global";
      return row.machine === undefined ? "" : machineLabel(row.machine, tables.machines, full);
    };
    return printList<UnitFileRow>(context, options, rows, {
      standard: ["unit", "hash", "dstate", "state", "target"],
      columns: {
        unit: (row) => row.unit,
        hash: (row) => (full ? row.record.hash : row.record.hash.slice(0, 7)),
        dstate: (row) => row.record.target,
        state: (row) => row.state ?? "",
        target,
        tmachine: target,
        desc: (row) => row.description,
        global: (row) => String(row.global),
        unplaced: (row) => row.unplaced ?? "",
        run: (row) => (row.run ? describeRun(row.run) : ""),
      },
      json: (row) => ({
        unit: row.unit,
        hash: row.record.hash,
        desiredState: row.record.target,
        currentState: row.state ?? null,
        generation: row.record.generation,
        global: row.global,
        machine: row.machine ?? null,
        description: row.description === "" ? null : row.description,
        unplaced: row.unplaced ?? null,
        run: row.run ?? null,
      }),
    });
  },
};
