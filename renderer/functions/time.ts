/**
 * Go's `time.Time` as `datetime` gives it to templates: the usual methods, and `Format` with every element of Go's layouts.
 *
 * Pure: the moment and its zone come from the caller.
 */
import { GoScalar, GoStruct, type GoType, named, structOf, types } from "../gotmpl/index.ts";

/** A zone's abbreviation and its offset at a given moment. */
export interface Zone {
  readonly name: string;
  readonly offsetMinutes: number;
}

interface Moment {
  readonly ms: number;
  readonly zone: Zone;
  /** The zone of this machine, for `Local`. */
  readonly local: Zone;
}

const utc: Zone = { name: "UTC", offsetMinutes: 0 };
const months = "January February March April May June July August September October November December".split(
  " ",
);
const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

const month = namedInt("time.Month", months, 1);
const weekday = namedInt("time.Weekday", days, 0);
const duration = named("time.Duration", types.int64, {
  String: { in: [], out: types.string, call: (self: GoScalar) => showDuration(BigInt(self.value as bigint)) },
  Hours: inUnits(3.6e12),
  Minutes: inUnits(6e10),
  Seconds: inUnits(1e9),
  Milliseconds: inWholeUnits(1_000_000n),
  Microseconds: inWholeUnits(1_000n),
  Nanoseconds: inWholeUnits(1n),
});

/** The type `time.Time`. Its fields are hidden, as Go's are unexported. */
export const timeType: GoType = structOf("time.Time", []);

/** A moment as a value for templates. */
export function timeOf(date: Date, local: Zone): GoStruct {
  return made({ ms: date.getTime(), zone: local, local });
}

function made(moment: Moment): GoStruct {
  return new GoStruct(timeType, [], moment);
}

function momentOf(self: GoStruct): Moment {
  return self.hidden as Moment;
}

/** The moment's wall clock as if it were UTC. */
function wall({ ms, zone }: Moment): Date {
  return new Date(ms + zone.offsetMinutes * 60_000);
}

function method(out: GoType, call: (moment: Moment) => string | bigint | boolean | GoScalar | GoStruct) {
  return { in: [], out, call: (self: GoStruct) => call(momentOf(self)) };
}

/** A method of several results, which Go's templates refuse to call. */
function several(results: number) {
  return { in: [], out: types.any, results, call: () => null };
}

function inUnits(nanoseconds: number) {
  return { in: [], out: types.float64, call: (self: GoScalar) => Number(self.value) / nanoseconds };
}

function inWholeUnits(nanoseconds: bigint) {
  const call = (self: GoScalar) => int64(BigInt(self.value as bigint) / nanoseconds);
  return { in: [], out: types.int64, call };
}

function compared(call: (one: number, other: number) => boolean) {
  return {
    in: [timeType],
    out: types.bool,
    call: (self: GoStruct, other: GoStruct) => call(momentOf(self).ms, momentOf(other).ms),
  };
}

const methods = new Map(
  Object.entries({
    Year: method(types.int, (it) => BigInt(wall(it).getUTCFullYear())),
    Month: method(month, (it) => new GoScalar(month, BigInt(wall(it).getUTCMonth() + 1))),
    Day: method(types.int, (it) => BigInt(wall(it).getUTCDate())),
    Hour: method(types.int, (it) => BigInt(wall(it).getUTCHours())),
    Minute: method(types.int, (it) => BigInt(wall(it).getUTCMinutes())),
    Second: method(types.int, (it) => BigInt(wall(it).getUTCSeconds())),
    Nanosecond: method(types.int, (it) => BigInt(wall(it).getUTCMilliseconds()) * 1_000_000n),
    Weekday: method(weekday, (it) => new GoScalar(weekday, BigInt(wall(it).getUTCDay()))),
    YearDay: method(types.int, (it) => BigInt(yearDay(wall(it)))),
    Unix: method(types.int64, (it) => int64(BigInt(Math.floor(it.ms / 1_000)))),
    UnixMilli: method(types.int64, (it) => int64(BigInt(it.ms))),
    UnixMicro: method(types.int64, (it) => int64(BigInt(it.ms) * 1_000n)),
    UnixNano: method(types.int64, (it) => int64(BigInt(it.ms) * 1_000_000n)),
    IsZero: method(types.bool, () => false),
    Clock: several(3),
    Date: several(3),
    ISOWeek: several(2),
    Zone: several(2),
    ZoneBounds: several(2),
    UTC: method(timeType, (it) => made({ ...it, zone: utc })),
    Local: method(timeType, (it) => made({ ...it, zone: it.local })),
    String: method(types.string, (it) => format(it, "2006-01-02 15:04:05.999999999 -0700 MST")),
    GoString: method(types.string, goString),
    Before: compared((one, other) => one < other),
    After: compared((one, other) => one > other),
    Equal: compared((one, other) => one === other),
    Format: {
      in: [types.string],
      out: types.string,
      call: (self: GoStruct, layout: string) => format(momentOf(self), layout),
    },
    AddDate: {
      in: [types.int, types.int, types.int],
      out: timeType,
      call: (self: GoStruct, years: bigint, monthCount: bigint, dayCount: bigint) => {
        const it = momentOf(self);
        const date = wall(it);
        date.setUTCFullYear(
          date.getUTCFullYear() + Number(years),
          date.getUTCMonth() + Number(monthCount),
          date.getUTCDate() + Number(dayCount),
        );
        return made({ ...it, ms: date.getTime() - it.zone.offsetMinutes * 60_000 });
      },
    },
    Add: {
      in: [duration],
      out: timeType,
      call: (self: GoStruct, span: GoScalar) => {
        const it = momentOf(self);
        return made({ ...it, ms: it.ms + Number(span.value) / 1e6 });
      },
    },
    Sub: {
      in: [timeType],
      out: duration,
      call: (self: GoStruct, other: GoStruct) =>
        new GoScalar(duration, BigInt(momentOf(self).ms - momentOf(other).ms) * 1_000_000n),
    },
  }),
);
Object.assign(timeType, { methods });

