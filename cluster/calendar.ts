/**
 * Calendar expressions as systemd has them (`systemd.time(7)`, "Calendar Events"): `Mon..Fri 03:30`, `*-*-01 00:00 Europe/Berlin`,
 * `hourly`, `*-02~01`. What `systemd-analyze calendar` takes is taken and means the same, with three differences: without a time
 * zone it is UTC, because the machines of a cluster need not share one; a tick falls on a whole second; and a local time that
 * occurs twice, when clocks are put back, ticks once.
 *
 * Pure.
 */
import { PlatformError } from "./errors.ts";
import { type Zone, zoneNamed } from "./time-zone.ts";

/** When something is to happen, again and again. */
export interface Calendar {
  readonly text: string;
  /** The first tick after an instant (both in ms since 1970), or undefined if there is none before 2200. */
  next(after: number): number | undefined;
}

/** Reads an expression. Throws `calendar-invalid` with the expression in it. */
export function parseCalendar(text: string): Calendar {
  const trimmed = text.trim();
  const { zone, rest } = splitZone(trimmed, text);
  const shorthand = shorthands[rest.toLowerCase()];
  const fields = new Reader(shorthand ?? rest, text).fields();
  return { text: trimmed, next: (after) => nextTick(fields, zone, after) };
}

/** The first tick of any of them after an instant. */
export function nextOf(calendars: readonly Calendar[], after: number): number | undefined {
  let first: number | undefined;
  for (const calendar of calendars) {
    const next = calendar.next(after);
    if (next !== undefined && (first === undefined || next < first)) first = next;
  }
  return first;
}

const shorthands: Readonly<Record<string, string>> = {
  minutely: "*-*-* *:*:00",
  hourly: "*-*-* *:00:00",
  daily: "*-*-* 00:00:00",
  weekly: "Mon *-*-* 00:00:00",
  monthly: "*-*-01 00:00:00",
  quarterly: "*-01,04,07,10-01 00:00:00",
  semiannually: "*-01,07-01 00:00:00",
  "semi-annually": "*-01,07-01 00:00:00",
  biannually: "*-01,07-01 00:00:00",
  "bi-annually": "*-01,07-01 00:00:00",
  yearly: "*-01-01 00:00:00",
  annually: "*-01-01 00:00:00",
};

const weekdayNames = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

/** Every value at which a tick may fall. */
interface Fields {
  /** 0 is Sunday, as `Date` has it. */
  readonly weekdays: ReadonlySet<number>;
  readonly years: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  /** Days are counted from the end of the month: 1 is the last. */
  readonly fromEnd: boolean;
  readonly hours: ReadonlySet<number>;
  readonly minutes: ReadonlySet<number>;
  readonly seconds: ReadonlySet<number>;
}

/** One number, range or repetition, as written. */
interface Part {
  readonly start: number;
  readonly stop: number | undefined;
  readonly repeat: number;
}

type Chain = readonly Part[] | "any";

const firstYear = 1970;
const lastYear = 2199;
const dayMs = 86_400_000;

function splitZone(
  text: string,
  written: string,
): { readonly zone: Zone | undefined; readonly rest: string } {
  const space = text.lastIndexOf(" ");
  const last = text.slice(space + 1);
  // Weekdays and short-hands are words too, but only the last of several words can be a zone.
  if (space === -1 || !/^[A-Za-z]/.test(last) || isWeekdays(last)) return { zone: undefined, rest: text };
  if (last.toUpperCase() === "UTC") return { zone: undefined, rest: text.slice(0, space).trimEnd() };
  const zone = zoneNamed(last);
  if (zone === undefined) throw invalid(written, `"${last}" is no time zone`);
  return { zone, rest: text.slice(0, space).trimEnd() };
}

function isWeekdays(word: string): boolean {
  return weekdayAt(word.split(/[,.-]/, 1)[0] ?? "") !== undefined;
}

