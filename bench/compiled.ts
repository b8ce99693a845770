/**
 * The benchmarks as plain JavaScript, as the product runs: the loader that lets tests run from the sources makes hot code
 * up to three times slower.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { projectRoot } from "../hosts/project.ts";

/** Compiles the benchmarks and all they import, and resolves to the directory. Rejects with `bench-compile-failed`. */
export async function compileBenchmarks(): Promise<string> {
  const root = projectRoot();
  const config = join(root, "bench/tsconfig.json");
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const child = spawn(process.execPath, [compiler, "-p", config], { stdio: ["ignore", 2, 2] });
  const [code] = await once(child, "exit");
  if (code !== 0) {
    throw new PlatformError("bench-compile-failed", "Cannot compile the benchmarks", {
      hint: "Mend what the compiler says above",
    });
  }
  return join(root, "bench/.cache");
}
