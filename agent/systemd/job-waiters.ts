/**
 * Who waits for which of systemd's jobs. A job may have ended before the reply that names it has been read: results that come
 * while a reply is awaited are kept until no reply is.
 */
import type { PlatformError } from "../../cluster/errors.ts";

interface Waiter {
  readonly resolve: (result: string) => void;
  readonly reject: (error: unknown) => void;
}

export class JobWaiters {
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #early = new Map<string, string>();
  #repliesAwaited = 0;

  /**
   * Runs `begin`, which queues a job and resolves to its path. Resolves to a wrapped promise of the job's result, which rejects with
   * the signal's reason when that aborts.
   */
  async expect(
    begin: () => Promise<string>,
    signal: AbortSignal,
  ): Promise<{ readonly result: Promise<string> }> {
    this.#repliesAwaited += 1;
    try {
      const path = await begin();
      const early = this.#early.get(path);
      return { result: early === undefined ? this.#result(path, signal) : Promise.resolve(early) };
    } finally {
      this.#repliesAwaited -= 1;
      if (this.#repliesAwaited === 0) this.#early.clear();
    }
  }

  /** A job is over. */
  ended(path: string, result: string): void {
    if (this.#repliesAwaited > 0) this.#early.set(path, result);
    const waiters = this.#waiting.get(path);
    this.#waiting.delete(path);
    for (const waiter of waiters ?? []) waiter.resolve(result);
  }

  /** Nothing will be heard of any job any more. */
  failAll(error: PlatformError): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiters of all) for (const waiter of waiters) waiter.reject(error);
  }

  #result(path: string, signal: AbortSignal): Promise<string> {
    const result = new Promise<string>((resolve, reject) => {
      const waiters = this.#waiting.get(path) ?? new Set();
      this.#waiting.set(path, waiters);
      const leave = (): void => {
        waiters.delete(waiter);
        signal.removeEventListener("abort", onAbort);
        if (waiters.size === 0 && this.#waiting.get(path) === waiters) this.#waiting.delete(path);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      const waiter: Waiter = {
        resolve: (value) => {
          leave();
          resolve(value);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      waiters.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
    // Its owner may be busy with something else when it fails; that must not count as unhandled.
    result.catch(() => undefined);
    return result;
  }
}
