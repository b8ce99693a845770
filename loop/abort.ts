/** Listening to a signal that many wait on at once, each for a while. */
import { setMaxListeners } from "node:events";

/**
 * Calls `listener` when `signal` aborts, at once if it has. Returns the function that ends this, which must be called: Node's warning about
 * many listeners is turned off for this signal, since a daemon's one signal has as many as there are calls under way.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  setMaxListeners(0, signal);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