/** The moment as Go source, which `%#v` shows. */
function goString(it: Moment): string {
  const date = wall(it);
  const zone = it.zone === utc ? "UTC" : "Local";
  const clock = [
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds() * 1e6,
  ];
  const month = months[date.getUTCMonth()] ?? "";
  return `time.Date(${date.getUTCFullYear()}, time.${month}, ${date.getUTCDate()}, ${clock.join(", ")}, time.${zone})`;
}

function namedInt(name: string, names: readonly string[], first: number): GoType {
  return named(name, types.int, {
    String: { in: [], out: types.string, call: (self: GoScalar) => names[Number(self.value) - first] ?? "" },
  });
}

function int64(value: bigint): GoScalar {
  return new GoScalar(types.int64, value);
}

function yearDay(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

/** The elements of a layout, longest first where one begins another. */
const element =
  /January|Jan|Monday|Mon|MST|2006|__2|002|_2|01|02|03|04|05|06|15|PM|pm|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5/g;

function format(moment: Moment, layout: string): string {
  const date = wall(moment);
  return layout.replace(element, (found: string, offset: number) => {
    // "Jan" and "Mon" inside a longer lower-case word are just letters.
    if ((found === "Jan" || found === "Mon") && /^[a-z]/.test(layout.slice(offset + 3))) return found;
    if (found === "_2" && layout.startsWith("_2006", offset)) return found;
    return part(found, date, moment.zone);
  });
}

function part(found: string, date: Date, zone: Zone): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const hour = date.getUTCHours();
  switch (found) {
    case "2006":
      return String(date.getUTCFullYear()).padStart(4, "0");
    case "06":
      return two(date.getUTCFullYear() % 100);
    case "January":
      return months[date.getUTCMonth()] ?? "";
    case "Jan":
      return (months[date.getUTCMonth()] ?? "").slice(0, 3);
    case "01":
      return two(date.getUTCMonth() + 1);
    case "1":
      return String(date.getUTCMonth() + 1);
    case "Monday":
      return days[date.getUTCDay()] ?? "";
    case "Mon":
      return (days[date.getUTCDay()] ?? "").slice(0, 3);
    case "02":
      return two(date.getUTCDate());
    case "_2":
      return String(date.getUTCDate()).padStart(2, " ");
    case "2":
      return String(date.getUTCDate());
    case "002":
      return String(yearDay(date)).padStart(3, "0");
    case "__2":
      return String(yearDay(date)).padStart(3, " ");
    case "15":
      return two(hour);
    case "03":
      return two(hour % 12 || 12);
    case "3":
      return String(hour % 12 || 12);
    case "04":
      return two(date.getUTCMinutes());
    case "4":
      return String(date.getUTCMinutes());
    case "05":
      return two(date.getUTCSeconds());
    case "5":
      return String(date.getUTCSeconds());
    case "PM":
      return hour >= 12 ? "PM" : "AM";
    case "pm":
      return hour >= 12 ? "pm" : "am";
    case "MST":
      return zone.name;
  }
  if (/^[.,]/.test(found)) return fraction(found, date.getUTCMilliseconds());
  return offset(found, zone.offsetMinutes);
}

/** `.000` shows so many digits, `.999` as many without the zeros at the end. */
function fraction(found: string, milliseconds: number): string {
  const digits = `${String(milliseconds).padStart(3, "0")}000000`.slice(0, found.length - 1);
  if (found[1] === "0") return `${found[0]}${digits}`;
  const short = digits.replace(/0+$/, "");
  return short === "" ? "" : `${found[0]}${short}`;
}

function offset(found: string, minutes: number): string {
  if (found.startsWith("Z") && minutes === 0) return "Z";
  const digits = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const colon = found.includes(":") ? ":" : "";
  const size = found.replace(/[^0-9]/g, "").length;
  const parts = [digits(Math.abs(minutes) / 60), digits(Math.abs(minutes) % 60), "00"].slice(0, size / 2);
  return `${minutes < 0 ? "-" : "+"}${parts.join(colon)}`;
}

/** `1h2m3.5s`, as Go's `Duration.String`. */
function showDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return "0s";
  const sign = nanoseconds < 0n ? "-" : "";
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const decimal = (divisor: bigint, width: number): string => {
    const rest = (size % divisor).toString().padStart(width, "0").replace(/0+$/, "");
    return rest === "" ? "" : `.${rest}`;
  };
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${size / 1_000n}${decimal(1_000n, 3)}µs`;
  if (size < 1_000_000_000n) return `${sign}${size / 1_000_000n}${decimal(1_000_000n, 6)}ms`;
  const seconds = size / 1_000_000_000n;
  const [hours, minutes] = [seconds / 3_600n, (seconds / 60n) % 60n];
  const head = hours > 0n ? `${hours}h${minutes}m` : minutes > 0n ? `${minutes}m` : "";
  return `${sign}${head}${seconds % 60n}${decimal(1_000_000_000n, 9)}s`;
}
