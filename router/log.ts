/**
 * Turns the router's events into log lines: pino, JSON, one line each. The message is constant text, values are fields. The access log
 * is nginx's own and goes to the same output, raw.
 */
import type { Logger } from "pino";
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";
import type { OnRouterEvent, RouterEvent } from "./events.ts";

type Level = "debug" | "info" | "warn" | "error";

/** What each kind of event is worth, and its constant text. */
const lines: Readonly<Record<RouterEvent["kind"], readonly [Level, string]>> = {
  starting: ["info", "router starting"],
  stopping: ["info", "router stopping; requests may finish"],
  stopped: ["info", "router stopped"],
  "nginx-started": ["info", "nginx started"],
  "nginx-ended": ["error", "nginx has ended"],
  "awaiting-store": ["info", "nothing was served on this host before; nginx starts once the store was read"],
  pushed: ["debug", "nginx took a table"],
  "push-failed": ["error", "cannot bring nginx up to date; it serves what it has"],
  "cut-off": ["warn", "an endpoint's host is gone; its connections are ended, and requests go elsewhere"],
  "cut-failed": ["warn", "cannot end connections to a host that is gone; requests there wait"],
  announced: ["debug", "told how far this router is"],
  "announce-failed": ["warn", "cannot tell how far this router is"],
  "lease-lost": ["warn", "lease lost; the cluster takes this router for gone until it is held again"],
  "keeping-failed": [
    "warn",
    "cannot note that the files on disk are good; the next start will wait for the store",
  ],
  baseline: ["warn", "no structure could be rendered; nginx starts with that of no settings at all"],
  "source-read": ["info", "keys read"],
  "source-lost": ["warn", "cannot reach the store; nginx serves what it has"],
  "source-back": ["info", "the store is followed again"],
  "resources-loaded": ["info", "template resources loaded"],
  "resource-unusable": ["error", "a template resource cannot be used"],
  "nothing-to-do": ["warn", "there is nothing to render"],
  rendered: ["debug", "rendered"],
  "render-failed": ["error", "cannot render; the last good file stays"],
  "account-unknown": ["warn", "account unknown"],
  "in-sync": ["debug", "in sync"],
  "out-of-sync": ["debug", "out of sync"],
  "left-alone": ["debug", "left alone"],
  "stage-kept": ["debug", "staged file kept"],
  "command-done": ["debug", "command done"],
  "command-failed": ["warn", "command failed"],
  "check-failed": ["error", "the check refused what was rendered; the last good file stays"],
  "check-slow": ["warn", "a check is slow; others go ahead"],
  "swap-failed": ["error", "cannot put a file in place"],
  overwritten: ["debug", "a mount was written to instead of replaced"],
  updated: ["debug", "file updated"],
  reloaded: ["info", "reloaded"],
  "reload-failed": ["error", "a reload failed"],
  restored: ["warn", "last good file restored"],
  "restore-failed": ["error", "cannot restore the last good file"],
  retry: ["debug", "will be tried again"],
  "pass-done": ["debug", "pass done"],
  "pass-failed": ["error", "a pass failed"],
};

/** The subscriber that logs every event. An outage of the store is told once, not at every try. */
export function logEvents(log: Logger): OnRouterEvent {
  let isLost = false;
  const told = new Map<string, string>();
  return (event) => {
    if (event.kind === "source-lost" && isLost) return;
    if (event.kind === "source-back" && !isLost) return;
    if (event.kind === "source-lost") isLost = true;
    if (event.kind === "source-back" || event.kind === "source-read") isLost = false;
    const [level, message] = lines[event.kind];
    log[level](fieldsOf(event), message);
    if (event.kind !== "pushed") return;
    // A table is pushed whole: what was wrong with it before is no news.
    const problems = event.problems.join("\n");
    if ((told.get(event.table) ?? "") !== problems) {
      log.warn(
        { table: event.table, problems: event.problems },
        "nginx left entries out; the others are served",
      );
    }
    told.set(event.table, problems);
  };
}

function fieldsOf(event: RouterEvent): object {
  const { kind: _, ...rest } = event;
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (name === "error") Object.assign(fields, failure(value));
    // The content of files may be secret.
    else if (name === "found" || name === "wanted") continue;
    else if (typeof value === "bigint") fields[name] = `${value}`;
    else if (name === "durationMs") fields[name] = Math.round(Number(value) * 10) / 10;
    else fields[name] = value;
  }
  return fields;
}

function failure(error: unknown): object {
  const hint = hintOf(error);
  return {
    error: describeError(error),
    ...(error instanceof PlatformError ? { code: error.code } : { err: error }),
    ...(hint === undefined ? {} : { hint }),
  };
}
