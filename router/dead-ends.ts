/**
 * Requests on a host that is gone. A host that has lost its power refuses nothing and closes nothing: a request that was sent to it over
 * an open connection would wait for as long as an app may take, though the endpoint is long withdrawn. So an endpoint that drains is
 * asked whether anybody is there at all; if nobody is, the connections to it are ended, and nginx sends what may be repeated to
 * another one.
 *
 * Whoever answers in any way, also by a refusal, is alive: its requests end in peace, or by its own word.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { OnRouterEvent } from "./events.ts";

export interface DeadEndsOptions {
  /** Resolves to whether the host of the endpoint answers at all. */
  readonly answers: (endpoint: string) => Promise<boolean>;
  /** Ends all connections of this host to the endpoint. */
  readonly cut: (endpoint: string) => Promise<void>;
  readonly onEvent: OnRouterEvent;
}

/** How long an endpoint may drain before it is asked, and between two questions. */
const patienceMs = 300;
const pauseMs = 1_000;

export class DeadEnds {
  readonly #options: DeadEndsOptions;
  /** When each draining endpoint is asked next; infinite while it is being asked. */
  readonly #due = new Map<string, number>();

  constructor(options: DeadEndsOptions) {
    this.#options = options;
  }

  /** These endpoints drain now. Returns at once; what is to be asked is asked beside. */
  look(endpoints: readonly string[], nowMs: number): void {
    const present = new Set(endpoints);
    for (const endpoint of this.#due.keys()) if (!present.has(endpoint)) this.#due.delete(endpoint);
    for (const endpoint of present) {
      const due = this.#due.get(endpoint);
      if (due === undefined) this.#due.set(endpoint, nowMs + patienceMs);
      else if (due <= nowMs) {
        this.#due.set(endpoint, Number.POSITIVE_INFINITY);
        void this.#ask(endpoint, nowMs);
      }
    }
  }

  async #ask(endpoint: string, nowMs: number): Promise<void> {
    const { answers, cut, onEvent } = this.#options;
    try {
      if (!(await answers(endpoint))) {
        await cut(endpoint);
        onEvent({ kind: "cut-off", endpoint });
      }
    } catch (error) {
      onEvent({ kind: "cut-failed", endpoint, error });
    }
    if (this.#due.has(endpoint)) this.#due.set(endpoint, nowMs + pauseMs);
  }
}

/** Whether anybody answers at `host:port`, be it by a refusal. */
export function answers(endpoint: string, timeoutMs = 1_000): Promise<boolean> {
  const { host, port } = partsOf(endpoint);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const settle = (isThere: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isThere);
    };
    const timer = setTimeout(() => settle(false), timeoutMs);
    socket.on("connect", () => settle(true));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      settle(code !== "EHOSTUNREACH" && code !== "ENETUNREACH" && code !== "ETIMEDOUT");
    });
  });
}

/** Ends this host's connections to `host:port`, by the kernel's own means (`ss -K`, which needs CAP_NET_ADMIN). */
export async function cutOff(endpoint: string): Promise<void> {
  const { host, port } = partsOf(endpoint);
  const child = spawn("ss", ["-K", "-H", "dst", host, "dport", "=", port], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0 || said !== "") throw new Error(said.trim() || `ss ended with ${code}`);
}

function partsOf(endpoint: string): { readonly host: string; readonly port: string } {
  const [, host = "", port = ""] = /^\[?([^\]]*)\]?:(\d+)$/.exec(endpoint) ?? [];
  return { host, port };
}
