/**
 * Pools: the machines that could ever take units with the same fixed needs (metadata, runtime), ranked by load. A pool is
 * split into cells, one for each combination of the metadata that instances are spread by (one cell without such settings). Pure.
 */
import type { RuntimeName } from "../cluster/machine.ts";
import { Cell, type Membership } from "./cell.ts";
import type { MachineNode } from "./nodes.ts";

export type MetadataNeeds = ReadonlyMap<string, readonly string[]>;

/** Every machine that meets some needs which do not change with what runs where. */
export class Pool {
  readonly key: string;
  readonly metadata: MetadataNeeds;
  readonly runtime: RuntimeName;
  /** Ranked by the reserved share of the machine, rather than by the number of units on it. */
  readonly byShare: boolean;
  readonly cells = new Map<string, Cell>();
  users = 0;

  constructor(key: string, metadata: MetadataNeeds, runtime: RuntimeName, byShare: boolean) {
    this.key = key;
    this.metadata = metadata;
    this.runtime = runtime;
    this.byShare = byShare;
  }

  /** A whole number, at most `maxLoad`. */
  loadOf(machine: MachineNode): number {
    return this.byShare ? machine.load : machine.copies.length;
  }

  /** True if the machine, as it announces itself, belongs here. */
  takes(machine: MachineNode): boolean {
    const announced = machine.machine;
    if (!announced?.runtimes.includes(this.runtime)) return false;
    for (const [key, values] of this.metadata) {
      const value = announced.metadata[key];
      if (value === undefined || !values.includes(value)) return false;
    }
    return true;
  }

  join(machine: MachineNode): void {
    const zone = JSON.stringify(machine.zone);
    let cell = this.cells.get(zone);
    if (!cell) {
      cell = new Cell(this, machine.zone);
      this.cells.set(zone, cell);
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
