/**
 * Runs the benchmarks one after the other, each in a process of its own, and prints one table.
 *
 *     node --import tsx bench/main.ts [--only NAME] [--quick] [--json]
 *
 * Ends with 0 whatever the figures say: a benchmark never judges. Ends with 1 if one could not run.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { describeError, hintOf } from "../cluster/errors.ts";
import { benchmarks } from "./benchmarks.ts";
import { compileBenchmarks } from "./compiled.ts";
import type { TakenFigure } from "./figure.ts";
import { figureTable } from "./table.ts";

interface Flags {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly json: boolean;
}

const names = Object.keys(benchmarks);
const program = new Command("bench")
  .description("Measures the platform against peers and limits of the same run.")
  .option("--only <name...>", `some of: ${names.join(", ")}`, names)
  .option("--quick", "few rounds and small sizes, to see that it runs", false)
  .option("--json", "one JSON object for each figure instead of the table", false);

try {
  const { only, quick, json } = program.parse().opts<Flags>();
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    program.error(`error: no benchmark "${unknown.join('", "')}"; there are ${names.join(", ")}`);
  const compiled = await compileBenchmarks();
  const figures: TakenFigure[] = [];
  for (const name of only) {
    process.stderr.write(`  … ${name}\n`);
    const began = performance.now();
    const isDone = await runOne(join(compiled, "bench/run.js"), name, quick, (figure) => {
      figures.push(figure);
      if (json) process.stdout.write(`${JSON.stringify(figure)}\n`);
    });
    process.stderr.write(
      `  ${isDone ? "✓" : "✗"} ${name} ${((performance.now() - began) / 1_000).toFixed(0)} s\n`,
    );
    if (!isDone) process.exitCode = 1;
  }
  if (!json) process.stdout.write(`\n${figureTable(figures)}`);
} catch (error) {
  const hint = hintOf(error);
  process.stderr.write(`bench: ${describeError(error)}\n${hint ? `Hint: ${hint}\n` : ""}`);
  process.exitCode = 1;
}

/** True if the benchmark ran to its end. */
async function runOne(
  script: string,
  name: string,
  quick: boolean,
  take: (figure: TakenFigure) => void,
): Promise<boolean> {
  const args = ["--expose-gc", script, name, ...(quick ? ["--quick"] : [])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line) as TakenFigure);
  const [code] = await ended;
  return code === 0;
}
