/**
 * A global unit is changed machine by machine through its record: all machines that have it are held at what they have, then
 * released one after the other. What is held is in the store, so a change that was interrupted can be gone on with.
 *
 * Pure but for remembering which units were begun.
 */
import type { Placement } from "../cluster/placement.ts";
import type { Table, UnitEdit } from "../cluster/ports.ts";
import type { UnitRecord } from "../cluster/unit.ts";
import type { Member } from "./rolling.ts";

/** The machines that have a copy of the unit, sorted. */
export function machinesOf(unit: string, placements: Table<Placement>): readonly string[] {
  return [...placements.entries()]
    .flatMap(([, placement]) => (placement.unit === unit ? [placement.machine] : []))
    .sort();
}

/** The machines at which an earlier change of the unit has not arrived, sorted. */
export function heldMachines({ held = [] }: UnitRecord): readonly string[] {
  return held.flatMap(({ machines }) => machines).sort();
}

/** Edits for one global unit: the first call begins the change with `begin`, each lets its members' machines go on. */
export class GlobalChange {
  readonly #unit: string;
  readonly #begin: UnitEdit | undefined;
  readonly #strays: readonly string[];
  #begun = false;

  /** `begin` is absent for a change that was begun before; `strays` are held machines that have no copy any more. */
  constructor(unit: string, begin: UnitEdit | undefined, strays: readonly string[] = []) {
    this.#unit = unit;
    this.#begin = begin;
    this.#strays = strays;
  }

  editsFor(members: readonly Member[]): readonly UnitEdit[] {
    const machines = members.flatMap(({ machine }) => machine ?? []);
    const first = this.#begun ? [] : this.#strays;
    const begin = this.#begun || !this.#begin ? [] : [this.#begin];
    this.#begun = true;
    return [...begin, { kind: "release", name: this.#unit, machines: [...first, ...machines] }];
  }
}
