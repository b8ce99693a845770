/** Which pools there are and which machines are in them, kept so that a machine or a pool that comes meets only its own. Pure. */
import type { MachineNode } from "./nodes.ts";
import { type MetadataNeeds, Pool, type PoolNeeds } from "./pools.ts";

export class PoolIndex {
  readonly #spreadBy: readonly string[];
  readonly #pools = new Map<string, Pool>();
  /** Pools without metadata needs, and the others below each `key=value` of their first need. */
  readonly #open = new Set<Pool>();
  readonly #byFirstNeed = new Map<string, Set<Pool>>();
  readonly #present = new Set<MachineNode>();
  readonly #byMetadata = new Map<string, Set<MachineNode>>();

  /** `spreadBy`: the metadata keys that instances of every template are spread by. */
  constructor(spreadBy: readonly string[]) {
    this.#spreadBy = spreadBy;
  }

  acquire(needs: PoolNeeds): Pool {
    const { metadata, metadataNot, runtime, byShare, spreadBy } = needs;
    const key = JSON.stringify([runtime, byShare, [...metadata], [...metadataNot], spreadBy]);
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = new Pool(key, needs, this.#spreadBy);
      this.#pools.set(key, pool);
      this.#fill(pool);
    }
    pool.users += 1;
    return pool;
  }

  release(pool: Pool): void {
    pool.users -= 1;
    if (pool.users > 0) return;
    this.#pools.delete(pool.key);
    this.#open.delete(pool);
    for (const need of firstNeeds(pool.needs.metadata)) removeFrom(this.#byFirstNeed, need, pool);
    for (const machine of this.#present) {
      const membership = machine.memberships.find(({ cell }) => cell.pool === pool);
      if (membership) pool.leave(membership);
    }
  }

  /** Enters a machine that is present into every pool that takes it. Its record and zone are set. */
  enter(machine: MachineNode): void {
    this.#present.add(machine);
    const offers = Object.entries(machine.machine?.metadata ?? {}).map(([key, value]) => `${key}=${value}`);
    for (const offer of offers) addTo(this.#byMetadata, offer, machine);
    for (const pool of this.#open) if (pool.takes(machine)) pool.join(machine);
    for (const offer of offers) {
      for (const pool of this.#byFirstNeed.get(offer) ?? []) if (pool.takes(machine)) pool.join(machine);
    }
  }

  /** Takes a machine out of all pools, by the record it entered with. */
  exit(machine: MachineNode): void {
    if (!this.#present.delete(machine)) return;
    for (const [key, value] of Object.entries(machine.machine?.metadata ?? {})) {
      removeFrom(this.#byMetadata, `${key}=${value}`, machine);
    }
    for (const membership of [...machine.memberships]) membership.cell.pool.leave(membership);
  }

  #fill(pool: Pool): void {
    const needs = firstNeeds(pool.needs.metadata);
    if (pool.needs.metadata.size === 0) this.#open.add(pool);
    for (const need of needs) addTo(this.#byFirstNeed, need, pool);
    const machines =
      pool.needs.metadata.size === 0
        ? this.#present
        : needs.flatMap((need) => [...(this.#byMetadata.get(need) ?? [])]);
    for (const machine of machines) if (pool.takes(machine)) pool.join(machine);
  }
}

/** A machine has one value of a key, so it is found below at most one of these. */
function firstNeeds(metadata: MetadataNeeds): string[] {
  for (const [key, values] of metadata) return [...new Set(values)].map((value) => `${key}=${value}`);
  return [];
}

function addTo<V>(index: Map<string, Set<V>>, key: string, value: V): void {
  const set = index.get(key);
  if (set) set.add(value);
  else index.set(key, new Set([value]));
}

function removeFrom<V>(index: Map<string, Set<V>>, key: string, value: V): void {
  const set = index.get(key);
  set?.delete(value);
  if (set?.size === 0) index.delete(key);
}
