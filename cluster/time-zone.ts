/**
 * Between instants and what the clocks of a time zone show. A local time is written as if it were UTC, in ms. Pure: the zones are
 * those that the JavaScript engine knows (the IANA data base).
 */

export interface Zone {
  /** What clocks there show at an instant. */
  toLocal(instant: number): number;
  /** The first instant at which they show a local time, or undefined if they skip it. */
  toInstant(local: number): number | undefined;
}

/** The zone of this name, such as `Europe/Berlin`, or undefined if there is none. */
export function zoneNamed(name: string): Zone | undefined {
  const format = formatOf(name);
  if (!format) return undefined;
  const toLocal = (instant: number): number => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
  return {
    toLocal,
    toInstant: (local) => {
      // No zone changes its offset twice within two days: one of these two is in force.
      const offsets = [local - dayMs, local + dayMs].map((near) => toLocal(near) - near);
      const instants = offsets
        .map((offset) => local - offset)
        .filter((instant) => toLocal(instant) === local);
      return instants.length === 0 ? undefined : Math.min(...instants);
    },
  };
}

const dayMs = 86_400_000;

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
