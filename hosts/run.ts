/**
 * Running a program of the machine. Every run has a deadline; a failure quotes the command and the end of what it said.
 */
import { spawn } from "node:child_process";
import { PlatformError } from "../cluster/errors.ts";

export interface RunOptions {
  /** Written to the program's standard input; by default it reads an empty one. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the program is killed and the run rejects. Default 30 000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Finished {
  /** The exit status, or 128 + the signal's number as a shell would say. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `argv` and resolves to how it ended, whatever its exit status.
 * Rejects with `command-not-found`, `command-timed-out`, or the signal's reason.
 */
export function attempt(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { deadlineMs = 30_000, signal } = options;
  const [program = "", ...rest] = argv;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // Its own process group, so that a deadline also ends what the program started.
    const child = spawn(program, rest, { cwd: options.cwd, env: options.env, detached: true });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let failure: unknown;
    const giveUp = (reason: unknown) => {
      failure ??= reason;
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const onAbort = () => giveUp(signal?.reason);
    const timer = setTimeout(() => {
      giveUp(
        new PlatformError("command-timed-out", `"${argv.join(" ")}" did not end within ${deadlineMs} ms`, {
          retryable: true,
        }),
      );
    }, deadlineMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program that ends without reading its input is no error of ours; its exit status tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    child.on("error", (cause) => {
      settle();
      reject(notStarted(program, cause));
    });
    child.on("close", (code, killedBy) => {
      settle();
      if (failure !== undefined) reject(failure);
      else {
        const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
        resolve({ code: exitStatus(code, killedBy), stdout: text(stdout), stderr: text(stderr) });
      }
    });
  });
}

/** Runs `argv` and resolves to its standard output. Rejects as `attempt` does, and with `command-failed` on a non-zero status. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(argv, options);
  if (code === 0) return stdout;
  throw commandFailed(argv, code, stderr || stdout);
}

/** The error of a command that ended with a status other than 0: the last lines of what it said are part of the message. */
export function commandFailed(argv: readonly string[], code: number, said: string): PlatformError {
  const tail = said.trim().split("\n").slice(-6).join("\n");
  return new PlatformError(
    "command-failed",
    `"${argv.join(" ")}" ended with status ${code}${tail ? `: ${tail}` : ""}`,
  );
}

/** A shell's way to say how a process ended: its status, or 128 + the number of the signal. */
export function exitStatus(code: number | null, killedBy: NodeJS.Signals | null): number {
  if (code !== null) return code;
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
  return 128 + ((killedBy && numbers[killedBy]) ?? 0);
}

function notStarted(program: string, cause: Error): PlatformError {
  return new PlatformError("command-not-found", `Cannot run "${program}"`, {
    cause,
    hint: "run `make setup`, which installs the Debian packages that are needed",
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile: that is what was wanted.
  }
}
