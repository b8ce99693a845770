/**
 * The words of `[X-Fleet]` as written: their spellings, fleet's multi-values and specifiers. What they mean is in
 * `requirements.ts`.
 *
 * A name that fleet did not know is an error, since a misspelt constraint must not be dropped in silence. Pure.
 */
import type { PlatformError } from "./errors.ts";
import { expandFleetSpecifiers } from "./specifiers.ts";
import { type UnitFile, type UnitOption, unitFileError } from "./unit-file.ts";
import { nameParts } from "./unit-name.ts";

export const fleetSection = "X-Fleet";

/** Every spelling of each word; the first list that has a value wins for `MachineID`, elsewhere legacy comes before modern. */
export const spellings = {
  machineId: ["MachineID", "X-ConditionMachineID", "X-ConditionMachineBootID"],
  machineOf: ["X-ConditionMachineOf", "MachineOf"],
  machineMetadata: ["X-ConditionMachineMetadata", "MachineMetadata"],
  conflicts: ["X-Conflicts", "Conflicts"],
  prefersNot: ["PrefersNot"],
  replaces: ["Replaces"],
  maxPerMachine: ["MaxPerMachine"],
  spreadBy: ["SpreadBy"],
  moveAfterFailures: ["MoveAfterFailures"],
  runOnce: ["RunOnce"],
  onCalendar: ["OnCalendar"],
  global: ["Global"],
  fence: ["Fence"],
} as const;

const knownNames: ReadonlySet<string> = new Set(Object.values(spellings).flat());
const modernNames = [...knownNames].filter((name) => !name.startsWith("X-"));

/** One value of a word, with the line it is on. */
export interface Word {
  readonly value: string;
  readonly line: number;
}

/** The section's values by name, split and expanded, in the order written. */
export class Words {
  readonly #words = new Map<string, Word[]>();

  /** Without a name specifiers stay as written. Throws `unit-file-invalid` for a word that is not known. */
  constructor(file: UnitFile, name: string | undefined) {
    for (const { name: header, options } of file.sections) {
      if (header !== fleetSection) continue;
      for (const option of options) {
        if (!knownNames.has(option.name)) throw unknown(option);
        const words = expandedValues(option, name).map((value) => ({ value, line: option.line }));
        const earlier = this.#words.get(option.name);
        if (earlier === undefined) this.#words.set(option.name, words);
        else earlier.push(...words);
      }
    }
  }

  all(names: readonly string[]): readonly Word[] {
    return names.flatMap((name) => this.#words.get(name) ?? []);
  }

  values(names: readonly string[]): readonly string[] {
    return this.all(names).map(({ value }) => value);
  }

  /** The last value is the one that counts. */
  isTrue(names: readonly string[]): boolean {
    const value = this.values(names).at(-1);
    return value !== undefined && ["true", "yes", "1", "on", "t"].includes(value.toLowerCase());
  }

  /** A whole number from 1; an empty value takes an earlier one back. Throws `unit-file-invalid`. */
  count(names: readonly string[]): number | undefined {
    const word = this.all(names).at(-1);
    if (word === undefined || word.value === "") return undefined;
    if (/^[1-9]\d{0,8}$/.test(word.value)) return Number(word.value);
    throw unitFileError(
      word.line,
      `${names[0]}=${JSON.stringify(word.value)} is not a whole number from 1`,
      `Write ${names[0]}=1 or a larger number, or drop the line for no limit`,
    );
  }
}

/** The values of one assignment, split and expanded for the unit of this name. */
export function expandedValues(option: UnitOption, name: string | undefined): readonly string[] {
  const parts = name === undefined ? undefined : nameParts(name);
  return splitMultivalue(option.value).map((value) => expandFleetSpecifiers(value, parts));
}

/** Words apart by white space, as Go's `strings.Fields`. */
export function fields(value: string): readonly string[] {
  return value.split(/[\s\u0085]+/u).filter((word) => word !== "");
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

function unknown(option: UnitOption): PlatformError {
  return unitFileError(
    option.line,
    `unrecognized requirement in [X-Fleet] section: ${JSON.stringify(option.name)}`,
    `Known in [X-Fleet]: ${modernNames.join(", ")}`,
  );
}
