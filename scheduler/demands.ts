/** One `Demand` for all units that ask for the same, counted by its users. Pure. */
import { parseCalendar } from "../cluster/calendar.ts";
import { isPeerGlob, type Requirements, runsToCompletion } from "../cluster/requirements.ts";
import type { Unit } from "../cluster/unit.ts";
import type { Demand } from "./nodes.ts";
import type { Pattern, PatternIndex } from "./patterns.ts";
import type { PoolIndex } from "./pool-index.ts";

export class DemandIndex {
  readonly #patterns: PatternIndex;
  readonly #pools: PoolIndex;
  readonly #demands = new Map<string, Demand>();
  /** Units of one file usually share the very object, which spares building the key. */
  readonly #byIdentity = new WeakMap<Requirements, Demand>();

  constructor(patterns: PatternIndex, pools: PoolIndex) {
    this.#patterns = patterns;
    this.#pools = pools;
  }

  /** Counts a user; `onNewPattern` is told of each glob that the cluster did not have before. */
  acquire(unit: Unit, onNewPattern: (pattern: Pattern) => void): Demand {
    const near = this.#byIdentity.get(unit.requirements);
    if (near && near.users > 0 && near.resources === unit.resources && near.runtime === unit.runtime) {
      near.users += 1;
      return near;
    }
    const key = keyOf(unit);
    let demand = this.#demands.get(key);
    if (!demand) {
      demand = this.#create(key, unit, onNewPattern);
      this.#demands.set(key, demand);
    }
    demand.users += 1;
    this.#byIdentity.set(unit.requirements, demand);
    return demand;
  }

  /** Uncounts a user; `onLastUse` is told of each glob that nobody has any more. */
  release(demand: Demand, onLastUse: (pattern: Pattern) => void): void {
    demand.users -= 1;
    if (demand.users > 0) return;
    this.#demands.delete(demand.key);
    this.#pools.release(demand.pool);
    for (const pattern of patternsOf(demand)) {
      if (this.#patterns.release(pattern)) onLastUse(pattern);
    }
  }

  #create(key: string, unit: Unit, onNewPattern: (pattern: Pattern) => void): Demand {
    const { requirements, resources, runtime } = unit;
    const acquire = (text: string): Pattern => {
      const { pattern, isNew } = this.#patterns.acquire(text);
      if (isNew) onNewPattern(pattern);
      return pattern;
    };
    const reserves = resources.memoryBytes > 0 || resources.cpuMillis > 0;
    return {
      key,
      requirements,
      resources,
      runtime,
      conflicts: [...new Set(requirements.conflicts)].map(acquire),
      prefersNot: [...new Set(requirements.prefersNot)].map(acquire),
      replaces: [...new Set(requirements.replaces)].map(acquire),
      peers: requirements.machineOf.filter((peer) => !isPeerGlob(peer)),
      peerGlobs: [...new Set(requirements.machineOf.filter(isPeerGlob))].map(acquire),
      toEnd: runsToCompletion(requirements),
      calendars: requirements.onCalendar.map(parseCalendar),
      pool: this.#pools.acquire({
        metadata: requirements.machineMetadata,
        metadataNot: requirements.machineMetadataNot,
        runtime,
        byShare: reserves,
        spreadBy: requirements.spreadBy,
      }),
      users: 0,
    };
  }
}

function patternsOf({ conflicts, prefersNot, replaces, peerGlobs }: Demand): readonly Pattern[] {
  return [...conflicts, ...prefersNot, ...replaces, ...peerGlobs];
}

function keyOf({ requirements, resources, runtime }: Unit): string {
  return JSON.stringify([
    runtime,
    resources.memoryBytes,
    resources.cpuMillis,
    requirements.machineId ?? null,
    [...requirements.machineMetadata],
    [...requirements.machineMetadataNot],
    requirements.machineOf,
    requirements.conflicts,
    requirements.prefersNot,
    requirements.maxPerMachine ?? null,
    requirements.spreadBy,
    requirements.moveAfterFailures ?? null,
    requirements.runOnce,
    requirements.onCalendar,
    requirements.replaces,
    requirements.global,
    requirements.fence,
  ]);
}
