/**
 * Tables as fleetctl laid them out, so that scripts written for it keep working: cells are padded with tabs to stops of eight
 * columns when the output is read by a program, and with spaces when a person looks at a terminal.
 *
 * Pure: rows in, text out.
 */

export interface TableOptions {
  /** Upper-cased field names above the rows. */
  readonly legend: boolean;
  /** `tabs`: fleetctl's bytes. `spaces`: two spaces between columns, for terminals. */
  readonly padding: "tabs" | "spaces";
}

const tabWidth = 8;
/** Columns between the longest cell of a column and the next column: one for fleetctl's tabs, two to read well on a terminal. */
const gap = { tabs: 1, spaces: 2 } as const;

/**
 * Lays out `rows` (cells in the order of `fields`) and ends each line with a newline. An empty cell shows as `-`; tabs and line
 * breaks inside a cell become spaces, so that a row is always one line with as many cells as there are fields.
 */
export function formatTable(
  fields: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => fields.map((_, column) => cellText(row[column] ?? "")));
  const lines = options.legend ? [fields.map((field) => field.toUpperCase()), ...cells] : cells;
  const widths = fields.map((_, column) =>
    Math.max(0, ...lines.map((line) => width(line[column] ?? "") + gap[options.padding])),
  );
  return lines.map((line) => `${formatLine(line, widths, options.padding)}\n`).join("");
}

function formatLine(line: readonly string[], widths: readonly number[], padding: "tabs" | "spaces"): string {
  return line
    .map((cell, column) => {
      if (column === line.length - 1) return cell;
      return cell + pad(width(cell), widths[column] ?? 0, padding);
    })
    .join("");
}

/** The rule of Go's text/tabwriter with a tab as padding: the column ends at the next multiple of the tab width. */
function pad(textWidth: number, columnWidth: number, padding: "tabs" | "spaces"): string {
  if (padding === "spaces") return " ".repeat(columnWidth - textWidth);
  const stop = Math.ceil(columnWidth / tabWidth) * tabWidth;
  return "\t".repeat(Math.ceil((stop - textWidth) / tabWidth));
}

function cellText(value: string): string {
  const text = value.replace(/[\t\n\r\v\f]+/g, " ");
  return text === "" ? "-" : text;
}

/** Code points, as tabwriter counts them. */
function width(text: string): number {
  return [...text].length;
}
