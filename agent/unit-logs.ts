/**
 * What units wrote, and how they are, in the words of whoever runs them: `journalctl` and `systemctl` for systemd's, the
 * engine for containers. Serves the API; decides nothing.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { hostname } from "node:os";
import type { Readable } from "node:stream";
import type { JournalSource, StatusSource } from "../api/ports.ts";
import { PlatformError } from "../cluster/errors.ts";
import type { JournalOutput, JournalRequest } from "../cluster/journal-request.ts";
import type { UnitRuntime } from "./runtime.ts";

/** One line of a container, see `docker/logs.ts`. */
export interface ContainerLine {
  readonly stream: "stdout" | "stderr";
  readonly at: Date;
  readonly text: string;
}

/** What the Docker runtime says of its units beyond the port. */
export interface ContainerLogs extends Pick<UnitRuntime, "observed"> {
  journal(
    unit: string,
    request: { readonly follow: boolean; readonly tail: number; readonly since?: Date },
    signal: AbortSignal,
  ): AsyncIterable<ContainerLine>;
  status(unit: string, lines: number, signal: AbortSignal): Promise<string>;
}

export interface UnitLogsOptions {
  readonly systemd: Pick<UnitRuntime, "observed">;
  readonly docker: ContainerLogs;
  /** Programs by name, for tests. Default: found on the PATH. */
  readonly programs?: { readonly journalctl: string; readonly systemctl: string };
}

/** How many lines of its journal a status ends with, as `systemctl status` has it. */
const statusLines = 10;

export class UnitLogs implements JournalSource, StatusSource {
  readonly #systemd: Pick<UnitRuntime, "observed">;
  readonly #docker: ContainerLogs;
  readonly #programs: { readonly journalctl: string; readonly systemctl: string };

  constructor({ systemd, docker, programs }: UnitLogsOptions) {
    this.#systemd = systemd;
    this.#docker = docker;
    this.#programs = programs ?? { journalctl: "journalctl", systemctl: "systemctl" };
  }

  async journal(unit: string, request: JournalRequest, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const { lines, follow, output } = request;
    const since = request.since === undefined ? undefined : new Date(request.since);
    if (this.#docker.observed.has(unit)) {
      const print = printer(unit, output);
      const wanted = { follow, tail: lines, ...(since ? { since } : {}) };
      return printed(this.#docker.journal(unit, wanted, signal), print);
    }
    if (!this.#systemd.observed.has(unit)) throw notFound(unit);
    const args = [`--unit=${unit}`, "--no-pager", "-n", String(lines), "--output", output];
    if (since) args.push(`--since=@${(since.getTime() / 1_000).toFixed(3)}`);
    return programText(this.#programs.journalctl, follow ? [...args, "-f"] : args, signal);
  }

  async status(unit: string, signal: AbortSignal): Promise<string> {
    if (this.#docker.observed.has(unit)) return this.#docker.status(unit, statusLines, signal);
    if (!this.#systemd.observed.has(unit)) throw notFound(unit);
    let text = "";
    const args = ["status", "-l", "--no-pager", "--", unit];
    for await (const chunk of programText(this.#programs.systemctl, args, signal)) text += chunk;
    return text;
  }
}

function notFound(unit: string): PlatformError {
  return new PlatformError("unit-not-found", `Unit "${unit}" is not on this machine`, {
    hint: "See where it is: deisctl list-units",
  });
}

async function* printed(
  lines: AsyncIterable<ContainerLine>,
  print: (line: ContainerLine) => string,
): AsyncGenerator<string> {
  for await (const line of lines) yield `${print(line)}\n`;
}

/** One line as `journalctl --output` has it. Times are in UTC. */
function printer(unit: string, output: JournalOutput): (line: ContainerLine) => string {
  const identifier = unit.replace(/\.[^.]*$/, "");
  const from = `${hostname()} ${identifier}`;
  switch (output) {
    case "cat":
      return ({ text }) => text;
    case "short":
      return ({ at, text }) => `${dayAndTime(at)} ${from}: ${text}`;
    case "short-precise":
      return ({ at, text }) => `${dayAndTime(at)}.${at.toISOString().slice(20, 23)}000 ${from}: ${text}`;
    case "short-iso":
      return ({ at, text }) => `${at.toISOString().slice(0, 19)}+0000 ${from}: ${text}`;
    case "json":
      return ({ at, text, stream }) =>
        JSON.stringify({
          __REALTIME_TIMESTAMP: `${at.getTime()}000`,
          _HOSTNAME: hostname(),
          SYSLOG_IDENTIFIER: identifier,
          UNIT: unit,
          PRIORITY: stream === "stderr" ? "3" : "6",
          MESSAGE: text,
        });
    case "verbose":
      throw new PlatformError("output-unsupported", `The output "verbose" is not known for containers`, {
        hint: "Give one of short, short-iso, short-precise, cat, json",
      });
    default:
      return output satisfies never;
  }
}

/** `Nov 20 20:43:42`. */
function dayAndTime(at: Date): string {
  const [, day = "", month = "", , time = ""] = at.toUTCString().split(/[ ,]+/);
  return `${month} ${day} ${time}`;
}

/** What a program writes. A program that fails having written nothing is an error; its last words are the message. */
async function* programText(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill();
  signal.addEventListener("abort", end, { once: true });
  const over = outcome(child);
  try {
    let isSilent = true;
    child.stdout.setEncoding("utf8");
    for await (const chunk of child.stdout) {
      isSilent = false;
      yield String(chunk);
    }
    const { failure, errors, status } = await over;
    if (signal.aborted) return;
    // `systemctl status` exits with 3 for a unit that does not run and has said all there is to say.
    if (failure === undefined && (status === 0 || !isSilent)) return;
    throw new PlatformError("program-failed", `Cannot run "${program} ${args.join(" ")}"`, {
      cause: failure ?? new Error(errors.trim() || `exit status ${status}`),
    });
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

interface Outcome {
  readonly failure: Error | undefined;
  readonly errors: string;
  readonly status: number | null;
}

function outcome(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Outcome> {
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    // Enough for a message; a program that never stops complaining must not fill our memory.
    if (errors.length < 4_096) errors += chunk;
  });
  return new Promise((resolve) => {
    child.once("error", (failure) => resolve({ failure, errors, status: null }));
    child.once("close", (status) => resolve({ failure: undefined, errors, status }));
  });
}
