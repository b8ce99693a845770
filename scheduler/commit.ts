/**
 * Writes decisions, and waits until the mirror shows them: only then may the next pass look, or it would take the
 * store's older state for news. One pass is in flight at a time, so nothing is decided twice.
 */
import { PlatformError } from "../cluster/errors.ts";
import type { Mirror, SchedulerWriter } from "../cluster/ports.ts";
import { sameRecord } from "../cluster/run.ts";
import type { Decision } from "./decision.ts";
import type { SchedulerTables } from "./look.ts";

/** So many decisions are handed to the writer at once; in between a lost leadership is noticed. */
const chunkSize = 4_096;
const echoWithinMs = 10_000;

/**
 * Resolves once every decision is stored and mirrored. Rejects with what the writer rejects with, or (retryable)
 * `echo-missing`: then the caller no longer knows which of the decisions hold.
 */
export async function commit(
  decisions: readonly Decision[],
  writer: SchedulerWriter,
  mirror: Mirror<SchedulerTables>,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < decisions.length; at += chunkSize) {
    signal.throwIfAborted();
    await writer.write(decisions.slice(at, at + chunkSize), signal);
  }
  await echoed(decisions, mirror, signal);
}

async function echoed(
  decisions: readonly Decision[],
  mirror: Mirror<SchedulerTables>,
  signal: AbortSignal,
): Promise<void> {
  const awaited = lastOfEach(decisions);
  const allSeen = (): boolean => {
    while (awaited.length > 0) {
      const last = awaited.at(-1);
      if (last && !isMirrored(last, mirror)) return false;
      awaited.pop();
    }
    return true;
  };
  if (allSeen()) return;
  const deadline = AbortSignal.timeout(echoWithinMs);
  const over = AbortSignal.any([signal, deadline]);
  await new Promise<void>((resolve, reject) => {
    const off = mirror.onChange(() => {
      if (allSeen()) finish(resolve);
    });
    const stop = (): void => {
      finish(() => reject(signal.aborted ? signal.reason : echoMissing(awaited.length)));
    };
    const finish = (then: () => void): void => {
      off();
      over.removeEventListener("abort", stop);
      then();
    };
    over.addEventListener("abort", stop);
    if (over.aborted) stop();
  });
}

/** A key may be written twice in a pass; only the last write of it stays. */
function lastOfEach(decisions: readonly Decision[]): Decision[] {
  const last = new Map<string, Decision>();
  for (const decision of decisions) {
    const key = keyOf(decision);
    if (key === undefined) continue;
    last.delete(key);
    last.set(key, decision);
  }
  return [...last.values()];
}

function keyOf(decision: Decision): string | undefined {
  switch (decision.kind) {
    case "place":
      return `${decision.placement.machine}/${decision.placement.unit}`;
    case "withdraw":
      return `${decision.machine}/${decision.unit}`;
    case "park":
    case "unpark":
      return decision.unit;
    case "record-run":
    case "forget-run":
      return `run of ${decision.unit}`;
    case "record-failures":
    case "forget-failures":
      return `failures of ${decision.unit}`;
    default:
      return undefined;
  }
}

function isMirrored(decision: Decision, mirror: Mirror<SchedulerTables>): boolean {
  const { placements, unplaced, runs, failures } = mirror.tables;
  switch (decision.kind) {
    case "place": {
      const { machine, unit, hash, target, generation, run, move } = decision.placement;
      const seen = placements.get(`${machine}/${unit}`);
      if (seen?.hash !== hash || seen.target !== target) return false;
      return seen.generation === generation && seen.run === run && seen.move === move;
    }
    case "withdraw":
      return placements.get(`${decision.machine}/${decision.unit}`) === undefined;
    case "park":
      return unplaced.get(decision.unit)?.reason === decision.unplaced.reason;
    case "unpark":
      return unplaced.get(decision.unit) === undefined;
    case "record-run":
      return sameRecord(runs.get(decision.unit), decision.run);
    case "forget-run":
      return runs.get(decision.unit) === undefined;
    case "record-failures":
      return sameRecord(failures.get(decision.unit), decision.tried);
    case "forget-failures":
      return failures.get(decision.unit) === undefined;
    default:
      return true;
  }
}

function echoMissing(count: number): PlatformError {
  return new PlatformError(
    "echo-missing",
    `${count} written placements did not come back from the store within ${echoWithinMs / 1_000} s`,
    { hint: "Check the health of etcd: `etcdctl endpoint status`", retryable: true },
  );
}
