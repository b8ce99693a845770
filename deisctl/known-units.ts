/** What the cluster's own copy of a unit's file says, for units that were accepted long ago. Pure. */
import type { Table } from "../cluster/ports.ts";
import { parseRequirements } from "../cluster/requirements.ts";
import type { UnitRecord } from "../cluster/unit.ts";
import { parseUnitFile, type UnitFile } from "../cluster/unit-file.ts";

export interface ClusterUnits {
  readonly units: Table<UnitRecord>;
  readonly unitFiles: Table<string>;
}

/** The names of all units. */
export function knownNames(cluster: Pick<ClusterUnits, "units">): readonly string[] {
  return [...cluster.units.entries()].map(([name]) => name);
}

/**
 * The parsed file of a unit, or undefined if the unit is unknown or its text cannot be read: a text that an older version
 * accepted still belongs to a unit that can be shown, stopped and destroyed.
 */
export function knownFile(name: string, cluster: ClusterUnits): UnitFile | undefined {
  const text = cluster.unitFiles.get(cluster.units.get(name)?.hash ?? "");
  return text === undefined ? undefined : orUndefined(() => parseUnitFile(text));
}

/** True if one copy of the unit goes to every machine that fits. */
export function isGlobal(name: string, file: UnitFile | undefined): boolean {
  return file !== undefined && (orUndefined(() => parseRequirements(file, name).global) ?? false);
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