function weekdayAt(word: string): number | undefined {
  const lower = word.toLowerCase();
  const at = weekdayNames.findIndex((name) => name === lower || name.slice(0, 3) === lower);
  return at === -1 ? undefined : at;
}

class Reader {
  readonly #text: string;
  readonly #written: string;
  #at = 0;

  constructor(text: string, written: string) {
    this.#text = text;
    this.#written = written;
    if (text === "") throw invalid(written, "it is empty");
  }

  fields(): Fields {
    const weekdays = this.#weekdays();
    const date = this.#date();
    const time = this.#time();
    return { weekdays, ...date, ...time };
  }

  #weekdays(): ReadonlySet<number> {
    const word = /^[A-Za-z,.-]*/.exec(this.#text)?.[0] ?? "";
    if (!/^[A-Za-z]/.test(word)) return new Set([0, 1, 2, 3, 4, 5, 6]);
    const days = new Set<number>();
    for (const item of word.replace(/,$/, "").split(",")) {
      const [from, to, ...more] = item.split(/\.\.|-/).map(weekdayAt);
      if (from === undefined || more.length > 0) throw this.#refuse(`"${item}" is no day of the week`);
      const until = item.search(/\.\.|-/) === -1 ? from : to;
      if (until === undefined) throw this.#refuse(`"${item}" is no range of days of the week`);
      // The week begins on Monday: `Sat..Sun` is a range, `Sun..Mon` is none.
      const [first, last] = [(from + 6) % 7, (until + 6) % 7];
      if (last < first) throw this.#refuse(`in "${item}" the week ends before it begins`);
      for (let day = first; day <= last; day += 1) days.add((day + 1) % 7);
    }
    this.#at = word.length;
    const next = this.#text[this.#at];
    if (next !== undefined && next !== " ") throw this.#refuse(`a space is missing before "${next}"`);
    this.#skipSpaces();
    return days;
  }

