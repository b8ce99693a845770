/**
 * Turns the agent's events into log lines: pino, JSON, one line each. The message is constant text, values are fields.
 * info: something changed; debug: nothing did; warn: we go on, and someone should know; error: someone must act.
 */
import type { Logger } from "pino";
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";
import type { AgentEvent, OnAgentEvent } from "./events.ts";

/** The subscriber that logs every event. */
export function logEvents(log: Logger): OnAgentEvent {
  return (event) => {
    const { level, fields, message } = lineOf(event);
    log[level](fields, message);
  };
}

interface Line {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

function line(level: Line["level"], fields: object, message: string): Line {
  return { level, fields, message };
}

function lineOf(event: AgentEvent): Line {
  switch (event.kind) {
    case "starting":
      return line("info", { version: event.version }, "agent starting");
    case "stopping":
      return line("info", { signal: event.signal }, "agent stopping; every unit stays as it is");
    case "announced":
      return line(
        "info",
        { lease: event.lease, address: event.address, runtimes: event.runtimes },
        "machine announced",
      );
    case "announce-failed":
      return line(
        "error",
        { ...failure(event.error), retryInMs: event.retryInMs },
        "cannot announce the machine; no unit is touched",
      );
    case "lease-lost":
      return line("warn", { lease: event.lease }, "lease lost; nothing is decided until it is held again");
    case "keep-alive-failed":
      return line("warn", failure(event.error), "cannot keep the lease alive");
    case "store-unreachable":
      return line(
        "warn",
        { ...failure(event.error), retryInMs: event.retryInMs },
        "cannot reach the store; units run on",
      );
    case "mirror-synced":
      return line(
        "info",
        { revision: event.revision, records: event.records, reason: event.why },
        "placements read",
      );
    case "mirror-resumed":
      return line("info", { revision: event.revision }, "store answers again; nothing was missed");
    case "runtime-opened":
      return line("info", { runtime: event.runtime, units: event.units }, "runtime opened");
    case "runtime-unavailable":
      return line(
        "warn",
        { runtime: event.runtime, ...failure(event.error), retryInMs: event.retryInMs },
        "runtime cannot be reached",
      );
    case "runtime-said":
      return line(
        "info",
        { runtime: event.runtime, what: event.what, details: event.details },
        "runtime event",
      );
    case "unit-unknown":
      return line(
        "error",
        { unit: event.unit, reason: event.reason },
        "unit left as it is: it cannot be read",
      );
    case "plan-begun":
      return line("info", { unit: event.unit, reason: event.reason, steps: event.steps }, "unit changing");
    case "plan-superseded":
      return line("info", { unit: event.unit, reason: event.reason }, "unit wanted otherwise meanwhile");
    case "step-done":
      return line(
        "info",
        {
          unit: event.unit,
          action: event.step,
          runtime: event.runtime,
          durationMs: Math.round(event.durationMs),
        },
        "step done",
      );
    case "step-failed":
      return line(
        "error",
        {
          unit: event.unit,
          action: event.step,
          runtime: event.runtime,
          ...failure(event.error),
          ...(event.retryInMs === undefined ? {} : { retryInMs: event.retryInMs }),
        },
        "step failed",
      );
    case "endpoint-published": {
      const { kind: _kind, ...fields } = event;
      return line("info", fields, "endpoint published");
    }
    case "endpoint-withdrawn": {
      const { kind: _kind, ...fields } = event;
      return line("info", fields, "endpoint withdrawn");
    }
    case "unit-drained":
      return line(
        "info",
        { unit: event.unit, routers: event.routers, durationMs: Math.round(event.durationMs) },
        "no more requests come to the unit",
      );
    case "routers-late": {
      const { kind: _kind, revision, ...fields } = event;
      return line("warn", { ...fields, revision }, "routers did not acknowledge in time");
    }
    case "withdrawal-unconfirmed":
      return line(
        "warn",
        { unit: event.unit, durationMs: Math.round(event.durationMs) },
        "endpoint may still be published; the unit is stopped all the same",
      );
    case "publish-failed":
      return line(
        "warn",
        { ...failure(event.error), retryInMs: event.retryInMs },
        "endpoints cannot be written yet",
      );
    case "publication-invalid":
      return line("error", { unit: event.unit, ...failure(event.error) }, "unit runs and is not published");
    case "text-unavailable":
      return line("warn", { hash: event.hash, ...failure(event.error) }, "unit file cannot be read");
    case "states-written":
      return line("debug", { reports: event.reports, retractions: event.retractions }, "states written");
    case "report-failed":
      return line(
        "warn",
        { ...failure(event.error), retryInMs: event.retryInMs },
        "states cannot be written yet",
      );
    case "reloaded":
      return line("info", { metadata: event.metadata }, "machine metadata read again");
    case "reload-failed":
      return line("error", failure(event.error), "settings cannot be read; the old ones stay");
    case "pass-done":
      return line("trace", { durationMs: event.durationMs }, "pass done");
    case "pass-failed":
      return line("error", { ...failure(event.error), retryInMs: event.retryInMs }, "pass failed");
    case "api-listening":
      return line("info", { at: event.at }, "api listening");
    case "api-failed":
      return line("error", failure(event.error), "api not served");
    default:
      return event satisfies never;
  }
}

/** An error as fields: its chain in one line, its code and hint; the stack only of what we did not foresee. */
function failure(error: unknown): Record<string, unknown> {
  const hint = hintOf(error);
  const message = describeError(error);
  if (error instanceof PlatformError) return { code: error.code, err: message, ...(hint ? { hint } : {}) };
  return { err: message, ...(error instanceof Error ? { stack: error.stack } : {}) };
}
