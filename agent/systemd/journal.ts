/**
 * What a unit wrote and how it is, in systemd's own words: `journalctl` and `systemctl status` of this host.
 *
 * They are spawned because the journal has no other interface, and because their text is what operators know.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { PlatformError } from "../../cluster/errors.ts";

/** The forms of a journal line that `journalctl --output` knows and we pass on. */
export const journalOutputs = ["short", "short-iso", "cat", "json"] as const;
export type JournalOutput = (typeof journalOutputs)[number];

export interface JournalRequest {
  /** How many of the last lines to begin with. */
  readonly lines: number;
  /** Go on with what is written from now on, until the signal aborts. */
  readonly follow: boolean;
  readonly output: JournalOutput;
}

export interface HostCommandOptions {
  /** What to put before each command. Default: nothing, the host is our own. */
  readonly prefix?: readonly string[];
}

/**
 * The journal of a unit, oldest line first, as bytes in chunks of any size. Ends when all was said, or with `follow` when the signal
 * aborts, then without an error. Rejects with code `journal-failed`.
 */
export async function* systemdJournal(
  name: string,
  request: JournalRequest,
  signal: AbortSignal,
  options: HostCommandOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const argv = ["journalctl", "--unit", name, "--lines", String(request.lines), "--output", request.output];
  argv.push("--no-pager", "--quiet", ...(request.follow ? ["--follow"] : []));
  const { stdout, ended } = launch([...(options.prefix ?? []), ...argv], signal);
  try {
    yield* stdout;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const { code, stderr } = await ended;
  if (code !== 0 && !signal.aborted) {
    throw new PlatformError(
      "journal-failed",
      `Cannot read the journal of "${name}": ${stderr || `status ${code}`}`,
    );
  }
}

/** What `systemctl status` prints of a unit, with its last journal lines. Rejects with code `unit-not-found`. */
export async function systemdStatus(
  name: string,
  lines: number,
  signal: AbortSignal,
  options: HostCommandOptions = {},
): Promise<string> {
  signal.throwIfAborted();
  const argv = ["systemctl", "status", "--no-pager", "--full", "--lines", String(lines), "--", name];
  const { stdout, ended } = launch([...(options.prefix ?? []), ...argv], signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdout) chunks.push(chunk);
  const { code, stderr } = await ended;
  signal.throwIfAborted();
  // 3 is a unit that does not run, systemctl(1) "Exit status": that is an answer.
  if (code === 0 || code === 3) return Buffer.concat(chunks).toString("utf8");
  throw new PlatformError("unit-not-found", `systemd knows of no unit "${name}"`, {
    ...(stderr === "" ? {} : { cause: new Error(stderr) }),
  });
}

/** Starts a command that ends at the latest when the signal aborts. */
function launch(argv: readonly string[], signal: AbortSignal) {
  const [file = "", ...args] = argv;
  // Without a terminal's width systemctl would shorten its lines.
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, COLUMNS: "512" },
  });
  const stop = (): void => {
    child.kill("SIGTERM");
    // A prefix may leave the command itself behind; with nobody to read what it says it ends too.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-2_000);
  });
  const ended = once(child, "close").then(
    ([code]: unknown[]) => ({ code: typeof code === "number" ? code : undefined, stderr: stderr.trim() }),
    (error: unknown) => ({ code: undefined, stderr: String(error) }),
  );
  void ended.finally(() => signal.removeEventListener("abort", stop));
  return { stdout: child.stdout as AsyncIterable<Uint8Array>, ended };
}
