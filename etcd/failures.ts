/**
 * What a failed call to etcd means to us. Everything the client library throws becomes a `PlatformError` here, so that nobody
 * else needs to know gRPC's status codes or etcd's messages.
 */
import {
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCAlreadyExistsError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCNotFoundError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCUnauthenticatedError,
} from "etcd3";
import { PlatformError } from "../cluster/errors.ts";

/**
 * Codes: `store-unreachable` and `store-full` (both retryable), `store-denied`, `store-rejected`, and two that only this room
 * meets: `revision-compacted` and `lease-not-found`.
 */
export function storeFailure(attempted: string, endpoints: readonly string[], error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const at = endpoints.join(", ");
  const fail = (code: string, message: string, hint: string, retryable = false) =>
    new PlatformError(code, message, { hint, cause: error, retryable });

  if (text.includes("has been compacted")) {
    return fail(
      "revision-compacted",
      `Cannot ${attempted}: etcd no longer keeps that revision`,
      "List again",
    );
  }
  if (error instanceof EtcdLeaseInvalidError) {
    return fail("lease-not-found", `Cannot ${attempted}: its lease has ended`, "Take a new lease");
  }
  if (text.includes("database space exceeded")) {
    return fail(
      "store-full",
      `Cannot ${attempted}: etcd at ${at} has no space left`,
      "Compact and defragment etcd, then `etcdctl alarm disarm`",
      true,
    );
  }
  if (isOneOf(error, deniedErrors)) {
    return fail(
      "store-denied",
      `Cannot ${attempted}: etcd at ${at} does not allow it`,
      "Check which certificate this host presents, and that user's roles: `etcdctl user get <name>`",
    );
  }
  if (isOneOf(error, rejectedErrors)) {
    return fail(
      "store-rejected",
      `Cannot ${attempted}: etcd refused the request`,
      "This is a limit of etcd or a fault of ours: see the cause",
    );
  }
  return new PlatformError("store-unreachable", `Cannot ${attempted}: no answer from etcd at ${at}`, {
    hint: unreachableHint(text, endpoints),
    cause: new Error(plainly(text)),
    retryable: true,
  });
}

const deniedErrors = [
  EtcdPermissionDeniedError,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  GRPCUnauthenticatedError,
];
const rejectedErrors = [
  GRPCInvalidArgumentError,
  GRPCOutOfRangeError,
  GRPCNotImplementedError,
  GRPCNotFoundError,
  GRPCAlreadyExistsError,
  GRPCFailedPreconditionError,
];

function isOneOf(error: unknown, kinds: readonly (abstract new (...args: never[]) => Error)[]): boolean {
  return kinds.some((kind) => error instanceof kind);
}

/** What a person can use of gRPC's and OpenSSL's words, in one line. */
function plainly(text: string): string {
  return text
    .replace(/^\d+ [A-Z_]+: /, "")
    .replace(/^No connection established\. Last error: (?:Error: )?/, "")
    .replace(/\.? Resolution note: \s*$/, "")
    .replace(/\s*\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, "")
    .replace(/^Deadline exceeded after ([\d.]+)s,.*$/s, "it was silent for $1 s")
    .replace(/[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):.*/s, "TLS handshake: $1")
    .trim();
}

/** A TLS handshake that fails looks to gRPC like a host that is down; only the text tells them apart. */
function unreachableHint(text: string, endpoints: readonly string[]): string {
  if (/certificate|self.signed|altnames|SSL|TLS|handshake|issuer/i.test(text)) {
    return "Check etcd.cafile, etcd.certfile and etcd.keyfile, and that etcd's certificate names this address";
  }
  const plain = endpoints.every((url) => url.startsWith("http://"));
  return `Check that etcd runs and answers there${plain ? ", and without TLS (else say https://)" : ""}: \`etcdctl --endpoints=<address> endpoint health\``;
}
