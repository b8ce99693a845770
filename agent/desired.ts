/**
 * What this machine should run: its placements joined with the texts of their unit files. Pure.
 *
 * The rule here: what cannot be read is *unknown*, never *not wanted*. An unknown unit is left as it runs and is reported.
 */
import { describeError, type PlatformError } from "../cluster/errors.ts";
import type { Glob } from "../cluster/glob.ts";
import type { RuntimeName } from "../cluster/machine.ts";
import type { Placement } from "../cluster/placement.ts";
import type { Table } from "../cluster/ports.ts";
import type { Publication } from "../cluster/publication.ts";

/** What the agent needs to know of a unit file, found once per hash. */
export interface UnitFacts {
  /** The file as written. */
  readonly text: string;
  readonly runtime: RuntimeName;
  /** The unit must never run twice: it is stopped before this machine's lease can lapse. */
  readonly fence: boolean;
  /** Names of units beside which the unit of a name must not run. */
  readonly conflictsOf: (name: string) => readonly Glob[];
  /** The unit is to end, once for each start or once for each tick; absent for all others. */
  readonly runs?: "once" | "each-tick";
  /** Its failures are counted. */
  readonly moveAfterFailures?: number;
  /** What the unit of a name asks to be published; absent if no unit of this file can. */
  readonly publicationOf?: (name: string) => Publication | undefined;
}

/** A unit file by hash: known, impossible to get or to read, or (absent) still on its way from the store. */
export type KnownTexts = ReadonlyMap<string, UnitFacts | PlatformError>;

export interface Wanted {
  readonly kind: "wanted";
  readonly name: string;
  readonly text: string;
  readonly hash: string;
  readonly generation: number;
  readonly target: Placement["target"];
  readonly runtime: RuntimeName;
  readonly fence: boolean;
  readonly conflicts: readonly Glob[];
  readonly publication?: Publication;
  readonly runs?: UnitFacts["runs"];
  /** The run to carry out. */
  readonly run?: string;
  readonly moveAfterFailures?: number;
}

export interface Unknown {
  readonly kind: "unknown";
  readonly name: string;
  /** Known when only the text is missing. */
  readonly hash?: string;
  readonly generation?: number;
  readonly reason: string;
  /** False while the text is merely on its way: nothing is wrong then. */
  readonly isProblem: boolean;
}

export type Desired = Wanted | Unknown;

/** Desired units by name. `placements` may hold other machines' records; they are not looked at. */
export function desiredUnits(
  machine: string,
  placements: Table<Placement>,
  texts: KnownTexts,
): ReadonlyMap<string, Desired> {
  const desired = new Map<string, Desired>();
  for (const [key, placement] of placements.entries()) {
    const name = ownUnit(machine, key);
    if (name !== undefined) desired.set(name, desiredUnit(machine, name, placement, texts));
  }
  for (const [key, problem] of placements.unreadable) {
    const name = ownUnit(machine, key);
    if (name === undefined) continue;
    const reason = `its placement cannot be read: ${describeError(problem)}`;
    desired.set(name, { kind: "unknown", name, reason, isProblem: true });
  }
  return desired;
}

/** The hashes whose texts this machine needs, each once. */
export function neededHashes(machine: string, placements: Table<Placement>): ReadonlySet<string> {
  const hashes = new Set<string>();
  for (const [key, placement] of placements.entries()) {
    if (ownUnit(machine, key) !== undefined) hashes.add(placement.hash);
  }
  return hashes;
}

/** The unit that a table's record is about, or undefined if it is another machine's: names are `<unit>` or `<machine>/<unit>`. */
export function ownUnit(machine: string, key: string): string | undefined {
  const slash = key.indexOf("/");
  if (slash < 0) return key;
  return key.slice(0, slash) === machine ? key.slice(slash + 1) : undefined;
}

function desiredUnit(machine: string, name: string, placement: Placement, texts: KnownTexts): Desired {
  const { hash, generation, target } = placement;
  if (placement.unit !== name || placement.machine !== machine) {
    const reason = `its placement is about "${placement.unit}" on machine "${placement.machine}"`;
    return { kind: "unknown", name, reason, isProblem: true };
  }
  const facts = texts.get(hash);
  if (facts === undefined) {
    return {
      kind: "unknown",
      name,
      hash,
      generation,
      reason: "its unit file is being fetched",
      isProblem: false,
    };
  }
  if (facts instanceof Error) {
    const reason = `its unit file cannot be read: ${describeError(facts)}`;
    return { kind: "unknown", name, hash, generation, reason, isProblem: true };
  }
  const { publicationOf, conflictsOf, ...rest } = facts;
  const publication = publicationOf?.(name);
  return {
    ...rest,
    conflicts: conflictsOf(name),
    ...(publication === undefined ? {} : { publication }),
    ...(placement.run === undefined ? {} : { run: placement.run }),
    kind: "wanted",
    name,
    hash,
    generation,
    target,
  };
}
