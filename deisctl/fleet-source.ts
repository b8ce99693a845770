/** Reads fleet's keyspace over etcd's version 2 HTTP API. */
import { PlatformError } from "../cluster/errors.ts";

export interface FleetEndpoint {
  /** `http://10.0.0.1:2379`; a user and password in it are used. */
  readonly url: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

const timeoutMs = 30_000;

/** The JSON of a recursive GET of `prefix`. Rejects with `fleet-unreachable` or `fleet-dump-invalid`. */
export async function readFleetTree(
  { url, tls }: FleetEndpoint,
  prefix: string,
  signal: AbortSignal,
): Promise<string> {
  const path = prefix.split("/").filter(Boolean).map(encodeURIComponent).join("/");
  const address = new URL(`/v2/keys/${path}?recursive=true&sorted=true&quorum=true`, url);
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  let answer: { readonly status: number; readonly body: string };
  try {
    answer = await get(address, tls ?? {}, until);
  } catch (cause) {
    signal.throwIfAborted();
    throw new PlatformError("fleet-unreachable", `Cannot read fleet's keys from "${address.origin}"`, {
      cause,
      hint: "Name the etcd that fleet uses with --from, or give a dump with --dump",
      retryable: true,
    });
  }
  if (answer.status === 200) return answer.body;
  // etcd 3.4 without --enable-v2, and any later one, knows no such path; with it a missing key has an error code.
  const missing = /"errorCode":\s*100/.test(answer.body);
  throw new PlatformError(
    "fleet-dump-invalid",
    missing
      ? `etcd at ${address.origin} has no key "/${decodeURIComponent(path)}"`
      : `etcd at ${address.origin} answered ${answer.status} on its version 2 API`,
    {
      hint: missing
        ? "Name fleet's etcd_key_prefix with --prefix"
        : "etcd 3.4 serves that API with --enable-v2 only, and later ones never do: give a dump made before with --dump",
    },
  );
}

async function get(
  address: URL,
  tls: NonNullable<FleetEndpoint["tls"]>,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  const auth =
    address.username === ""
      ? {}
      : { auth: `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}` };
  const { request } = address.protocol === "https:" ? await import("node:https") : await import("node:http");
  return await new Promise((resolve, reject) => {
    const call = request(address, { ...auth, ...tls, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
      });
    });
    call.on("error", reject);
    call.end();
  });
}
