/**
 * Runs one benchmark in this process and prints its figures as JSON, one a line: what `main.ts` starts for each.
 *
 *     node run.js NAME [--quick]
 */
import { describeError } from "../cluster/errors.ts";
import { benchmarks } from "./benchmarks.ts";
import { taken } from "./figure.ts";

const name = process.argv[2] ?? "";
try {
  const load = benchmarks[name];
  if (!load) throw new Error(`There is no benchmark "${name}"`);
  const { benchmark } = await load();
  await benchmark.run({ quick: process.argv.includes("--quick") }, (figure) => {
    process.stdout.write(`${JSON.stringify(taken(name, figure))}\n`);
  });
} catch (error) {
  process.stderr.write(`${name}: ${describeError(error)}\n${error instanceof Error ? error.stack : ""}\n`);
  process.exitCode = 1;
}
