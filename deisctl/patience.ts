/**
 * How long a command waits before it gives up: `--timeout`, or fleetctl's `--block-attempts` (two seconds each), or a default
 * that is never shorter than what a unit's own file grants its start or stop. Pure.
 */
import { parseTimeSpan } from "../cluster/time-span.ts";
import type { UnitFile } from "../cluster/unit-file.ts";
import type { Options } from "./command.ts";

/** A unit may say `infinity`; a command does not wait longer than this unless told. */
const longestMs = 30 * 60_000;
/** For placing, loading and reporting around the unit's own timeout. */
const marginMs = 10_000;
/** Without a word from the unit file: what systemd grants a start and a stop, `DefaultTimeoutStartSec=`, and the margin. */
const defaultMs = 90_000 + marginMs;
const placingMs = 30_000;
const attemptMs = 2_000;
const dayInSeconds = 86_400;

export interface Patience {
  /** Until the command gives up on a unit. */
  readonly totalMs: number;
  /** Until it gives up on a unit about which nobody has decided anything: a long start on a machine deserves waiting, a cluster without scheduler does not. */
  readonly placingMs: number;
}

/** `files` are those of the units to be waited for, as far as they are known. */
export function patienceOf(options: Options, files: Iterable<UnitFile | undefined>): Patience {
  const seconds = options.integer("--timeout", "timeout", 1, dayInSeconds);
  if (seconds !== undefined) return same(seconds * 1_000);
  const attempts = options.integer("--block-attempts", "blockAttempts", 0, dayInSeconds) ?? 0;
  if (attempts > 0) return same(attempts * attemptMs);
  const own = [...files].map((file) => (file ? ownTimeoutMs(file) : 0));
  return { totalMs: Math.max(defaultMs, ...own), placingMs };
}

/** Throws `UsageError` for a wrong flag, so that it is told before anything is looked up or written. */
export function checkPatience(options: Options): void {
  patienceOf(options, []);
}

function same(ms: number): Patience {
  return { totalMs: ms, placingMs: ms };
}

function ownTimeoutMs(file: UnitFile): number {
  const names = ["TimeoutSec", "TimeoutStartSec", "TimeoutStopSec"];
  const spans = names
    .flatMap((name) => file.values("Service", name).slice(-1))
    .map((text) => parseTimeSpan(text) ?? 0);
  const longest = Math.max(0, ...spans);
  return longest === 0 ? 0 : Math.min(longest + marginMs, longestMs);
}
