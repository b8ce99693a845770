/**
 * A wait that always ends: with its result, with the caller's signal, or with its deadline.
 *
 * Not `AbortSignal.any` with `AbortSignal.timeout`: the caller's signal lives as long as the agent, and each combined signal
 * would leave something behind on it.
 */
import { PlatformError } from "../../cluster/errors.ts";

/** Node's timers know no more, which is 24 days. */
const longestTimerMs = 2_147_483_647;

/**
 * Runs `work` with a signal that aborts when `signal` does or after `timeoutMs`, and does not wait for a `work` that ignores it.
 * `Infinity` is the longest time a timer knows.
 * Rejects with the reason of `signal`, or with code `docker-timeout` (retryable), naming `what`.
 */
export function withDeadline<T>(
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const over = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const cancel = () => over.abort(signal.reason);
    const timer = setTimeout(() => over.abort(tooSlow(what, timeoutMs)), Math.min(timeoutMs, longestTimerMs));
    over.signal.addEventListener("abort", () => reject(over.signal.reason), { once: true });
    signal.addEventListener("abort", cancel, { once: true });
    work(over.signal)
      .then(resolve, (error) => reject(over.signal.aborted ? over.signal.reason : error))
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener("abort", cancel);
      });
  });
}

function tooSlow(what: string, timeoutMs: number): PlatformError {
  return new PlatformError("docker-timeout", `Docker did not ${what} within ${timeoutMs / 1_000} s`, {
    hint: "See whether the daemon is alive: docker info; systemctl status docker",
    retryable: true,
  });
}
