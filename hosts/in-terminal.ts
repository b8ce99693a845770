/** Commands that get this terminal for themselves. */
import { spawn } from "node:child_process";
import { exitStatus } from "./run.ts";

/** Runs a command with this terminal and resolves to its exit status. Ctrl-C is the command's. */
export async function inTerminal(argv: readonly string[]): Promise<number> {
  const [program = "", ...rest] = argv;
  const child = spawn(program, rest, { stdio: "inherit" });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, killedBy) => resolve(exitStatus(code, killedBy)));
  });
}
