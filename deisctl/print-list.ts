/** The flags and the printing that the three lists share. */
import {
  type CommandContext,
  type ExitCode,
  exit,
  type Flag,
  type Options,
  outputFormat,
  printJson,
} from "./command.ts";
import { type Columns, cellsOf, chooseFields } from "./fields.ts";
import { formatTable } from "./table.ts";

/** `--fields`, `--full`, `--no-legend` as fleetctl has them; `names` are the columns there are. */
export function listFlags(names: readonly string[]): readonly Flag[] {
  return [
    { flags: "--fields <list>", description: `columns, of ${[...names].sort().join(",")}` },
    { flags: "-l, --full", description: "whole ids and hashes" },
    { flags: "--no-legend", description: "no headings" },
  ];
}

export interface ListLayout<Row> {
  readonly standard: readonly string[];
  readonly columns: Columns<Row>;
  /** What `--output json` prints for a row. */
  readonly json: (row: Row) => unknown;
}

/** Prints the rows as a table or as a JSON array. An empty list is success. */
export function printList<Row>(
  context: CommandContext,
  options: Options,
  rows: readonly Row[],
  layout: ListLayout<Row>,
): ExitCode {
  const fields = chooseFields(options.text("fields"), layout.standard, layout.columns);
  if (outputFormat(context) === "json") {
    printJson(context, rows.map(layout.json));
    return exit.done;
  }
  const padding = context.io.outIsTerminal ? "spaces" : "tabs";
  const legend = options.given("legend");
  context.io.out(formatTable(fields, cellsOf(rows, fields, layout.columns), { legend, padding }));
  return exit.done;
}
