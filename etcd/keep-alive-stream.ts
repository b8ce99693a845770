/**
 * Keep-alives of any number of leases over one stream to one member. A keep-alive does not pass through Raft, so an idle
 * cluster writes nothing.
 */
import type { Endpoint } from "./endpoint.ts";

type KeepAliveCall = Awaited<ReturnType<Endpoint["leases"]["leaseKeepAlive"]>>;

interface Waiter {
  resolve(ttlSeconds: number): void;
  reject(error: unknown): void;
}

export class KeepAliveStream {
  readonly endpoint: Endpoint;
  readonly #onEnd: () => void;
  readonly #waiting = new Map<string, Waiter[]>();
  #call: KeepAliveCall | undefined;
  #opening: Promise<KeepAliveCall> | undefined;
  #failure: unknown;

  /** `onEnd` is called once, when this stream is of no more use. */
  constructor(endpoint: Endpoint, onEnd: () => void) {
    this.endpoint = endpoint;
    this.#onEnd = onEnd;
  }

  /** Resolves to the TTL in seconds the lease has now, 0 if it has ended. Rejects when the stream breaks. */
  async send(id: string): Promise<number> {
    this.#opening ??= this.#open();
    const call = await this.#opening;
    if (this.#failure !== undefined) throw this.#failure;
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(id) ?? [];
      waiters.push({ resolve, reject });
      this.#waiting.set(id, waiters);
      call.write({ ID: id });
    });
  }

  /** Breaks the stream: whoever waits is told `failure`. */
  end(failure: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#call?.cancel();
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const waiter of waiting) waiter.reject(failure);
    this.#onEnd();
  }

  async #open(): Promise<KeepAliveCall> {
    try {
      const call = await this.endpoint.leases.leaseKeepAlive();
      this.#call = call;
      call.on("data", (answer) => {
        const waiters = this.#waiting.get(answer.ID);
        if (waiters?.length === 1) this.#waiting.delete(answer.ID);
        waiters?.shift()?.resolve(Math.max(0, Number(answer.TTL)));
      });
      call.on("error", (error) => this.end(error));
      call.on("end", () => this.end(new Error("etcd ended the keep-alive stream")));
      return call;
    } catch (error) {
      this.end(error);
      throw error;
    }
  }
}
