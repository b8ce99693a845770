/**
 * A client of the agents' API, for commands: over a unix socket on the host itself, or over mutual TLS from elsewhere.
 * It needs nothing but Node's own HTTP, so that loading it costs a command no time.
 */
import type { IncomingMessage, RequestOptions } from "node:http";
import { PlatformError } from "../cluster/errors.ts";
import type { JournalRequest } from "../cluster/journal-request.ts";
import type { TlsIdentity } from "./listen.ts";

export type AgentAddress =
  | { readonly socketPath: string }
  /** `https://10.0.0.1:7002`, as a machine announces it in `api`. */
  | { readonly url: string; readonly tls: TlsIdentity };

export interface AgentClientOptions {
  /** Until the agent begins to answer, in ms. Default 5 000. */
  readonly answerTimeoutMs?: number;
  /** Longest silence within an answer that does not follow, in ms. Default 30 000. */
  readonly idleTimeoutMs?: number;
}

export interface AgentClient {
  /**
   * Chunks of a unit's journal as text. Ends with the journal, or with `follow` when `signal` aborts or the agent stops. Rejects with
   * the agent's own error (`unit-not-found`, …), or with `agent-unreachable` (retryable).
   */
  journal(unit: string, request: JournalRequest, signal: AbortSignal): AsyncIterable<string>;
  /** What `systemctl status` says of the unit on that host. Rejects as `journal` does. */
  status(unit: string, signal: AbortSignal): Promise<string>;
}

export function agentClient(address: AgentAddress, options: AgentClientOptions = {}): AgentClient {
  const { answerTimeoutMs = 5_000, idleTimeoutMs = 30_000 } = options;
  const get = (path: string, idleMs: number, signal: AbortSignal) =>
    request(address, path, answerTimeoutMs, idleMs, signal);
  return {
    async *journal(unit, { lines, follow, output, since }, signal) {
      const query = new URLSearchParams({ lines: String(lines), follow: String(follow), output });
      if (since !== undefined) query.set("since", since);
      const path = `/v1/units/${encodeURIComponent(unit)}/journal?${query}`;
      yield* chunks(address, await get(path, follow ? 0 : idleTimeoutMs, signal), signal);
    },
    async status(unit, signal) {
      const answer = await get(`/v1/units/${encodeURIComponent(unit)}/status`, idleTimeoutMs, signal);
      let text = "";
      for await (const chunk of chunks(address, answer, signal)) text += chunk;
      return text;
    },
  };
}

async function* chunks(
  address: AgentAddress,
  answer: IncomingMessage,
  signal: AbortSignal,
): AsyncGenerator<string> {
  answer.setEncoding("utf8");
  try {
    for await (const chunk of answer) yield String(chunk);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw unreachable(address, cause);
  } finally {
    answer.destroy();
  }
}

/** Resolves to a successful answer whose body is still to come. */
async function request(
  address: AgentAddress,
  path: string,
  answerTimeoutMs: number,
  idleTimeoutMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const secure = "url" in address;
  const { request: send } = secure ? await import("node:https") : await import("node:http");
  const options: RequestOptions = secure ? endpointOptions(address) : { socketPath: address.socketPath };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = send({ ...options, path, agent: false, signal }, resolve);
    const late = new PlatformError(
      "agent-unreachable",
      `The agent did not answer within ${answerTimeoutMs} ms`,
    );
    const timer = setTimeout(() => outgoing.destroy(late), answerTimeoutMs);
    outgoing.once("response", () => clearTimeout(timer));
    outgoing.once("error", (cause) => {
      clearTimeout(timer);
      reject(signal.aborted ? signal.reason : unreachable(address, cause));
    });
    outgoing.end();
  });
  if (idleTimeoutMs > 0) {
    answer.setTimeout(idleTimeoutMs, () =>
      answer.destroy(new Error(`the agent fell silent for ${idleTimeoutMs} ms`)),
    );
  }
  if (answer.statusCode === 200) return answer;
  let body = "";
  for await (const chunk of chunks(address, answer, signal)) body += chunk;
  throw refusal(body, answer.statusCode ?? 0);
}

function endpointOptions({ url, tls }: { readonly url: string; readonly tls: TlsIdentity }): RequestOptions {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host, port, ...{ ca: tls.ca, cert: tls.certificate, key: tls.key } };
}

function refusal(body: string, status: number): PlatformError {
  const error = parsedError(body);
  if (!error) return new PlatformError("agent-refused", `The agent answered with HTTP status ${status}`);
  const { code, message, hint } = error;
  return new PlatformError(code, message, { retryable: status === 503, ...(hint ? { hint } : {}) });
}

function parsedError(body: string): { code: string; message: string; hint?: string } | undefined {
  try {
    const { error } = JSON.parse(body);
    if (typeof error?.code !== "string" || typeof error.message !== "string") return undefined;
    return {
      code: error.code,
      message: error.message,
      ...(typeof error.hint === "string" ? { hint: error.hint } : {}),
    };
  } catch {
    // Not JSON: something else than an agent answered, and its status says all we know.
    return undefined;
  }
}

function unreachable(address: AgentAddress, cause: unknown): PlatformError {
  const at = "url" in address ? address.url : address.socketPath;
  return new PlatformError("agent-unreachable", `Cannot reach the agent at "${at}"`, {
    cause,
    hint: "See whether it runs: systemctl status deis-agent; and whether this host may reach that address",
    retryable: true,
  });
}
