/** Bounds what a request may cost: it ends when the client goes, when the server closes, and after a time. */
import type { FastifyReply } from "fastify";
import { PlatformError } from "../cluster/errors.ts";

/** How long an answer that is no stream may take. */
const answerTimeoutMs = 15_000;

export interface RequestSignal {
  readonly signal: AbortSignal;
  /** Call it when the answer is given. */
  done(): void;
}

/**
 * The answer of `work`, or a rejection once the request's time is over or its client gone, whatever `work` makes of its signal: what it
 * waits for may be another's fault, and a client must not wait for that.
 */
export async function inTime<T>(
  reply: FastifyReply,
  closing: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  timeoutMs = answerTimeoutMs,
): Promise<T> {
  const { signal, done } = requestSignal(reply, closing, timeoutMs);
  try {
    return await new Promise<T>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      work(signal).then(resolve, reject);
    });
  } finally {
    done();
  }
}

/** The signal of one request; `timeoutMs` is `Infinity` for a stream, which may go on for ever. */
export function requestSignal(
  reply: FastifyReply,
  closing: AbortSignal,
  timeoutMs = answerTimeoutMs,
): RequestSignal {
  const over = new AbortController();
  const late = () =>
    over.abort(
      new PlatformError("answer-late", `There was no answer within ${timeoutMs} ms`, {
        hint: "Try again",
        retryable: true,
      }),
    );
  const timer = Number.isFinite(timeoutMs) ? setTimeout(late, timeoutMs) : undefined;
  const leave = () => over.abort(closing.reason ?? new Error("the client has gone away"));
  const done = () => {
    clearTimeout(timer);
    closing.removeEventListener("abort", leave);
    reply.raw.removeListener("close", left);
  };
  const left = () => {
    leave();
    done();
  };
  reply.raw.once("close", left);
  closing.addEventListener("abort", leave, { once: true });
  if (closing.aborted) leave();
  return { signal: over.signal, done };
}
