/** Errors in the form of our own APIs: `{"error":{"code","message","hint"}}`, with the status that says whose fault it is. */
import type { FastifyReply } from "fastify";
import { describeError, hintOf, isRetryable, PlatformError } from "../cluster/errors.ts";

/** Answers with an error; the status follows from it unless it is given. */
export function refuse(reply: FastifyReply, error: unknown, status = statusOf(error)): FastifyReply {
  const known = error instanceof PlatformError ? error.code : undefined;
  const code = known ?? (status < 500 ? "request-invalid" : "internal-error");
  const hint = hintOf(error);
  return reply
    .status(status)
    .send({ error: { code, message: describeError(error), ...(hint ? { hint } : {}) } });
}

/** The error for something in a request that is not allowed. */
export function invalid(what: string, value: unknown, allowed: string): PlatformError {
  return new PlatformError("request-invalid", `${what} is ${JSON.stringify(value)}`, {
    hint: `Give ${allowed}`,
  });
}

const statuses: Readonly<Record<string, number>> = {
  "unit-not-found": 404,
  "unit-not-there": 404,
  "machine-not-found": 404,
  "route-not-found": 404,
  "request-invalid": 400,
  "output-unsupported": 400,
  "unit-name-invalid": 400,
  "unit-file-invalid": 400,
  "key-invalid": 400,
  "unit-changed": 412,
  "machine-ambiguous": 409,
  "target-missing": 409,
  "role-insufficient": 403,
  "no-agent-api": 501,
  "agent-unreachable": 502,
};

function statusOf(error: unknown): number {
  const status = error instanceof PlatformError ? statuses[error.code] : undefined;
  if (status !== undefined) return status;
  if (isRetryable(error)) return 503;
  const told = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof told === "number" && told >= 400 && told < 500 ? told : 500;
}
