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
  // Docker cuts a line of more than 16 KiB into frames with a timestamp each; lines of the two streams may interleave.
  const open: { stdout?: Part; stderr?: Part } = {};
  for await (const { stream, payload } of frames(bytes)) {
    const space = payload.indexOf(" ");
    const { at, text } = open[stream] ?? {
      at: new Date(payload.toString("latin1", 0, space)),
      text: Buffer.alloc(0),
    };
    const part = { at, text: Buffer.concat([text, payload.subarray(space + 1)]) };
    if (part.text.at(-1) === newline) {
      delete open[stream];
      yield whole(stream, part);
    } else open[stream] = part;
  }
  if (open.stdout) yield whole("stdout", open.stdout);
  if (open.stderr) yield whole("stderr", open.stderr);
}

const newline = 10;

/** What has come of a line so far; bytes, since a cut may go through a character. */
interface Part {
  readonly at: Date;
  readonly text: Buffer;
}

function whole(stream: LogLine["stream"], { at, text }: Part): LogLine {
  return { stream, at, text: text.toString("utf8").replace(/\r?\n$/, "") };
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
