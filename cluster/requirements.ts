/**
 * What a unit asks of its machine and neighbours: fleet's `[X-Fleet]` section, with its legacy names.
 *
 * A value that fleet took and could never honour (`MachineMetadata=ssd`) is taken here too, and `requirementWarnings` says so;
 * a name that fleet did not know is an error, since a misspelt constraint must not be dropped in silence.
 *
 * Pure.
 */
import { PlatformError } from "./errors.ts";
import { compileGlob } from "./glob.ts";
import { expandFleetSpecifiers } from "./specifiers.ts";
import { type UnitFile, type UnitOption, unitFileError } from "./unit-file.ts";
import { nameParts } from "./unit-name.ts";

export interface Requirements {
  /** The one machine that may take the unit, by full id. */
  readonly machineId?: string;
  /** Alternatives by key: one value of every key must be the machine's. */
  readonly machineMetadata: ReadonlyMap<string, readonly string[]>;
  /** Units that must be on the same machine, by exact name. */
  readonly machineOf: readonly string[];
  /** Globs (Go `path.Match`) of unit names that must not share the machine; they bind both ways. */
  readonly conflicts: readonly string[];
  /** Globs of unit names whose units must leave the machine this unit takes. */
  readonly replaces: readonly string[];
  /** One copy on every machine that fits. */
  readonly global: boolean;
  /** The unit must never run twice: its agent stops it before its lease can lapse. */
  readonly fence: boolean;
}

const section = "X-Fleet";

/** What a unit without `[X-Fleet]` asks. */
const none: Requirements = {
  machineMetadata: new Map(),
  machineOf: [],
  conflicts: [],
  replaces: [],
  global: false,
  fence: false,
};

/** Every spelling of each word; the first list that has a value wins for `MachineID`, elsewhere legacy comes before modern. */
const spellings = {
  machineId: ["MachineID", "X-ConditionMachineID", "X-ConditionMachineBootID"],
  machineOf: ["X-ConditionMachineOf", "MachineOf"],
  machineMetadata: ["X-ConditionMachineMetadata", "MachineMetadata"],
  conflicts: ["X-Conflicts", "Conflicts"],
  replaces: ["Replaces"],
  global: ["Global"],
  fence: ["Fence"],
} as const;

const knownNames: ReadonlySet<string> = new Set(Object.values(spellings).flat());
const modernNames = [
  "MachineID",
  "MachineOf",
  "MachineMetadata",
  "Conflicts",
  "Replaces",
  "Global",
  "Fence",
] as const;

/**
 * Reads `[X-Fleet]` for the unit of this name; without a name, or with one that has no type, specifiers stay as written.
 * Throws `unit-file-invalid` for a word that is not known.
 */
export function parseRequirements(file: UnitFile, name?: string): Requirements {
  if (!file.has(section)) return none;
  const words = new Words(file, name);
  const machineId = spellings.machineId
    .map((spelling) => words.values([spelling])[0])
    .find((id) => id !== undefined);
  return {
    ...(machineId === undefined ? {} : { machineId }),
    machineMetadata: metadataOf(words.values(spellings.machineMetadata)),
    machineOf: words.values(spellings.machineOf),
    conflicts: words.values(spellings.conflicts).flatMap(fields),
    replaces: words.values(spellings.replaces),
    global: isTrue(words.values(spellings.global).at(-1)),
    fence: isTrue(words.values(spellings.fence).at(-1)),
  };
}

/**
 * Throws `unit-file-invalid` for combinations that no machine can meet, with fleet's words and in fleet's order; then for a
 * machine id of eight digits. fleet made this check before it knew the unit's name: give it requirements read without one.
 */
export function validateRequirements(requirements: Requirements): void {
  const { machineId, machineOf, conflicts, replaces, global } = requirements;
  const clash = clashOf(requirements);
  if (clash !== undefined) throw invalid(clash, "Drop one of the two from [X-Fleet]");
  const combinations: readonly (readonly [boolean, string])[] = [
    [machineId !== undefined && machineOf.length > 0, "MachineID cannot be used with Peers"],
    [machineId !== undefined && conflicts.length > 0, "MachineID cannot be used with Conflicts"],
    [machineId !== undefined && global, "MachineID cannot be used with Global"],
    [machineId !== undefined && replaces.length > 0, "MachineID cannot be used with Replaces"],
    [global && machineOf.length > 0, "Global cannot be used with Peers"],
    [global && replaces.length > 0, "Global cannot be used with Replaces"],
    [conflicts.length > 0 && replaces.length > 0, "Conflicts cannot be used with Replaces"],
  ];
  const refused = combinations.find(([holds]) => holds)?.[1];
  if (refused !== undefined) {
    throw invalid(refused, "Drop one of the two from [X-Fleet] (Peers are the units named by MachineOf=)");
  }
  if (machineId !== undefined && /^[0-9a-f]{8}$/i.test(machineId)) {
    throw invalid(
      `MachineID "${machineId}" is a short machine id, and only a full one names a machine`,
      "Take the id of 32 digits from `deisctl list-machines --full`",
    );
  }
}

