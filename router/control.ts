/**
 * The router's side of nginx's control socket: what nginx serves at present, and the tables it is given at run time. Nothing here is
 * believed because a file was written or a command succeeded: nginx is asked.
 */
import { request } from "node:http";
import { PlatformError } from "../cluster/errors.ts";

/** What is pushed at run time: which host leads where, and the certificates. */
export const tableNames = ["certs", "routes"] as const;
export type TableName = (typeof tableNames)[number];

/** What nginx says it serves. A digest is the SHA-256 of the file it was given, in hex; empty for none yet. */
export interface NginxState {
  readonly routes: string;
  readonly certs: string;
  readonly structure: string;
  /** Endpoints that no app has any more, but requests still run on. */
  readonly draining: readonly { readonly endpoint: string; readonly inFlight: number }[];
}

export interface Accepted {
  readonly digest: string;
  /** Entries that were left out, each in a sentence. The others are served. */
  readonly problems: readonly string[];
}

export interface Control {
  state(signal: AbortSignal): Promise<NginxState>;
  /** Resolves once every request that follows uses the table. */
  push(table: TableName, bytes: Buffer, signal: AbortSignal): Promise<Accepted>;
}

const timeoutMs = 5_000;

/** Speaks to the nginx behind a Unix socket. Calls reject retryably with `nginx-silent`, or with `nginx-refused` for an answer other than 200. */
export function openControl(socketPath: string): Control {
  const ask = async (method: string, path: string, signal: AbortSignal, body?: Buffer): Promise<unknown> => {
    const { status, text } = await exchange(socketPath, method, path, signal, body);
    if (status !== 200) {
      throw new PlatformError(
        "nginx-refused",
        `nginx answered ${method} ${path} with ${status}: ${text.trim()}`,
        {
          retryable: true,
        },
      );
    }
    return JSON.parse(text);
  };
  return {
    state: async (signal) => readState(await ask("GET", "/state", signal)),
    push: async (table, bytes, signal) => readAccepted(await ask("PUT", `/${table}`, signal, bytes)),
  };
}

async function exchange(
  socketPath: string,
  method: string,
  path: string,
  signal: AbortSignal,
  body?: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    return await new Promise((resolve, reject) => {
      const call = request({
        socketPath,
        method,
        path,
        // A worker that leaves closes idle connections, so none is kept.
        agent: false,
        headers:
          body === undefined ? {} : { "content-type": "application/json", "content-length": body.length },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      call.on("error", reject);
      call.on("response", (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
        );
      });
      call.end(body);
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new PlatformError("nginx-silent", `nginx does not answer ${method} ${path} at "${socketPath}"`, {
      cause,
      retryable: true,
    });
  }
}

function readState(value: unknown): NginxState {
  const fields = objectOf(value);
  const draining = Array.isArray(fields.draining) ? fields.draining.map(objectOf) : [];
  return {
    routes: textOf(fields.routes),
    certs: textOf(fields.certs),
    structure: textOf(fields.structure),
    draining: draining.map(({ endpoint, inFlight }) => ({
      endpoint: textOf(endpoint),
      inFlight: typeof inFlight === "number" ? inFlight : 0,
    })),
  };
}

function readAccepted(value: unknown): Accepted {
  const { digest, problems } = objectOf(value);
  return { digest: textOf(digest), problems: Array.isArray(problems) ? problems.map(sentenceOf) : [] };
}

/** A problem is a sentence, or one about a key of the store. */
function sentenceOf(problem: unknown): string {
  if (typeof problem === "string") return problem;
  const { key, message } = objectOf(problem);
  return `${textOf(key)}: ${textOf(message)}`;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
