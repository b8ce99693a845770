/**
 * All rules of placement in the order in which they are asked, and told to a person: what never changes about a machine
 * first, then what runs there, then what is free. Pure.
 */
import { conflicts } from "./filters/conflicts.ts";
import { cordon } from "./filters/cordon.ts";
import type { Filter } from "./filters/filter.ts";
import { machineId } from "./filters/machine-id.ts";
import { machineOf } from "./filters/machine-of.ts";
import { maxPerMachine } from "./filters/max-per-machine.ts";
import { metadata } from "./filters/metadata.ts";
import { replaces } from "./filters/replaces.ts";
import { resources } from "./filters/resources.ts";
import { runtime } from "./filters/runtime.ts";
import type { MachineNode, UnitNode } from "./nodes.ts";

/** The first rule that rejects, and what it is about. */
export interface Rejection {
  readonly filter: Filter;
  readonly about: string;
}

export class Rules {
  readonly #all: readonly Filter[];
  readonly #withoutPeers: readonly Filter[];
  readonly #withinPool: readonly Filter[] = [conflicts, maxPerMachine, replaces, resources];

  constructor(units: ReadonlyMap<string, UnitNode>) {
    const withPeers = machineOf(units);
    this.#withoutPeers = [
      machineId,
      metadata,
      runtime,
      cordon,
      conflicts,
      maxPerMachine,
      replaces,
      resources,
    ];
    this.#all = [
      machineId,
      metadata,
      runtime,
      cordon,
      withPeers,
      conflicts,
      maxPerMachine,
      replaces,
      resources,
    ];
  }

  /** Why the machine cannot take the unit, or undefined if it can. */
  rejection(unit: UnitNode, machine: MachineNode): Rejection | undefined {
    for (const filter of this.#all) {
      const about = filter.rejects(unit, machine);
      if (about !== undefined) return { filter, about };
    }
    return undefined;
  }

  admits(unit: UnitNode, machine: MachineNode): boolean {
    return passes(this.#all, unit, machine);
  }

  /** As `admits`, for a unit whose peers are about to be placed along with it. */
  admitsWithoutPeers(unit: UnitNode, machine: MachineNode): boolean {
    return passes(this.#withoutPeers, unit, machine);
  }

  /** As `admits`, for a unit without `MachineID=` and `MachineOf=` and a machine of its pool. */
  admitsFromPool(unit: UnitNode, machine: MachineNode): boolean {
    return passes(this.#withinPool, unit, machine);
  }
}

function passes(filters: readonly Filter[], unit: UnitNode, machine: MachineNode): boolean {
  for (const filter of filters) if (filter.rejects(unit, machine) !== undefined) return false;
  return true;
}