  #date(): Pick<Fields, "years" | "months" | "days" | "fromEnd"> {
    const every = {
      years: expand("any", firstYear, lastYear),
      months: expand("any", 1, 12),
      days: expand("any", 1, 31),
      fromEnd: false,
    };
    const rest = this.#text.slice(this.#at);
    if (rest.startsWith("@")) return this.#epoch();
    const word = rest.split(" ", 1)[0] ?? "";
    if (word === "" || word.includes(":")) return every;
    const chains: Chain[] = [this.#chain()];
    const separators: string[] = [];
    while (this.#peek() === "-" || this.#peek() === "~") {
      separators.push(this.#peek() ?? "");
      this.#at += 1;
      chains.push(this.#chain());
    }
    const [day = "any", month = "any", year = "any"] = chains.toReversed();
    const fromEnd = separators.at(-1) === "~";
    if (chains.length < 2 || chains.length > 3 || separators.slice(0, -1).includes("~")) {
      throw this.#refuse(`"${word}" is no date: write year-month-day or month-day`);
    }
    if (this.#peek() !== undefined && this.#peek() !== " ") throw this.#refuse(`"${word}" is no date`);
    this.#skipSpaces();
    return {
      years: this.#expand(fullYears(year), firstYear, lastYear, "year"),
      months: this.#expand(month, 1, 12, "month"),
      days: this.#expand(day, 1, fromEnd ? 28 : 31, "day", fromEnd),
      fromEnd,
    };
  }

  /** `@<seconds since 1970>`: one instant, and the time of day is part of it. */
  #epoch(): Pick<Fields, "years" | "months" | "days" | "fromEnd"> {
    const digits = /^@(\d{1,10})$/.exec(this.#text.slice(this.#at))?.[1];
    if (digits === undefined) throw this.#refuse("@ must be followed by nothing but seconds since 1970");
    const instant = new Date(Number(digits) * 1_000);
    const iso = instant.toISOString();
    this.#at = this.#text.length;
    this.#epochTime = iso.slice(11, 19);
    return {
      years: new Set([instant.getUTCFullYear()]),
      months: new Set([instant.getUTCMonth() + 1]),
      days: new Set([instant.getUTCDate()]),
      fromEnd: false,
    };
  }

  #epochTime: string | undefined;

  #time(): Pick<Fields, "hours" | "minutes" | "seconds"> {
    if (this.#epochTime !== undefined) {
      const [hour = 0, minute = 0, second = 0] = this.#epochTime.split(":").map(Number);
      return { hours: new Set([hour]), minutes: new Set([minute]), seconds: new Set([second]) };
    }
    const zero: Chain = [{ start: 0, stop: undefined, repeat: 0 }];
    let [hour, minute, second]: [Chain, Chain, Chain] = [zero, zero, zero];
    if (this.#peek() !== undefined) {
      hour = this.#chain();
      if (this.#peek() !== ":") throw this.#refuse("a time is hour:minute or hour:minute:second");
      this.#at += 1;
      minute = this.#chain();
      if (this.#peek() === ":") {
        this.#at += 1;
        second = this.#chain();
      }
      if (this.#peek() === ".") throw this.#refuse("a tick falls on a whole second");
      if (this.#peek() !== undefined) {
        throw this.#refuse(`"${this.#text.slice(this.#at)}" follows where the time should end`);
      }
    }
    return {
      hours: this.#expand(hour, 0, 23, "hour"),
      minutes: this.#expand(minute, 0, 59, "minute"),
      seconds: this.#expand(second, 0, 59, "second"),
    };
  }

  /** `*`, or numbers, ranges and repetitions with commas between. */
  #chain(): Chain {
    if (this.#peek() === "*") {
      this.#at += 1;
      return "any";
    }
    const parts: Part[] = [];
    for (;;) {
      const start = this.#number();
      let stop: number | undefined;
      let repeat = 0;
      if (this.#text.startsWith("..", this.#at)) {
        this.#at += 2;
        stop = this.#number();
        repeat = 1;
      }
      if (this.#peek() === "/") {
        this.#at += 1;
        repeat = this.#number();
        if (repeat === 0) throw this.#refuse("a repetition of 0 never comes again");
      }
      parts.push({ start, stop, repeat });
      if (this.#peek() !== ",") return parts;
      this.#at += 1;
    }
  }

  #number(): number {
    const digits = /^\d{1,9}/.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined) {
      const found = this.#text.slice(this.#at, this.#at + 8);
      throw this.#refuse(found === "" ? "a number is missing at its end" : `"${found}" should be a number`);
    }
    this.#at += digits.length;
    return Number(digits);
  }

  #expand(chain: Chain, from: number, to: number, what: string, fromEnd = false): ReadonlySet<number> {
    // Any day is any day, from wherever it is counted.
    const expanded = chain === "any" && fromEnd ? expand("any", 1, 31) : expand(chain, from, to, fromEnd);
    if (expanded === undefined)
      throw this.#refuse(`a ${what} is from ${from} to ${to}, and ranges go upwards`);
    return expanded;
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #skipSpaces(): void {
    while (this.#peek() === " ") this.#at += 1;
  }

  #refuse(why: string): PlatformError {
    return invalid(this.#written, why);
  }
}

/** The values of a chain, or undefined if it leaves its limits. */
function expand(chain: "any", from: number, to: number): ReadonlySet<number>;
function expand(chain: Chain, from: number, to: number, fromEnd?: boolean): ReadonlySet<number> | undefined;
function expand(chain: Chain, from: number, to: number, fromEnd = false): ReadonlySet<number> | undefined {
  const values = new Set<number>();
  if (chain === "any") {
    for (let value = from; value <= to; value += 1) values.add(value);
    return values;
  }
  for (const part of chain) {
    const { start, stop, repeat } = trimmedPart(part);
    if (start < from || start > to) return undefined;
    if (stop !== undefined && (stop < start || stop > to)) return undefined;
    // A repetition that never comes again within its unit is a mistake.
    const once = fromEnd ? start - repeat < from : start + repeat > to;
    if (stop === undefined && repeat > 0 && once) return undefined;
    values.add(start);
    if (repeat === 0) continue;
    // Counted from the end of the month, later days have smaller numbers.
    if (fromEnd && stop === undefined)
      for (let value = start; value >= from; value -= repeat) values.add(value);
    else for (let value = start; value <= (stop ?? to); value += repeat) values.add(value);
  }
  return values;
}

/** A range ends at the last value that its repetition reaches; one that reaches none is its start alone. */
function trimmedPart(part: Part): Part {
  const { start, stop, repeat } = part;
  if (stop === undefined || stop < start || repeat === 0) return part;
  const last = stop - ((stop - start) % repeat);
  return last === start ? { start, stop: undefined, repeat: 0 } : { start, stop: last, repeat };
}

/** Two digits stand for 1970 to 2069. */
function fullYears(chain: Chain): Chain {
  if (chain === "any") return chain;
  const full = (year: number): number => (year > 99 ? year : year < 70 ? year + 2000 : year + 1900);
  return chain.map(({ start, stop, repeat }) => ({
    start: full(start),
    stop: stop === undefined ? undefined : full(stop),
    repeat,
  }));
}

function nextTick(fields: Fields, zone: Zone | undefined, after: number): number | undefined {
  let local = Math.floor((zone ? zone.toLocal(after) : after) / 1_000) * 1_000;
  for (;;) {
    const next = nextLocal(fields, local + 1_000);
    if (next === undefined || !zone) return next;
    // A time that clocks skip does not come, and one that comes twice is over after the first.
    const instant = zone.toInstant(next);
    if (instant !== undefined && instant > after) return instant;
    local = next;
  }
}

/** The first match at or after a local time, which is written as if it were UTC. */
function nextLocal(fields: Fields, from: number): number | undefined {
  const start = new Date(from);
  for (let year = start.getUTCFullYear(); year <= lastYear; year += 1) {
    if (!fields.years.has(year)) continue;
    const sameYear = year === start.getUTCFullYear();
    for (let month = sameYear ? start.getUTCMonth() + 1 : 1; month <= 12; month += 1) {
      if (!fields.months.has(month)) continue;
      const found = nextInMonth(fields, year, month, from);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function nextInMonth(fields: Fields, year: number, month: number, from: number): number | undefined {
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  for (let day = 1; day <= length; day += 1) {
    if (!fields.days.has(fields.fromEnd ? length - day + 1 : day)) continue;
    const midnight = Date.UTC(year, month - 1, day);
    if (midnight + dayMs <= from || !fields.weekdays.has(new Date(midnight).getUTCDay())) continue;
    const second = nextSecond(fields, Math.max(0, from - midnight) / 1_000);
    if (second !== undefined) return midnight + second * 1_000;
  }
  return undefined;
}

/** The first match at or after a second of the day. */
function nextSecond({ hours, minutes, seconds }: Fields, from: number): number | undefined {
  for (let hour = Math.floor(from / 3_600); hour < 24; hour += 1) {
    if (!hours.has(hour)) continue;
    const sinceHour = Math.max(0, from - hour * 3_600);
    for (let minute = Math.floor(sinceHour / 60); minute < 60; minute += 1) {
      if (!minutes.has(minute)) continue;
      for (let second = Math.max(0, sinceHour - minute * 60); second < 60; second += 1) {
        if (seconds.has(second)) return hour * 3_600 + minute * 60 + second;
      }
    }
  }
  return undefined;
}

function invalid(text: string, why: string): PlatformError {
  return new PlatformError("calendar-invalid", `Cannot read the calendar expression "${text}": ${why}`, {
    hint: "Write it as systemd.time(7) has it: `Mon..Fri 03:30`, `*-*-01 00:00:00`, `hourly`; `systemd-analyze calendar` explains one",
  });
}
