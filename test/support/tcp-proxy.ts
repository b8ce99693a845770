/** A TCP proxy with the switches that a network has in bad times: cut, swallow, mend. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class TcpProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #mode: "open" | "cut" | "black-hole" = "open";

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: false }, (near) => this.#accept(near));
  }

  /** A proxy on a free loopback port to `target` on loopback. */
  static async open(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resets all connections and refuses new ones. */
  cut(): void {
    this.#mode = "cut";
    this.drop();
  }

  /** Resets all connections; new ones are accepted. */
  drop(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  /** Swallows every byte in both directions without a sign, also of new connections. */
  blackHole(): void {
    this.#mode = "black-hole";
  }

  /** Lets new connections through again. Those that lost bytes are reset. */
  mend(): void {
    const lossy = this.#mode === "black-hole";
    this.#mode = "open";
    if (lossy) this.drop();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(near: Socket): void {
    near.on("error", ignore);
    if (this.#mode === "cut") {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#target, "127.0.0.1");
    far.on("error", ignore);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    this.#pass(near, far);
    this.#pass(far, near);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on("close", end);
    far.on("close", end);
  }

  #pass(from: Socket, to: Socket): void {
    from.on("data", (bytes) => {
      if (this.#mode !== "open") return;
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    });
  }
}

/** A broken connection is what a proxy like this is for. */
function ignore(): void {
  return;
}
