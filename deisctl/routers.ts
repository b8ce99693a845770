/** The routers' own figures, asked of each at the port that is for machines. */
import { PlatformError } from "../cluster/errors.ts";
import { systemClock } from "../loop/clock.ts";
import type { LiveRouter, Routers } from "./command.ts";

const port = 9090;
const timeoutMs = 3_000;

/** `live` reads who there is from the store. */
export function httpRouters(live: Routers["live"]): Routers {
  return {
    live,
    metrics: (router, signal) => metricsOf(router, signal),
    async pause(ms, signal) {
      const began = systemClock.monotonic();
      await systemClock.sleep(ms, signal);
      return systemClock.monotonic() - began;
    },
  };
}

async function metricsOf({ address }: LiveRouter, signal: AbortSignal): Promise<string> {
  const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}/metrics`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    const text = await answer.text();
    if (answer.ok) return text;
    throw new Error(`status ${answer.status}`);
  } catch (cause) {
    signal.throwIfAborted();
    throw new PlatformError("router-silent", `The router of ${address} does not answer at ${url}`, {
      cause,
      retryable: true,
    });
  }
}
