/**
 * A steady load of HTTP requests that tells each failure from the other: what was asked when, of whom, and what came instead of an
 * answer. Clients keep their connections, as browsers and proxies do, and repeat nothing: a request that got no answer has failed.
 */
import { setMaxListeners } from "node:events";
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

export interface LoadOptions {
  /** `address` or `address:port` of each router. Connections are spread over them evenly. */
  readonly targets: readonly string[];
  /** The name that is asked for. */
  readonly host: string;
  readonly path?: string;
  /** How many clients, each with a connection of its own. */
  readonly connections: number;
  /** Requests per second of all clients together. One that waits for an answer is late with its next request, and makes up for it. */
  readonly ratePerSecond: number;
  /** Milliseconds until a request without a whole answer has failed. Default 10 000. */
  readonly timeoutMs?: number;
}

/** One request that got no answer with status 200. */
export interface LoadFailure {
  /** When it was sent, and how long it took to fail. */
  readonly at: Date;
  readonly afterMs: number;
  readonly target: string;
  /** `status 503`, `ECONNRESET`, `no answer within 10000 ms`, … */
  readonly reason: string;
}

export interface LoadCounts {
  readonly ok: number;
  readonly failed: number;
  /** Milliseconds of those that were answered. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How often each reason. */
  readonly reasons: ReadonlyMap<string, number>;
  /** How often each answer, by its first word. */
  readonly answers: ReadonlyMap<string, number>;
}

interface Outcome {
  readonly ms: number;
  readonly answer?: string;
  readonly failure?: LoadFailure;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #outcomes: Outcome[] = [];
  readonly #stopping = new AbortController();
  readonly #clients: Promise<unknown>;

  private constructor(options: LoadOptions) {
    this.#options = options;
    // Each client listens.
    setMaxListeners(0, this.#stopping.signal);
    const clients = Array.from({ length: options.connections }, (_, at) => this.#client(at));
    this.#clients = Promise.all(clients);
  }

  static start(options: LoadOptions): Load {
    return new Load(options);
  }

  /** How many requests have ended. Hand it to `countsSince` later, or to `failuresSince`. */
  get ended(): number {
    return this.#outcomes.length;
  }

  get failures(): readonly LoadFailure[] {
    return this.failuresSince(0);
  }

  failuresSince(mark: number): readonly LoadFailure[] {
    return this.#outcomes.slice(mark).flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  }

  get counts(): LoadCounts {
    return this.countsSince(0);
  }

  countsSince(mark: number): LoadCounts {
    const outcomes = this.#outcomes.slice(mark);
    const times = outcomes
      .flatMap(({ ms, failure }) => (failure ? [] : [ms]))
      .sort((one, other) => one - other);
    const part = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return {
      ok: times.length,
      failed: outcomes.length - times.length,
      p50: part(0.5),
      p99: part(0.99),
      max: part(1),
      reasons: tally(outcomes.map(({ failure }) => failure?.reason)),
      answers: tally(outcomes.map(({ answer }) => answer)),
    };
  }

  /** Sends nothing more and resolves once the last answer is there. */
  async stop(): Promise<LoadCounts> {
    this.#stopping.abort();
    await this.#clients;
    return this.counts;
  }

  /** One client: asks, waits for the answer, and asks again when it is time. */
  async #client(at: number): Promise<void> {
    const { targets, connections, ratePerSecond } = this.#options;
    const { signal } = this.#stopping;
    const target = targets[at % targets.length] ?? "";
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const everyMs = (1_000 * connections) / ratePerSecond;
    let due = performance.now() + (everyMs * at) / connections;
    while (!signal.aborted) {
      const wait = due - performance.now();
      if (wait > 0) await delay(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      due = Math.max(due + everyMs, performance.now() - 1_000);
      this.#outcomes.push(await this.#ask(agent, target));
    }
    agent.destroy();
  }

  #ask(agent: Agent, target: string): Promise<Outcome> {
    const { host, path = "/", timeoutMs = 10_000 } = this.#options;
    const at = new Date();
    const began = performance.now();
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(`no answer within ${timeoutMs} ms`), timeoutMs);
      const end = (reason: string | undefined, answer?: string) => {
        clearTimeout(timer);
        const ms = performance.now() - began;
        if (reason === undefined) return resolve(answer === undefined ? { ms } : { ms, answer });
        call.destroy();
        resolve({ ms, failure: { at, afterMs: ms, target, reason } });
      };
      const [address = "", port = "80"] = target.split(":");
      const call = request({ agent, host: address, port, path, headers: { host } });
      call.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
      call.on("response", (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("error", (error: NodeJS.ErrnoException) =>
          end(`cut off: ${error.code ?? error.message}`),
        );
        response.on("end", () => {
          const { statusCode } = response;
          if (statusCode === 200) end(undefined, body.split(/\s/, 1)[0]);
          else end(`status ${statusCode}`);
        });
      });
      call.end();
    });
  }
}

/** What a person reads: `1500 ok, 2 failed (status 502: 2), p50 1.2 ms, p99 8.0 ms, max 31 ms`. */
export function describeCounts({ ok, failed, p50, p99, max, reasons }: LoadCounts): string {
  const why = [...reasons].map(([reason, count]) => `${reason}: ${count}`).join(", ");
  return `${ok} ok, ${failed} failed${why ? ` (${why})` : ""}, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(0)} ms`;
}

function tally(words: readonly (string | undefined)[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) if (word !== undefined) counts.set(word, (counts.get(word) ?? 0) + 1);
  return new Map([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}
