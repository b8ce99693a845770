/** What the scheduler tells, and how it reads in the log. */
import type { Logger } from "pino";
import { describeError, hintOf, type PlatformError } from "../cluster/errors.ts";
import type { LoopEvent } from "../loop/control-loop.ts";
import { type Decision, reasonOf } from "./decision.ts";

export type SchedulerEvent =
  | { readonly kind: "decided"; readonly decision: Decision; readonly revision: bigint }
  | { readonly kind: "machine-away"; readonly machine: string }
  | { readonly kind: "machine-present"; readonly machine: string }
  | { readonly kind: "mass-loss"; readonly machines: readonly string[]; readonly graceSeconds: number }
  | { readonly kind: "unit-unreadable"; readonly unit: string; readonly error: PlatformError }
  | { readonly kind: "standing-by"; readonly machine: string }
  | { readonly kind: "leading"; readonly machine: string }
  | { readonly kind: "leadership-over"; readonly machine: string; readonly reason: string }
  | { readonly kind: "store-away"; readonly error: unknown }
  | { readonly kind: "store-back"; readonly awayMs: number }
  | LoopEvent;

/** A subscriber that writes one line for each event. */
export function logEvents(log: Logger): (event: SchedulerEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "decided":
        logDecision(log, event.decision, event.revision);
        return;
      case "machine-away":
        log.warn({ machine: event.machine }, "machine is away");
        return;
      case "machine-present":
        log.info({ machine: event.machine }, "machine is present");
        return;
      case "mass-loss":
        log.error(
          { machines: event.machines, durationMs: event.graceSeconds * 1_000 },
          "many machines vanished at once: re-placement holds",
        );
        return;
      case "unit-unreadable":
        log.error({ unit: event.unit, ...fieldsOf(event.error) }, "unit cannot be read and is left as it is");
        return;
      case "standing-by":
        log.info({ machine: event.machine }, "standing by");
        return;
      case "leading":
        log.info({ machine: event.machine }, "leading");
        return;
      case "leadership-over":
        log.warn({ machine: event.machine, reason: event.reason }, "leadership is over");
        return;
      case "store-away":
        log.warn(fieldsOf(event.error), "store cannot be watched");
        return;
      case "store-back":
        log.info({ durationMs: Math.round(event.awayMs) }, "store is watched again");
        return;
      case "pass-done":
        log.debug({ durationMs: Math.round(event.durationMs) }, "pass done");
        return;
      case "pass-failed":
        log.warn({ ...fieldsOf(event.error), durationMs: event.retryInMs }, "pass failed and is tried again");
    }
  };
}

function logDecision(log: Logger, decision: Decision, revision: bigint): void {
  const fields = { action: decision.kind, reason: reasonOf(decision), revision: revision.toString() };
  switch (decision.kind) {
    case "place":
      log.info({ ...fields, unit: decision.placement.unit, machine: decision.placement.machine }, "decided");
      return;
    case "withdraw":
      log.info({ ...fields, unit: decision.unit, machine: decision.machine }, "decided");
      return;
    case "park":
    case "unpark":
    case "record-run":
    case "forget-run":
    case "record-failures":
    case "forget-failures":
      log.info({ ...fields, unit: decision.unit }, "decided");
      return;
    case "end-move":
      log.info({ ...fields, unit: decision.unit }, "decided");
      return;
    case "announce-app":
    case "retire-app":
      log.info({ ...fields, app: decision.app }, "decided");
      return;
    case "answer":
      log.debug({ ...fields, question: decision.id }, "answered");
      return;
    case "sweep-states":
      log.info({ ...fields, machine: decision.machine }, "decided");
      return;
    case "collect-file":
      log.info({ ...fields, hash: decision.hash }, "decided");
  }
}

function fieldsOf(error: unknown): Record<string, unknown> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const hint = hintOf(error);
  return { err: describeError(error), ...(code === undefined ? {} : { code }), ...(hint ? { hint } : {}) };
}
