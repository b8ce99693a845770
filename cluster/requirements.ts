/**
 * What a unit asks of its machine and neighbours, and how it is to be run: fleet's `[X-Fleet]` section with its legacy
 * names, and our own words beside them, none of which changes the meaning of an old file.
 *
 * A value that fleet took and could never honour (`MachineMetadata=ssd`) is taken here too, and `requirementWarnings` says so.
 * Combinations are judged in `requirement-checks.ts`.
 *
 * Pure.
 */
import { parseCalendar } from "./calendar.ts";
import { PlatformError } from "./errors.ts";
import { fields, fleetSection, spellings, type Word, Words } from "./fleet-words.ts";
import { type UnitFile, unitFileError } from "./unit-file.ts";

export interface Requirements {
  /** The one machine that may take the unit, by full id. */
  readonly machineId?: string;
  /** Alternatives by key: one value of every key must be the machine's. */
  readonly machineMetadata: ReadonlyMap<string, readonly string[]>;
  /** Values by key that the machine must not have; a machine without the key is fine. */
  readonly machineMetadataNot: ReadonlyMap<string, readonly string[]>;
  /** Units that must be on the same machine: names, or globs that stand for every wanted unit they match. */
  readonly machineOf: readonly string[];
  /** Globs (Go `path.Match`) of unit names that must not share the machine; they bind both ways. */
  readonly conflicts: readonly string[];
  /** Globs of unit names that had better not share the machine: both ways, ranked by and never a reason to refuse. */
  readonly prefersNot: readonly string[];
  /** Globs of unit names whose units must leave the machine this unit takes. */
  readonly replaces: readonly string[];
  /** Most instances of the unit's template on one machine, from 1. */
  readonly maxPerMachine?: number;
  /** Machine metadata keys whose values get equally many instances of the unit's template, the most important first. */
  readonly spreadBy: readonly string[];
  /** After so many failures on one machine, from 1, the unit is placed elsewhere. */
  readonly moveAfterFailures?: number;
  /** The unit runs to its end once, and is not run again because it is placed again. */
  readonly runOnce: boolean;
  /** Calendar expressions: the unit runs to its end at each tick. None: it is no timer. */
  readonly onCalendar: readonly string[];
  /** One copy on every machine that fits. */
  readonly global: boolean;
  /** The unit must never run twice: its agent stops it before its lease can lapse. */
  readonly fence: boolean;
}

/** What a unit without `[X-Fleet]` asks. */
export const noRequirements: Requirements = {
  machineMetadata: new Map(),
  machineMetadataNot: new Map(),
  machineOf: [],
  conflicts: [],
  prefersNot: [],
  replaces: [],
  spreadBy: [],
  runOnce: false,
  onCalendar: [],
  global: false,
  fence: false,
};

/**
 * Reads `[X-Fleet]` for the unit of this name; without a name, or with one that has no type, specifiers stay as written.
 * Throws `unit-file-invalid` for a word that is not known, and for a number or a calendar expression that is none.
 */
export function parseRequirements(file: UnitFile, name?: string): Requirements {
  if (!file.has(fleetSection)) return noRequirements;
  const words = new Words(file, name);
  const machineId = spellings.machineId
    .map((spelling) => words.values([spelling])[0])
    .find((id) => id !== undefined);
  const maxPerMachine = words.count(spellings.maxPerMachine);
  const moveAfterFailures = words.count(spellings.moveAfterFailures);
  return {
    ...(machineId === undefined ? {} : { machineId }),
    ...metadataOf(words.values(spellings.machineMetadata)),
    machineOf: words.values(spellings.machineOf),
    conflicts: words.values(spellings.conflicts).flatMap(fields),
    prefersNot: words.values(spellings.prefersNot).flatMap(fields),
    replaces: words.values(spellings.replaces),
    ...(maxPerMachine === undefined ? {} : { maxPerMachine }),
    spreadBy: [...new Set(words.values(spellings.spreadBy).flatMap(fields))],
    ...(moveAfterFailures === undefined ? {} : { moveAfterFailures }),
    runOnce: words.isTrue(spellings.runOnce),
    onCalendar: calendarsOf(words.all(spellings.onCalendar)),
    global: words.isTrue(spellings.global),
    fence: words.isTrue(spellings.fence),
  };
}

/** True for a unit that is to end: it runs once for each start, or once for each tick. */
export function runsToCompletion({ runOnce, onCalendar }: Requirements): boolean {
  return runOnce || onCalendar.length > 0;
}

/**
 * True if a value of `MachineOf=` is a glob rather than a name. A backslash alone makes none: names have them, and fleet took
 * them as they are.
 */
export function isPeerGlob(peer: string): boolean {
  return /[*?[]/.test(peer);
}

/** Pairs of the form `key=value` and `key!=value`; what is of no such form is dropped. */
export function metadataOf(
  pairs: readonly string[],
): Pick<Requirements, "machineMetadata" | "machineMetadataNot"> {
  const machineMetadata = new Map<string, string[]>();
  const machineMetadataNot = new Map<string, string[]>();
  for (const pair of pairs) {
    const [key, value, ...more] = pair.split("=");
    if (!key || !value || more.length > 0) continue;
    const isNot = key.length > 1 && key.endsWith("!");
    add(isNot ? machineMetadataNot : machineMetadata, isNot ? key.slice(0, -1) : key, value);
  }
  return { machineMetadata, machineMetadataNot };
}

function add(metadata: Map<string, string[]>, key: string, value: string): void {
  const values = metadata.get(key);
  if (values === undefined) metadata.set(key, [value]);
  else if (!values.includes(value)) values.push(value);
}

/** As systemd has it: several lines add up, and an empty one takes the earlier ones back. */
function calendarsOf(words: readonly Word[]): readonly string[] {
  const calendars: string[] = [];
  for (const { value, line } of words) {
    if (value === "") {
      calendars.length = 0;
      continue;
    }
    try {
      calendars.push(parseCalendar(value).text);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      throw unitFileError(line, error.message, error.hint ?? "");
    }
  }
  return calendars;
}
