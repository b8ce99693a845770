/**
 * Pools: the machines that could ever take units with the same fixed needs (metadata, runtime), ranked by load. A pool is
 * split into cells, one for each combination of the metadata that instances are spread by (one cell without any). Pure.
 */
import type { RuntimeName } from "../cluster/machine.ts";
import { Cell, type Membership } from "./cell.ts";
import type { MachineNode } from "./nodes.ts";

export type MetadataNeeds = ReadonlyMap<string, readonly string[]>;

/** What does not change with what runs where. */
export interface PoolNeeds {
  readonly metadata: MetadataNeeds;
  /** Values that a machine must not have. */
  readonly metadataNot: MetadataNeeds;
  readonly runtime: RuntimeName;
  /** Ranked by the reserved share of the machine, rather than by the number of units on it. */
  readonly byShare: boolean;
  /** The metadata keys of `SpreadBy=`. */
  readonly spreadBy: readonly string[];
}

/** Every machine that meets some needs. */
export class Pool {
  readonly key: string;
  readonly needs: PoolNeeds;
  readonly byShare: boolean;
  /** The keys that its cells are apart by: those of `SpreadBy=`, which come before all else, then the cluster's. */
  readonly zoneKeys: readonly string[];
  readonly cells = new Map<string, Cell>();
  users = 0;

  constructor(key: string, needs: PoolNeeds, spreadBy: readonly string[]) {
    this.key = key;
    this.needs = needs;
    this.byShare = needs.byShare;
    this.zoneKeys = [...new Set([...needs.spreadBy, ...spreadBy])];
  }

  /** A whole number, at most `maxLoad`. */
  loadOf(machine: MachineNode): number {
    return this.byShare ? machine.load : machine.copies.length;
  }

  /** True if the machine, as it announces itself, belongs here. */
  takes(machine: MachineNode): boolean {
    const announced = machine.machine;
    const { metadata, metadataNot, runtime } = this.needs;
    if (!announced?.runtimes.includes(runtime)) return false;
    for (const [key, values] of metadata) {
      const value = announced.metadata[key];
      if (value === undefined || !values.includes(value)) return false;
    }
    for (const [key, values] of metadataNot) {
      const value = announced.metadata[key];
      if (value !== undefined && values.includes(value)) return false;
    }
    return true;
  }

  join(machine: MachineNode): void {
    const zone = this.zoneKeys.map((key) => zoneOf(machine, key));
    const name = JSON.stringify(zone);
    let cell = this.cells.get(name);
    if (!cell) {
      cell = new Cell(this, zone);
      this.cells.set(name, cell);
    }
    machine.memberships.push(cell.add(machine));
  }

  leave(membership: Membership): void {
    const { cell, machine } = membership;
    cell.remove(membership);
    machine.memberships = machine.memberships.filter((other) => other !== membership);
    if (cell.size === 0) this.cells.delete(JSON.stringify(cell.zone));
  }
}

/** A machine's value of a key that instances are spread by: all without one are together. */
export function zoneOf(machine: MachineNode, key: string): string {
  return machine.machine?.metadata[key] ?? "";
}
