/** Who asks for whom by `MachineOf=`, by name and by glob, in both directions. Pure. */
import type { Demand, UnitNode } from "./nodes.ts";
import type { UnitIndex } from "./unit-index.ts";

export class Peers {
  readonly #units: UnitIndex;
  readonly #dependents = new Map<string, Set<UnitNode>>();

  constructor(units: UnitIndex) {
    this.#units = units;
  }

  /** Units that ask for this one by `MachineOf=`. */
  dependentsOf(unit: UnitNode): ReadonlySet<UnitNode> {
    const byName = this.#dependents.get(unit.name) ?? noUnits;
    // Asked for every unit that is placed, and hardly any has a set of its own.
    let all: Set<UnitNode> | undefined;
    for (const { followers } of unit.matchedBy) {
      if (followers.size === 0) continue;
      all ??= new Set(byName);
      for (const follower of followers) all.add(follower);
    }
    all?.delete(unit);
    return all ?? byName;
  }

  /** Units that this one asks for by `MachineOf=`, as far as they are known. */
  peersOf(unit: UnitNode): readonly UnitNode[] {
    const { demand } = unit;
    if (!demand) return [];
    const named = demand.peers.flatMap((name) => this.#units.units.get(name) ?? []);
    const followed = demand.peerGlobs.flatMap((pattern) => [...pattern.followed]);
    return [...named, ...followed].filter((peer) => peer !== unit);
  }

  /** The unit asks for what its new demand names. */
  link(node: UnitNode, { peers, peerGlobs }: Demand): void {
    for (const name of peers) {
      const dependents = this.#dependents.get(name);
      if (dependents) dependents.add(node);
      else this.#dependents.set(name, new Set([node]));
    }
    for (const pattern of peerGlobs) {
      if (pattern.followers.size === 0) {
        for (const peer of this.#units.mayMatch(pattern)) {
          if (peer.demand && pattern.glob.matches(peer.name)) pattern.followed.add(peer);
        }
      }
      pattern.followers.add(node);
    }
  }

  /** The unit no longer asks for what its old demand named. */
  unlink(node: UnitNode, { peers, peerGlobs }: Demand): void {
    for (const pattern of peerGlobs) {
      pattern.followers.delete(node);
      if (pattern.followers.size === 0) pattern.followed.clear();
    }
    for (const name of peers) {
      const dependents = this.#dependents.get(name);
      dependents?.delete(node);
      if (dependents?.size === 0) this.#dependents.delete(name);
    }
  }

  /** The globs of others that match the unit learn whether it is to run: to be called when its demand has changed. */
  refollow(node: UnitNode): void {
    for (const pattern of node.matchedBy) {
      if (pattern.followers.size === 0) continue;
      if (node.demand) pattern.followed.add(node);
      else pattern.followed.delete(node);
    }
  }
}

const noUnits: ReadonlySet<UnitNode> = new Set();
