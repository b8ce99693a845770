/**
 * What is wrong with a unit's requirements: combinations that no machine can meet are errors, words without effect are
 * warnings. Pure.
 */
import { PlatformError } from "./errors.ts";
import { expandedValues, fields, fleetSection } from "./fleet-words.ts";
import { compileGlob } from "./glob.ts";
import {
  isPeerGlob,
  metadataOf,
  parseRequirements,
  type Requirements,
  runsToCompletion,
} from "./requirements.ts";
import type { UnitFile } from "./unit-file.ts";
import { isTemplate, templateOf } from "./unit-name.ts";

/**
 * Throws `unit-file-invalid` for combinations that no machine can meet: fleet's own with fleet's words and in fleet's order,
 * then those of our words, then a machine id of eight digits. fleet made this check before it knew the unit's name: give it
 * requirements read without one.
 */
export function validateRequirements(requirements: Requirements): void {
  const { machineId, machineOf, conflicts, replaces, global } = requirements;
  const clash = clashOf(requirements);
  if (clash !== undefined) throw invalid(clash, "Drop one of the two from [X-Fleet]");
  const timer = requirements.onCalendar.length > 0;
  const moves = requirements.moveAfterFailures !== undefined;
  const combinations: readonly (readonly [boolean, string])[] = [
    [machineId !== undefined && machineOf.length > 0, "MachineID cannot be used with Peers"],
    [machineId !== undefined && conflicts.length > 0, "MachineID cannot be used with Conflicts"],
    [machineId !== undefined && global, "MachineID cannot be used with Global"],
    [machineId !== undefined && replaces.length > 0, "MachineID cannot be used with Replaces"],
    [global && machineOf.length > 0, "Global cannot be used with Peers"],
    [global && replaces.length > 0, "Global cannot be used with Replaces"],
    [conflicts.length > 0 && replaces.length > 0, "Conflicts cannot be used with Replaces"],
    [global && requirements.runOnce, "Global cannot be used with RunOnce"],
    [global && timer, "Global cannot be used with OnCalendar"],
    [global && moves, "Global cannot be used with MoveAfterFailures"],
    [machineId !== undefined && moves, "MachineID cannot be used with MoveAfterFailures"],
    [machineOf.length > 0 && moves, "Peers cannot be used with MoveAfterFailures"],
    [moves && runsToCompletion(requirements), "MoveAfterFailures cannot be used with RunOnce or OnCalendar"],
    [
      replaces.length > 0 && runsToCompletion(requirements),
      "Replaces cannot be used with RunOnce or OnCalendar",
    ],
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

/** Throws `unit-file-invalid` for a unit that is to run to its end and is no service: nothing else ends. */
export function validateRuns(requirements: Requirements, name: string): void {
  if (!runsToCompletion(requirements) || name.endsWith(".service")) return;
  const word = requirements.runOnce ? "RunOnce" : "OnCalendar";
  throw invalid(
    `${word} needs a service, and "${name}" is none`,
    "Give the unit a name that ends in .service",
  );
}

/** What in `[X-Fleet]` is taken but has no effect or can never be met, a sentence each, in the order written. */
export function requirementWarnings(file: UnitFile, name: string): readonly string[] {
  const warnings: string[] = [];
  for (const option of file.options()) {
    if (option.section !== fleetSection) continue;
    for (const value of expandedValues(option, name)) {
      const warning = warningOf(option.name, value);
      if (warning !== undefined) warnings.push(`Line ${option.line}: ${warning}`);
    }
  }
  const requirements = parseRequirements(file, name);
  const impossible = clashOf(requirements) ?? contradictionOf(requirements);
  if (impossible !== undefined) warnings.push(`No machine can take "${name}": ${impossible}`);
  warnings.push(...idleWords(requirements, file, name));
  return warnings;
}

/** Words that cannot do anything for this unit. */
function idleWords(requirements: Requirements, file: UnitFile, name: string): readonly string[] {
  const { machineId, maxPerMachine, spreadBy, prefersNot, machineOf, moveAfterFailures } = requirements;
  const warnings: string[] = [];
  if (templateOf(name) === undefined && !isTemplate(name)) {
    const why = `has no effect, because "${name}" is no instance of a template`;
    if (maxPerMachine !== undefined) warnings.push(`MaxPerMachine ${why}`);
    if (spreadBy.length > 0) warnings.push(`SpreadBy ${why}`);
  }
  const fixed = requirements.global ? "Global" : machineId === undefined ? undefined : "MachineID";
  if (fixed !== undefined && spreadBy.length > 0) {
    warnings.push(`SpreadBy has no effect, because ${fixed} leaves no choice of a machine`);
  }
  const avoided = machineOf.find((peer) => prefersNot.some((glob) => compileGlob(glob).matches(peer)));
  if (avoided !== undefined) {
    warnings.push(`PrefersNot has no effect on "${avoided}", because MachineOf puts the unit beside it`);
  }
  const restart = file.values("Service", "Restart").at(-1) ?? "no";
  if (runsToCompletion(requirements) && restart === "always") {
    warnings.push("The unit never runs to its end, because Restart=always starts it again each time");
  }
  if (moveAfterFailures !== undefined && moveAfterFailures > 1 && restart === "no") {
    warnings.push(
      `MoveAfterFailures=${moveAfterFailures} is never reached, because without Restart= the unit fails once and stays failed`,
    );
  }
  return warnings;
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

/** A key all of whose wanted values are unwanted too. */
function contradictionOf({ machineMetadata, machineMetadataNot }: Requirements): string | undefined {
  for (const [key, values] of machineMetadata) {
    const unwanted = machineMetadataNot.get(key) ?? [];
    if (values.every((value) => unwanted.includes(value))) {
      return `MachineMetadata asks for "${key}=${values[0]}" and for "${key}!=${values[0]}"`;
    }
  }
  return undefined;
}

function warningOf(name: string, value: string): string | undefined {
  switch (name) {
    case "MachineMetadata":
    case "X-ConditionMachineMetadata": {
      const { machineMetadata, machineMetadataNot } = metadataOf([value]);
      if (machineMetadata.size + machineMetadataNot.size > 0) return undefined;
      return `${name}="${value}" has no effect, because it is not of the form key=value or key!=value`;
    }
    case "MachineID":
    case "X-ConditionMachineID":
    case "X-ConditionMachineBootID":
      if (/^[0-9a-f]{32}$/.test(value)) return undefined;
      return `${name}="${value}" can match no machine, because a machine id is 32 lower-case hex digits`;
    case "Conflicts":
    case "X-Conflicts":
    case "PrefersNot":
      return fields(value).map(malformedWarning(name)).find(Boolean);
    case "Replaces":
      return malformedWarning(name)(value);
    case "MachineOf":
    case "X-ConditionMachineOf":
      if (value === "") return `${name}= names no unit, so no machine can meet it`;
      return isPeerGlob(value) ? malformedWarning(name)(value) : undefined;
    case "SpreadBy":
      return value.trim() === "" ? "SpreadBy= names no metadata key, so it has no effect" : undefined;
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

function invalid(message: string, hint: string): PlatformError {
  return new PlatformError("unit-file-invalid", message, { hint });
}
