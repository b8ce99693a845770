/** The least that anyone who learns from etcd needs: a watch that does nothing with what it hears. */
import type { EtcdClient } from "../etcd/protocol.ts";

/** When a client that does nothing else is told of a change. */
export class BareWatch {
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #heard: (at: number) => void = () => undefined;

  constructor(client: EtcdClient, key: string) {
    const handler = {
      onCreated: () => undefined,
      onEvents: () => this.#heard(performance.now()),
      onProgress: () => undefined,
    };
    this.#running = client
      .range({ key }, {})
      .then(({ header }) => client.watch({ key }, header.revision + 1n, handler, this.#over.signal));
  }

  next(): Promise<number> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }
}
