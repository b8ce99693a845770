/** Runs a program of the operator's machine with the terminal handed to it. */
import { spawn } from "node:child_process";
import { PlatformError } from "../cluster/errors.ts";

/** Resolves to its exit code; 130 after Ctrl-C, 128 after any other signal. Rejects if it cannot be run. */
export async function runProgram(program: string, args: readonly string[]): Promise<number> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    child.once("error", (cause) => {
      reject(
        new PlatformError("program-missing", `Cannot run "${program}"`, {
          cause,
          hint: `Install ${program}`,
        }),
      );
    });
    child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 128)));
  });
}
