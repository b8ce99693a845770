/** Which columns a list shows (`--fields a,b`), checked against the columns it has. Pure. */
import { UsageError } from "./command.ts";

/** How a list turns one of its rows into the text of one cell, by field name. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => string>>;

/** The fields asked for, in that order, or `standard`. Throws `UsageError` with fleetctl's text for one that does not exist. */
export function chooseFields<Row>(
  asked: string | undefined,
  standard: readonly string[],
  columns: Columns<Row>,
): readonly string[] {
  if (asked === undefined) return standard;
  if (asked === "") throw new UsageError("Must define output format");
  const fields = asked.split(",").map((field) => field.trim());
  for (const field of fields) {
    if (Object.hasOwn(columns, field)) continue;
    const known = Object.keys(columns).sort().join(", ");
    throw new UsageError(`Invalid key in output format: "${field}"\nKnown here: ${known}`);
  }
  return fields;
}

/** The rows' cells in the order of `fields`. */
export function cellsOf<Row>(
  rows: readonly Row[],
  fields: readonly string[],
  columns: Columns<Row>,
): string[][] {
  return rows.map((row) => fields.map((field) => columns[field]?.(row) ?? ""));
}
