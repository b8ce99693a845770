/**
 * Time spans as systemd writes them: `20m`, `1min 30s`, `infinity`, and a bare number for seconds (`systemd.time(7)`).
 *
 * Pure.
 */

/** Milliseconds of each unit and its names. Months and years are average ones, as in systemd. */
const unitMilliseconds: ReadonlyMap<string, number> = new Map(
  (
    [
      [0.001, ["us", "usec", "µs", "μs"]],
      [1, ["ms", "msec"]],
      [1000, ["s", "sec", "second", "seconds", ""]],
      [60_000, ["m", "min", "minute", "minutes"]],
      [3_600_000, ["h", "hr", "hour", "hours"]],
      [86_400_000, ["d", "day", "days"]],
      [604_800_000, ["w", "week", "weeks"]],
      [2_629_800_000, ["M", "month", "months"]],
      [31_557_600_000, ["y", "year", "years"]],
    ] as const
  ).flatMap(([milliseconds, names]) => names.map((name) => [name, milliseconds] as const)),
);

/** Milliseconds, `Infinity` for `infinity`, or undefined if this is no time span. */
export function parseTimeSpan(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "infinity") return Number.POSITIVE_INFINITY;
  // Sticky, so that each part begins where the last one ended and no text is read twice.
  const part = /(\d+(?:\.\d+)?)\s*([a-zA-Zµμ]*)\s*/uy;
  let total = 0;
  do {
    const [, amount, unit] = part.exec(trimmed) ?? [];
    const milliseconds = unitMilliseconds.get(unit ?? "");
    if (amount === undefined || milliseconds === undefined) return undefined;
    total += Number(amount) * milliseconds;
  } while (part.lastIndex < trimmed.length);
  return total;
}
