/**
 * A container's output as lines. Docker sends frames of an 8-byte header (stream, 3 zeroes, length) and a payload; a container with
 * a terminal sends bare bytes. Each line begins with Docker's timestamp, as we always ask for it.
 */
import type { ByteStream } from "./client.ts";
import { lines } from "./json-lines.ts";

export interface LogRequest {
  /** Go on with what is written from now on. */
  readonly follow: boolean;
  /** How many of the last lines; absent: all. */
  readonly tail?: number;
  /** Only lines from this time on. */
  readonly since?: Date;
}

export interface LogLine {
  readonly stream: "stdout" | "stderr";
  /** When the container wrote it, by the host's clock. */
  readonly at: Date;
  readonly text: string;
}

/** The lines of a container's output as Docker sends it. */
export async function* logLines(bytes: ByteStream, isTerminal: boolean): AsyncGenerator<LogLine> {
  if (isTerminal) {
    for await (const line of lines(bytes)) yield stamped("stdout", line);
    return;
  }
  // A long line comes in several frames, and lines of the two streams may interleave.
  const rest = { stdout: "", stderr: "" };
  for await (const { stream, payload } of frames(bytes)) {
    const parts = (rest[stream] + payload.toString("utf8")).split("\n");
    rest[stream] = parts.pop() ?? "";
    for (const line of parts) yield stamped(stream, line);
  }
  for (const stream of ["stdout", "stderr"] as const) {
    if (rest[stream] !== "") yield stamped(stream, rest[stream]);
  }
}

/** `journalctl --output=short-iso`: `2026-11-20T20:43:42+0000 host web[12]: text`. Times are in UTC. */
export function shortIso(line: LogLine, host: string, identifier: string): string {
  return `${line.at.toISOString().slice(0, 19)}+0000 ${host} ${identifier}: ${line.text}`;
}

/** `journalctl --output=short`: `Nov 20 20:43:42 host web[12]: text`. Times are in UTC. */
export function short(line: LogLine, host: string, identifier: string): string {
  const [, month = "", day = "", , time = ""] = line.at.toUTCString().split(/[ ,]+/).map(String);
  return `${day} ${month} ${time} ${host} ${identifier}: ${line.text}`;
}

async function* frames(bytes: ByteStream): AsyncGenerator<{ stream: "stdout" | "stderr"; payload: Buffer }> {
  let buffered: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    while (buffered.length >= 8) {
      const end = 8 + buffered.readUInt32BE(4);
      if (buffered.length < end) break;
      yield { stream: buffered[0] === 2 ? "stderr" : "stdout", payload: buffered.subarray(8, end) };
      buffered = buffered.subarray(end);
    }
  }
}

function stamped(stream: "stdout" | "stderr", line: string): LogLine {
  const space = line.indexOf(" ");
  const at = new Date(line.slice(0, space));
  return { stream, at, text: line.slice(space + 1).replace(/\r$/, "") };
}
