/** Running check and reload commands: by `/bin/sh -c`, output collected, ended with all its children when time is up. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { PlatformError } from "../cluster/errors.ts";
import { onAbort } from "../loop/abort.ts";

export interface Outcome {
  /** What the command wrote to both of its outputs, in order of arrival, at most the last 64 KiB. */
  readonly output: string;
  /** Why it failed, in Go's words: `exit status 1`, `signal: killed`. Undefined if it did not. */
  readonly failure: PlatformError | undefined;
  readonly durationMs: number;
}

/** Runs `command` and resolves when it has ended, however it did. */
export type RunCommand = (command: string, timeoutMs: number, signal: AbortSignal) => Promise<Outcome>;

const longestOutput = 65_536;
/** How long what is left of a command's children may hold its output open after it has ended. */
const drainMs = 100;
/** How long a command has to end by itself once it is told to. */
const graceMs = 1_000;

export const runCommand: RunCommand = async (command, timeoutMs, signal) => {
  const began = performance.now();
  const child = spawn("/bin/sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = Buffer.alloc(0);
  const collect = (chunk: Buffer) => {
    output = Buffer.concat([output, chunk]).subarray(-longestOutput);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const closed = once(child, "close").catch(() => undefined);
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, killedBy) => {
      resolve(code === 0 ? undefined : code === null ? signalName(killedBy) : `exit status ${code}`);
    });
  });
  let late: string | undefined;
  const stop = (why: string) => {
    late ??= why;
    endGroup(child.pid, "SIGTERM");
    setTimeout(() => endGroup(child.pid, "SIGKILL"), graceMs).unref();
  };
  const timer = setTimeout(() => stop(`it took longer than ${timeoutMs / 1_000} s`), timeoutMs);
  const off = onAbort(signal, () => stop("this process is stopping"));
  const problem = await ended;
  clearTimeout(timer);
  off();
  // What the command left running in the background may hold its output for ever.
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, drainMs))]);
  child.stdout.destroy();
  child.stderr.destroy();
  const reason = late ?? problem;
  return {
    output: output.toString("utf8"),
    failure:
      reason === undefined ? undefined : new PlatformError("command-failed", reason, { retryable: true }),
    durationMs: performance.now() - began,
  };
};

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function signalName(signal: NodeJS.Signals | null): string {
  const names: Partial<Record<NodeJS.Signals, string>> = {
    SIGKILL: "killed",
    SIGTERM: "terminated",
    SIGINT: "interrupt",
  };
  return `signal: ${signal === null ? "unknown" : (names[signal] ?? signal)}`;
}
