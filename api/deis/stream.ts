/** Answers that do not end: written as their parts come, at the client's pace, with the headers at once. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyReply } from "fastify";

/** How often a client of server-sent events hears that the connection lives. */
const beatMs = 15_000;

/** Writes the chunks. An error on the way cuts the answer short, so that the client does not take it for complete. */
export async function streamText(
  reply: FastifyReply,
  type: string,
  chunks: AsyncIterable<string>,
): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": type, "cache-control": "no-store" });
  reply.raw.flushHeaders();
  await pipeline(Readable.from(chunks, { objectMode: false }), reply.raw).catch(() => reply.raw.destroy());
}

/** The same as lines that something else may be put between, so that a dead connection is noticed on both sides. */
export async function streamWithBeats(
  reply: FastifyReply,
  type: string,
  chunks: AsyncIterable<string>,
  beat: string,
): Promise<void> {
  const timer = setInterval(() => {
    if (reply.raw.writable && reply.raw.writableLength === 0) reply.raw.write(beat);
  }, beatMs);
  try {
    await streamText(reply, type, chunks);
  } finally {
    clearInterval(timer);
  }
}
