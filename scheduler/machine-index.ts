/** Machines by id, in the order of their ids, and with the cordons that outlive them. Pure. */
import type { Cordon } from "../cluster/cordon.ts";
import type { Machine } from "../cluster/machine.ts";
import type { MachineNode } from "./nodes.ts";

export class MachineIndex {
  readonly machines = new Map<string, MachineNode>();
  /** Machines that something speaks of, and that are not there. */
  readonly away = new Set<MachineNode>();
  /** Machines that are to be emptied. */
  readonly draining = new Set<MachineNode>();
  readonly #ranked: MachineNode[] = [];
  readonly #cordons = new Map<string, Cordon>();

  /** Every machine in order of id. */
  get byId(): readonly MachineNode[] {
    return this.#ranked;
  }

  /** The machine's node; a new one is away until its record says otherwise. */
  node(id: string): MachineNode {
    const found = this.machines.get(id);
    if (found) return found;
    const node: MachineNode = {
      id,
      rank: this.#ranked.length,
      machine: undefined,
      presence: "away",
      copies: [],
      memoryBytes: 0,
      cpuMillis: 0,
      share: 0,
      load: 0,
      memberships: [],
      cordon: this.#cordons.get(id),
      hasStates: false,
    };
    this.machines.set(id, node);
    if (node.cordon?.drain) this.draining.add(node);
    this.away.add(node);
    this.#rank(node);
    return node;
  }

  /** The machine's node if that is closed, or opened, by this. */
  setCordon(id: string, cordon: Cordon | undefined): MachineNode | undefined {
    if (cordon) this.#cordons.set(id, cordon);
    else this.#cordons.delete(id);
    const node = this.machines.get(id);
    if (!node || (node.cordon === undefined && cordon === undefined)) return undefined;
    node.cordon = cordon;
    if (cordon?.drain) this.draining.add(node);
    else this.draining.delete(node);
    return node;
  }

  /** Drops a node that nothing refers to any more. */
  forget(machine: MachineNode): void {
    this.machines.delete(machine.id);
    this.away.delete(machine);
    this.draining.delete(machine);
    this.#ranked.splice(this.#ranked.indexOf(machine), 1);
  }

  /** A listing comes in order of id, and then this is an append. */
  #rank(node: MachineNode): void {
    const ranked = this.#ranked;
    const last = ranked.at(-1);
    if (!last || last.id < node.id) {
      node.rank = last ? last.rank + 1 : 0;
      ranked.push(node);
      return;
    }
    ranked.splice(
      ranked.findIndex((other) => other.id > node.id),
      0,
      node,
    );
    for (const [rank, machine] of ranked.entries()) {
      machine.rank = rank;
      for (const membership of machine.memberships) membership.cell.rerank(membership);
    }
  }
}

/** Only what placements depend on: a new version or address moves nothing. */
export function sameMachine(a: Machine | undefined, b: Machine): boolean {
  if (!a) return false;
  const keys = Object.keys(a.metadata);
  return (
    a.capacity.memoryBytes === b.capacity.memoryBytes &&
    a.capacity.cpuMillis === b.capacity.cpuMillis &&
    a.runtimes.length === b.runtimes.length &&
    a.runtimes.every((runtime) => b.runtimes.includes(runtime)) &&
    keys.length === Object.keys(b.metadata).length &&
    keys.every((key) => a.metadata[key] === b.metadata[key])
  );
}
