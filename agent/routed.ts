/**
 * Which endpoints the live routers have acknowledged: asked once for each revision of an endpoint, bounded, and remembered.
 */
import type { OnAgentEvent } from "./events.ts";
import type { RouterWatch } from "./router-watch.ts";

export interface RoutedOptions {
  readonly routers: RouterWatch;
  /** How long routers may take. */
  readonly withinMs: number;
  readonly onEvent: OnAgentEvent;
  /** An endpoint has become routed. */
  readonly ring: () => void;
}

export class Routed {
  readonly #options: RoutedOptions;
  /** By endpoint: the revision that was asked about, and whether the answer is there. */
  readonly #asked = new Map<string, { readonly revision: bigint; done: boolean }>();
  /** Endpoints written together are acknowledged together. */
  readonly #waits = new Map<bigint, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: RoutedOptions) {
    this.#options = options;
  }

  /** True once the routers have acknowledged this revision of the endpoint, or their time for that is over. The first call asks. */
  isRouted(id: string, revision: bigint): boolean {
    const known = this.#asked.get(id);
    if (known?.revision === revision) return known.done;
    const asked = { revision, done: false };
    this.#asked.set(id, asked);
    void this.#acknowledged(revision).then(() => {
      asked.done = true;
      this.#options.ring();
    });
    return false;
  }

  /** Takes up what the agent before this one knew. */
  assume(id: string, revision: bigint): void {
    if (!this.#asked.has(id)) this.#asked.set(id, { revision, done: true });
  }

  forget(id: string): void {
    this.#asked.delete(id);
  }

  close(): void {
    this.#closing.abort(new Error("the agent is stopping"));
  }

  #acknowledged(revision: bigint): Promise<void> {
    const waiting = this.#waits.get(revision) ?? this.#wait(revision);
    this.#waits.set(revision, waiting);
    return waiting;
  }

  async #wait(revision: bigint): Promise<void> {
    const { routers, withinMs, onEvent } = this.#options;
    try {
      const signal = this.#closing.signal;
      const { late } = await routers.acknowledged("revision", revision, { withinMs, signal });
      if (late.length > 0)
        onEvent({ kind: "routers-late", what: "revision", revision, routers: late, withinMs });
    } catch {
      // Only the agent's end cuts this short.
    } finally {
      this.#waits.delete(revision);
    }
  }
}
