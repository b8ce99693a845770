/**
 * Log lines as confd writes them, to standard error: `RFC 3339 time, host, program[pid]: LEVEL message`. Whoever greps confd's log finds
 * the same words here. A message is never a format string, so a `%` in a key stays one.
 */
import { hostname } from "node:os";
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";
import type { RendererEvent, Tell } from "./events.ts";
import { type Level, levels } from "./settings.ts";

export type Log = (level: Level, message: string) => void;

/** Writes lines of at least the given level. */
export function openLog(least: Level, program: string, write: (line: string) => void): Log {
  const host = hostname();
  return (level, message) => {
    if (levels.indexOf(level) > levels.indexOf(least)) return;
    const shown = level === "warn" ? "WARNING" : level.toUpperCase();
    write(`${timestamp(new Date())} ${host} ${program}[${process.pid}]: ${shown} ${message}\n`);
  };
}

/** Local time with its offset, as Go's `time.RFC3339`. */
function timestamp(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  if (minutes === 0) return `${local}Z`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const size = Math.abs(minutes);
  return `${local}${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}

/** The subscriber that logs every event. */
export function logEvents(log: Log): Tell {
  return (event) => {
    for (const [level, message] of linesOf(event)) log(level, message);
  };
}

/** An error in one line, its hint behind it. What we did not foresee comes with its stack. */
export function errorLine(error: unknown): string {
  const hint = hintOf(error);
  const known = error instanceof PlatformError || !(error instanceof Error);
  const stack = known ? "" : `\n${error.stack ?? ""}`;
  return `${describeError(error)}${hint === undefined ? "" : ` (${hint})`}${stack}`;
}

function linesOf(event: RendererEvent): readonly (readonly [Level, string])[] {
  switch (event.kind) {
    case "source-read":
      return [["info", `Read ${event.keys} keys at revision ${event.revision}: ${event.why}`]];
    case "source-lost":
      return [
        ["error", `${errorLine(event.error)}; next try in ${event.retryInMs} ms, files stay as they are`],
      ];
    case "source-back":
      return [["debug", `Following keys from revision ${event.revision}`]];
    case "resources-loaded":
      return [
        ["info", `Loaded ${event.resources} template resources, ${event.changed} of them new or changed`],
      ];
    case "resource-unusable":
      return [
        ["error", `${errorLine(event.error)}${event.kept ? "; its last good version stays in use" : ""}`],
      ];
    case "nothing-to-do":
      return [["warn", event.why]];
    case "rendered":
      return [
        ["debug", `Rendered ${event.bytes} bytes for ${event.dest} in ${event.durationMs.toFixed(1)} ms`],
      ];
    case "account-unknown":
      return [["warn", `${event.dest}: ${errorLine(event.error)}; it is left out, as confd does`]];
    case "in-sync":
      return [["debug", `Target config ${event.dest} in sync`]];
    case "out-of-sync":
      return [
        ...event.differences.map((sentence) => ["info", sentence] as const),
        ["info", `Target config ${event.dest} out of sync`],
      ];
    case "left-alone":
      return [["warn", `Noop mode enabled. ${event.dest} will not be modified`]];
    case "stage-kept":
      return [["info", `Keeping staged file: ${event.path}`]];
    case "command-done":
      return [["debug", `${JSON.stringify(event.command)}: ${JSON.stringify(event.output)}`]];
    case "command-failed":
      return [["error", `${JSON.stringify(event.command)}: ${JSON.stringify(event.output)}`]];
    case "render-failed":
    case "check-failed":
    case "swap-failed":
      return [["error", `${event.dest}: ${errorLine(event.error)}`]];
    case "check-slow":
      return [
        ["warn", `The check of ${event.dest} takes longer than ${event.patienceMs} ms: others go ahead`],
      ];
    case "overwritten":
      return [["debug", `Rename failed - ${event.dest} is a mount. It was written to instead`]];
    case "updated":
      return [["info", `Target config ${event.dest} has been updated`]];
    case "reloaded":
      return [["info", `Ran ${JSON.stringify(event.command)} for ${event.dests.join(", ")}`]];
    case "reload-failed":
      return [["error", `${JSON.stringify(event.command)} failed: ${errorLine(event.error)}`]];
    case "restored":
      return [["warn", `Restored the last good ${event.dest}`]];
    case "restore-failed":
      return [["error", `Cannot restore the last good ${event.dest}: ${errorLine(event.error)}`]];
    case "retry":
      return [["info", `Trying ${event.dest} again in ${event.inMs} ms`]];
    case "pass-done":
      return [
        [
          "debug",
          `Pass over ${event.rendered} resources at revision ${event.revision}: ${event.durationMs.toFixed(1)} ms`,
        ],
      ];
    case "pass-failed":
      return [["error", `${errorLine(event.error)}; next try in ${event.retryInMs} ms`]];
    default:
      return event satisfies never;
  }
}
