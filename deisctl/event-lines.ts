/** Which events somebody asked for, and how one reads. Pure. */
import type { ClusterEvent, DatedEvent } from "../cluster/events.ts";
import { compileGlob } from "../cluster/glob.ts";
import { parseTimeSpan } from "../cluster/time-span.ts";
import { mangleUnitName } from "../cluster/unit-name.ts";
import { UsageError } from "./command.ts";
import { type MachineLookup, machineLabel } from "./machine-label.ts";
import { relativeTime } from "./relative-time.ts";

/**
 * True for an event of a unit that one of the words means (a name, a glob, a component of the platform), or of a machine whose id
 * begins so, or whose address it is. Units that are gone can be asked for, so the words are not looked up in the cluster.
 */
export function eventFilter(
  words: readonly string[],
  machines: MachineLookup,
): (event: ClusterEvent) => boolean {
  if (words.length === 0) return () => true;
  const tests = words.map((word) => {
    const name = mangleUnitName(word);
    const globs = [name, `deis-${name}`, `deis-${word}@*`].map((pattern) => compileGlob(pattern));
    return ({ unit, machine }: ClusterEvent): boolean => {
      if (unit !== undefined && globs.some((glob) => glob.matches(unit))) return true;
      return machine !== undefined && (machine.startsWith(word) || machines.get(machine)?.address === word);
    };
  });
  return (event) => tests.some((test) => test(event));
}

/**
 * The moment that `--since` means: a time (`2026-11-20T19:00:00Z`, `2026-11-20 19:00`), or how long ago (`10min`, `1h 30min`).
 * Throws `UsageError`.
 */
export function sinceMoment(text: string, now: Date): Date {
  const ago = parseTimeSpan(text.replace(/^-/, "").replace(/ ago$/, ""));
  const moment = ago === undefined ? Date.parse(text) : now.getTime() - ago;
  if (Number.isFinite(moment)) return new Date(moment);
  throw new UsageError(`--since is "${text}", allowed are a time (2026-11-20T19:00:00Z) or a span (10min)`);
}

/** False if the event is known to be older. */
export function isSince(event: DatedEvent, moment: Date): boolean {
  const latest = event.time ?? event.notAfter;
  return latest === undefined || Date.parse(latest) >= moment.getTime();
}

/** How an event's time is written: `relative` to a moment for people, or as RFC 3339; `~` before one that is not its own. */
export function eventTime(event: DatedEvent, relativeTo: Date | undefined): string {
  const time = event.time ?? event.notAfter ?? event.notBefore;
  if (time === undefined) return "-";
  const text = relativeTo === undefined ? time : relativeTime(time, relativeTo);
  return event.time === undefined ? `~${text}` : text;
}

/** What it is about and what happened: `web@1.service on f1ee0001.../10.0.0.1: active (running)`. */
export function eventText(event: ClusterEvent, machines: MachineLookup): string {
  const place = event.machine === undefined ? undefined : machineLabel(event.machine, machines);
  const subject =
    event.unit === undefined
      ? (place ?? "cluster")
      : place === undefined
        ? event.unit
        : `${event.unit} on ${place}`;
  return `${subject}: ${event.message}`;
}