/** What in `[X-Fleet]` is taken but has no effect or can never be met, a sentence each, in the order written. */
export function requirementWarnings(file: UnitFile, name: string): readonly string[] {
  const warnings: string[] = [];
  for (const option of file.options()) {
    if (option.section !== section) continue;
    for (const value of expandedValues(option, name)) {
      const warning = warningOf(option.name, value);
      if (warning !== undefined) warnings.push(`Line ${option.line}: ${warning}`);
    }
  }
  const clash = clashOf(parseRequirements(file, name));
  if (clash !== undefined) warnings.push(`No machine can take "${name}": ${clash}`);
  return warnings;
}

/**
 * fleet's multi-values: a value that begins and ends with `"` is a list of words in quotes; any other is one value. Quotes
 * have no escapes: a `"` anywhere opens or closes one, and only a space between words separates.
 */
export function splitMultivalue(value: string): readonly string[] {
  if (!value.startsWith('"') || !value.endsWith('"')) return [value];
  const values: string[] = [];
  let word = "";
  let quoted = false;
  for (const character of value) {
    if (character === '"') quoted = !quoted;
    else if (character === " " && !quoted) {
      values.push(word);
      word = "";
    } else word += character;
  }
  values.push(word);
  return values;
}

/** The section's values by name, split and expanded, in the order written. */
class Words {
  readonly #values = new Map<string, string[]>();

  constructor(file: UnitFile, name: string | undefined) {
    for (const { name: header, options } of file.sections) {
      if (header !== section) continue;
      for (const option of options) {
        if (!knownNames.has(option.name)) throw unknown(option);
        const values = expandedValues(option, name);
        const earlier = this.#values.get(option.name);
        if (earlier === undefined) this.#values.set(option.name, [...values]);
        else earlier.push(...values);
      }
    }
  }

  values(names: readonly string[]): readonly string[] {
    return names.flatMap((name) => this.#values.get(name) ?? []);
  }
}

function expandedValues(option: UnitOption, name: string | undefined): readonly string[] {
  const parts = name === undefined ? undefined : nameParts(name);
  return splitMultivalue(option.value).map((value) => expandFleetSpecifiers(value, parts));
}

function metadataOf(pairs: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const metadata = new Map<string, string[]>();
  for (const pair of pairs) {
    const [key, value, ...more] = pair.split("=");
    if (!key || !value || more.length > 0) continue;
    const values = metadata.get(key);
    if (values === undefined) metadata.set(key, [value]);
    else if (!values.includes(value)) values.push(value);
  }
  return metadata;
}

/** Words apart by white space, as Go's `strings.Fields`. */
function fields(value: string): readonly string[] {
  return value.split(/[\s\u0085]+/u).filter((word) => word !== "");
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["true", "yes", "1", "on", "t"].includes(value.toLowerCase());
}

function clashOf({ machineOf, conflicts, replaces }: Requirements): string | undefined {
  for (const [word, patterns] of [
    ["conflict", conflicts],
    ["replace", replaces],
  ] as const) {
    const globs = patterns.map(compileGlob);
    for (const peer of machineOf) {
      const glob = globs.find((candidate) => candidate.matches(peer));
      if (glob === undefined) continue;
      return `unresolvable requirements: peer ${JSON.stringify(peer)} matches ${word} ${JSON.stringify(glob.pattern)}`;
    }
  }
  return undefined;
}

function warningOf(name: string, value: string): string | undefined {
  switch (name) {
    case "MachineMetadata":
    case "X-ConditionMachineMetadata":
      if (metadataOf([value]).size > 0) return undefined;
      return `${name}="${value}" has no effect, because it is not of the form key=value`;
    case "MachineID":
    case "X-ConditionMachineID":
    case "X-ConditionMachineBootID":
      if (/^[0-9a-f]{32}$/.test(value)) return undefined;
      return `${name}="${value}" can match no machine, because a machine id is 32 lower-case hex digits`;
    case "Conflicts":
    case "X-Conflicts":
      return fields(value).map(malformedWarning(name)).find(Boolean);
    case "Replaces":
      return malformedWarning(name)(value);
    case "MachineOf":
    case "X-ConditionMachineOf":
      if (value !== "") return undefined;
      return `${name}= names no unit, so no machine can meet it`;
    default:
      return undefined;
  }
}

function malformedWarning(name: string): (pattern: string) => string | undefined {
  return (pattern) =>
    compileGlob(pattern).malformed
      ? `${name}="${pattern}" matches nothing, because the pattern is malformed`
      : undefined;
}

function unknown(option: UnitOption): PlatformError {
  return unitFileError(
    option.line,
    `unrecognized requirement in [X-Fleet] section: ${JSON.stringify(option.name)}`,
    `Known in [X-Fleet]: ${modernNames.join(", ")}`,
  );
}

function invalid(message: string, hint: string): PlatformError {
  return new PlatformError("unit-file-invalid", message, { hint });
}
