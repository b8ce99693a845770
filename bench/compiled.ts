/**
 * The benchmarks as plain JavaScript, as the product runs: the loader that lets tests run from the sources makes hot code
 * up to three times slower.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { projectRoot } from "../hosts/project.ts";

/**
 * Compiles the benchmarks and all they import, commands in one piece as in a release, and resolves to the directory. Rejects with
 * `bench-compile-failed`.
 */
export async function compileBenchmarks(): Promise<string> {
  const compiled = "bench/.cache";
  await compile(["node_modules/typescript/bin/tsc", "-p", "bench/tsconfig.json"]);
  await compile(["--import", "tsx", "vagrant/bundle.ts", compiled]);
  return join(projectRoot(), compiled);
}

async function compile(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", 2, 2], cwd: projectRoot() });
  const [code] = await once(child, "exit");
  if (code !== 0) {
    throw new PlatformError("bench-compile-failed", "Cannot compile the benchmarks", {
      hint: "Mend what the compiler says above",
    });
  }
}
