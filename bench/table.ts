/** Figures as the table that people read. Pure. */
import { type Amount, ratioOf, type TakenFigure } from "./figure.ts";

const columns = ["BENCHMARK", "FIGURE", "OURS", "PEER OR LIMIT", "RATIO", "GOAL", "LOAD"];

/** One aligned row a figure, notes below their figure. */
export function figureTable(figures: readonly TakenFigure[]): string {
  const rows = figures.map(cellsOf);
  const widths = columns.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd()}\n`;
  const body = rows.map((row, at) => {
    const note = figures[at]?.note;
    return line(row) + (note === undefined ? "" : `${" ".repeat((widths[0] ?? 0) + 4)}${note}\n`);
  });
  return line(columns) + body.join("");
}

function cellsOf(figure: TakenFigure): string[] {
  const { benchmark, name, ours, against, goal = "", load } = figure;
  const ratio = ratioOf(figure);
  return [
    benchmark,
    name,
    shown(ours),
    against === undefined ? "" : `${shown({ value: against.value, unit: ours.unit })} ${against.name}`,
    ratio === undefined ? "" : `${ratio.toFixed(2)}x`,
    goal,
    load.toFixed(1),
  ];
}

/** Three digits are enough for what varies by a tenth from run to run. */
function shown({ value, unit }: Amount): string {
  const digits = value === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
