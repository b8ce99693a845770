/** What the cluster is asked to run: the record a submitter writes, and the unit as the scheduler reasons about it. */
import { containerSpec } from "./container-spec.ts";
import { PlatformError } from "./errors.ts";
import type { RuntimeName } from "./machine.ts";
import { validatePublication } from "./publication.ts";
import { requirementWarnings, validateRequirements, validateRuns } from "./requirement-checks.ts";
import { parseRequirements, type Requirements } from "./requirements.ts";
import { parseResources, type Resources } from "./resources.ts";
import { parseUnitFile, type UnitFile, unitHash } from "./unit-file.ts";
import { instanceName, isTemplate, validateUnitName } from "./unit-name.ts";

/** fleet's three target states: known; placed and loaded; placed and started. */
export const targetStates = ["inactive", "loaded", "launched"] as const;
export type TargetState = (typeof targetStates)[number];

export function isTargetState(text: string): text is TargetState {
  return targetStates.some((state) => state === text);
}

/** The value of `/deis/cluster/units/<name>`. */
export interface UnitRecord {
  /** Canonical SHA-1 of the unit's file, 40 hex digits. */
  readonly hash: string;
  readonly target: TargetState;
  /** Restart generation: each increment asks for one restart. Starts at 0. */
  readonly generation: number;
  /** While a global unit is rolled over: what machines have that it has not come to yet. Absent otherwise. */
  readonly held?: readonly Held[];
}

/** An earlier file and restart generation that some machines keep until they are released. */
export interface Held {
  readonly hash: string;
  readonly generation: number;
  /** Machine ids; no machine is held twice. */
  readonly machines: readonly string[];
}

/** The file and restart generation that a unit's copy on one machine is to have. */
export function wishOn(
  { hash, generation, held }: Pick<UnitRecord, "hash" | "generation" | "held">,
  machine: string,
): Pick<UnitRecord, "hash" | "generation"> {
  return held?.find(({ machines }) => machines.includes(machine)) ?? { hash, generation };
}

/** A unit with everything a placement depends on, derived from its record and its file. */
export interface Unit extends UnitRecord {
  readonly name: string;
  readonly requirements: Requirements;
  readonly resources: Resources;
  readonly runtime: RuntimeName;
}

/** Docker runs a file with `[Container]`, systemd any other. */
export function runtimeOf(file: UnitFile): RuntimeName {
  return file.has("Container") ? "docker" : "systemd";
}

/**
 * The unit as the scheduler reasons about it. `text` is the file that the record's hash names.
 * Throws `unit-file-invalid` if it cannot be read; combinations of requirements are not judged here: that was the submitter's task.
 */
export function unitFrom(name: string, record: UnitRecord, text: string): Unit {
  const file = parseUnitFile(text);
  return {
    hash: record.hash,
    target: record.target,
    generation: record.generation,
    ...(record.held ? { held: record.held } : {}),
    name,
    requirements: parseRequirements(file, name),
    resources: parseResources(file),
    runtime: runtimeOf(file),
  };
}

/** A unit file that may be submitted. */
export interface CheckedUnitFile {
  readonly file: UnitFile;
  readonly hash: string;
  /** What is taken but will not do what its author may think, a sentence each. */
  readonly warnings: readonly string[];
}

/** Longest unit file in bytes: etcd takes 1.5 MiB a request, and the rest of the request needs some room. */
const longestFile = 1_500_000;

/**
 * All that must hold before a unit is written to the store, in this order: name, length, grammar, requirements and their
 * combinations, resources, container, publication (a template is read as its instance 1). Throws `unit-name-invalid` or `unit-file-invalid`.
 */
export function checkUnitFile(name: string, text: string): CheckedUnitFile {
  validateUnitName(name);
  const bytes = Buffer.byteLength(text);
  if (bytes > longestFile) {
    throw new PlatformError(
      "unit-file-invalid",
      `Unit file of ${bytes} bytes is too long: at most ${longestFile} fit in the store`,
      { hint: "Put what is long in a file on the hosts, or in an image" },
    );
  }
  const file = parseUnitFile(text);
  if (file.options().length === 0) {
    throw new PlatformError("unit-file-invalid", `The unit file of "${name}" holds no option`, {
      hint: "Give it a [Service] section with ExecStart=, or a [Container] section with Image=",
    });
  }
  // Without the name, as fleet did: a template's `%i` stands for every instance.
  const requirements = parseRequirements(file);
  validateRequirements(requirements);
  validateRuns(requirements, name);
  parseResources(file);
  const started = isTemplate(name) ? instanceName(name, "1") : name;
  if (runtimeOf(file) === "docker") containerSpec(file, started);
  validatePublication(file, started);
  return { file, hash: unitHash(file), warnings: requirementWarnings(file, name) };
}
