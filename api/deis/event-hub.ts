/**
 * One watch of the store for all who follow events. It begins with the first follower and ends with the last; the events of the last
 * while are kept, so that a client which was cut off goes on where it was without the store being read again.
 */
import { type ClusterEvent, eventsOf, eventTables } from "../../cluster/events.ts";
import type { ClusterStore } from "../../cluster/ports.ts";

/** An event, or the word that some were lost. */
export type Told = ClusterEvent | { readonly revision: string; readonly kind: "gap" };

/** How many events are kept for those who come back, and how many a slow follower may be behind. */
const kept = 10_000;
/** How many revisions the store may make while its past is read. */
const margin = 10_000n;

interface Follower {
  readonly queue: Told[];
  failure: unknown;
  wake: () => void;
}

/** The hub's own watch of the store. */
interface Watching {
  readonly stop: AbortController;
  readonly live: Promise<void>;
  /** Everything behind this revision is in `recent`. */
  since: bigint;
  /** Everything up to this revision has been told. */
  position: bigint;
  readonly recent: Told[];
}

export class EventHub {
  readonly #store: ClusterStore;
  readonly #followers = new Set<Follower>();
  #watching: Watching | undefined;

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  /** How many clients follow. */
  get followers(): number {
    return this.#followers.size;
  }

  /**
   * The events behind revision `since` up to now, and with `follow` those that come, until `signal` aborts; without `since` only those
   * that come. What the store has forgotten is told as a `gap`. Rejects (retryable) if the store cannot be reached.
   */
  async open(since: bigint | undefined, follow: boolean, signal: AbortSignal): Promise<AsyncIterable<Told>> {
    const follower: Follower = { queue: [], failure: undefined, wake: () => undefined };
    this.#followers.add(follower);
    const leave = () => {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) this.#end();
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      const watching = this.#watch();
      await watching.live;
      signal.throwIfAborted();
      // From here to the next await nothing is told: what is in the queue is in `recent`, too.
      follower.queue.length = 0;
      const { position } = watching;
      const from = since ?? position;
      const past =
        from >= watching.since
          ? watching.recent.filter(({ revision }) => BigInt(revision) > from)
          : this.#past(from, position, signal);
      return this.#events(past, follow ? follower : undefined, signal, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  async *#events(
    past: Iterable<Told> | AsyncIterable<Told>,
    follower: Follower | undefined,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<Told> {
    try {
      yield* past;
      while (follower && !signal.aborted) {
        const event = follower.queue.shift();
        if (event) yield event;
        else if (follower.failure !== undefined) throw follower.failure;
        else await rung(follower, signal);
      }
    } finally {
      leave();
    }
  }

  /** The store's own history from behind `from` up to `to`. */
  async *#past(from: bigint, to: bigint, signal: AbortSignal): AsyncGenerator<Told> {
    for await (const item of this.#store.history(eventTables, Number(to - from + margin), signal)) {
      if (item.kind === "live") return;
      if (item.kind === "gap") {
        yield { kind: "gap", revision: String(item.revision) };
        continue;
      }
      const { revision } = item.change;
      if (revision > from && revision <= to) yield* eventsOf(item.change);
    }
  }

  #watch(): Watching {
    if (this.#watching) return this.#watching;
    const stop = new AbortController();
    const changes = this.#store.history(eventTables, 0, stop.signal)[Symbol.asyncIterator]();
    const watching: Watching = {
      stop,
      since: 0n,
      position: 0n,
      recent: [],
      live: changes.next().then(({ done, value }) => {
        if (done || value.kind !== "live") throw new Error("the store's history begins with its present");
        watching.since = value.revision;
        watching.position = value.revision;
      }),
    };
    this.#watching = watching;
    const run = async (): Promise<void> => {
      await watching.live;
      for (let next = await changes.next(); !next.done; next = await changes.next()) {
        const item = next.value;
        if (item.kind === "change") {
          watching.position = item.change.revision;
          for (const event of eventsOf(item.change)) this.#tell(watching, event);
        } else if (item.kind === "gap") {
          this.#tell(watching, { kind: "gap", revision: String(item.revision) });
        }
      }
    };
    run().catch((error: unknown) => {
      if (this.#watching === watching) this.#watching = undefined;
      if (stop.signal.aborted) return;
      for (const follower of this.#followers) {
        follower.failure = error;
        follower.wake();
      }
    });
    return watching;
  }

  #end(): void {
    this.#watching?.stop.abort(new Error("nobody follows"));
    this.#watching = undefined;
  }

  #tell(watching: Watching, event: Told): void {
    const { recent } = watching;
    recent.push(event);
    if (recent.length > kept) {
      for (const { revision } of recent.splice(0, recent.length - kept)) watching.since = BigInt(revision);
    }
    for (const { queue, wake } of this.#followers) {
      // Whoever reads slower than things happen is told so, and goes on from here.
      if (queue.length >= kept) queue.splice(0, queue.length, { kind: "gap", revision: event.revision });
      queue.push(event);
      wake();
    }
  }
}

/** Resolves when something is there for the follower, or `signal` aborts. */
function rung(follower: Follower, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    follower.wake = end;
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted || follower.queue.length > 0 || follower.failure !== undefined) end();
  });
}
