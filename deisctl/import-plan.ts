/**
 * What an import from fleet would do with each unit, decided before anything is written. A unit that the cluster has with the same
 * text is left as it is, whatever became of it since, so an import can be repeated. Pure.
 */
import { createHash } from "node:crypto";
import { describeError, PlatformError } from "../cluster/errors.ts";
import type { MetadataEdit, UnitEdit } from "../cluster/ports.ts";
import { checkUnitFile, type TargetState, targetStates, type UnitRecord } from "../cluster/unit.ts";
import { isTemplate } from "../cluster/unit-name.ts";
import type { FleetKeyspace, FleetUnit } from "./fleet-keyspace.ts";

export interface ImportStep {
  readonly unit: string;
  readonly action: "submit" | "replace" | "keep" | "refuse";
  readonly hash: string | undefined;
  readonly target: TargetState | undefined;
  /** Why it is refused or kept, or what to know about it. */
  readonly note: string;
  readonly edit?: UnitEdit;
}

export interface ImportPlan {
  /** Sorted by unit. */
  readonly steps: readonly ImportStep[];
  readonly metadata: readonly MetadataEdit[];
}

export interface ImportRules {
  /** Take fleet's text where the cluster has another. */
  readonly replace: boolean;
  /** No unit gets a higher target than this. */
  readonly highest: TargetState;
}

/** `recordOf` says what the cluster has of a unit, `metadataOf` of a machine's run-time metadata. */
export function planImport(
  fleet: FleetKeyspace,
  recordOf: (unit: string) => UnitRecord | undefined,
  metadataOf: (machine: string, key: string) => string | undefined,
  rules: ImportRules,
): ImportPlan {
  const steps = fleet.units.map((unit) => stepFor(unit, recordOf(unit.name), rules));
  for (const { name, reason } of fleet.unreadable) steps.push(refusal(name, undefined, reason));
  return {
    steps: steps.sort((a, b) => (a.unit < b.unit ? -1 : a.unit > b.unit ? 1 : 0)),
    metadata: fleet.metadata.filter(({ machine, key, value }) => metadataOf(machine, key) !== value),
  };
}

function stepFor(unit: FleetUnit, record: UnitRecord | undefined, rules: ImportRules): ImportStep {
  const { name, text } = unit;
  const checked = check(unit);
  if (typeof checked === "string") return refusal(name, unit.hash, checked);
  const { hash, warnings } = checked;
  const target = targetOf(unit);
  if (target === undefined)
    return refusal(
      name,
      hash,
      `its target state is "${unit.target}", allowed are ${targetStates.join(", ")}`,
    );
  const notes = [...warnings];
  if (unit.target === "") notes.push("fleet had no target state for it");
  if (record?.hash === hash) {
    const other = record.target === target ? [] : [`fleet's target was ${target}`];
    const note = ["the cluster has it already", ...other].join("; ");
    return { unit: name, action: "keep", hash, target: record.target, note };
  }
  if (record && !rules.replace) {
    return refusal(
      name,
      hash,
      `the cluster has another text of it (${record.hash.slice(0, 7)}): --replace takes fleet's`,
    );
  }
  const given = isTemplate(name) ? "inactive" : lower(target, rules.highest);
  if (given !== target) notes.push(`fleet's target was ${target}`);
  const edit: UnitEdit = { kind: "submit", name, hash, text, target: given, expected: record };
  return {
    unit: name,
    action: record ? "replace" : "submit",
    hash,
    target: given,
    note: notes.join("; "),
    edit,
  };
}

/** The file as we read it, or why it is refused. */
function check({
  name,
  hash,
  text,
}: FleetUnit): { readonly hash: string; readonly warnings: readonly string[] } | string {
  try {
    const checked = checkUnitFile(name, text);
    // fleet hashed the canonical text, and stored just that.
    const plain = createHash("sha1").update(text).digest("hex");
    if (checked.hash !== hash && plain !== hash)
      return `its text has the hash ${checked.hash}, not ${hash} under which it is stored`;
    return checked;
  } catch (error) {
    if (error instanceof PlatformError) return describeError(error);
    throw error;
  }
}

function targetOf({ target }: FleetUnit): TargetState | undefined {
  return target === "" ? "inactive" : targetStates.find((known) => known === target);
}

function lower(a: TargetState, b: TargetState): TargetState {
  return targetStates.indexOf(a) < targetStates.indexOf(b) ? a : b;
}

function refusal(unit: string, hash: string | undefined, note: string): ImportStep {
  return { unit, action: "refuse", hash, target: undefined, note };
}
