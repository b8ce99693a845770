/**
 * `MachineOf=`: only where every named unit is placed already. A glob stands for all units to be placed that it matches: at
 * least one must be there and none elsewhere. A unit that is with one of them stays, though others come elsewhere.
 */
import type { MachineNode, UnitNode } from "../nodes.ts";
import { copyOn } from "../nodes.ts";
import type { Pattern } from "../patterns.ts";
import type { Filter } from "./filter.ts";

/** `UnitNode`s hold no reference to the units they name, so the rule is made for a model's units. */
export function machineOf(units: ReadonlyMap<string, UnitNode>): Filter {
  return {
    name: "machine-of",
    rejects(unit, machine) {
      if (!unit.demand) return undefined;
      for (const name of unit.demand.peers) {
        if (!hosts(machine, units.get(name))) return name;
      }
      for (const pattern of unit.demand.peerGlobs) {
        if (!isMet(pattern, unit, machine)) return pattern.glob.pattern;
      }
      return undefined;
    },
    words(about, count, unit) {
      const verb = count === 1 ? "does" : "do";
      const glob = unit.demand?.peerGlobs.find((pattern) => pattern.glob.pattern === about);
      if (glob) {
        return glob.followed.size === 0
          ? `${verb} not run a unit that matches "${about}", which MachineOf asks for: none is started`
          : `${verb} not run all units that match "${about}", which MachineOf asks for`;
      }
      const peer = units.get(about);
      if (!peer?.wish) return `${verb} not run "${about}" which MachineOf asks for and which does not exist`;
      if (peer.demand === undefined)
        return `${verb} not run "${about}" which MachineOf asks for and which is not started`;
      return `${verb} not run "${about}" which MachineOf asks for`;
    },
  };
}

function hosts(machine: MachineNode, peer: UnitNode | undefined): boolean {
  return peer !== undefined && copyOn(peer, machine) !== undefined;
}

function isMet(pattern: Pattern, unit: UnitNode, machine: MachineNode): boolean {
  // Who is one of those it asks for may be the first of them.
  let here = unit.matchedBy.includes(pattern);
  let elsewhere = false;
  for (const peer of pattern.followed) {
    if (peer === unit) continue;
    if (hosts(machine, peer)) here = true;
    else if (isPlaced(peer)) elsewhere = true;
  }
  return here && (!elsewhere || hosts(machine, unit));
}

function isPlaced(unit: UnitNode): boolean {
  for (let copy = unit.copy; copy; copy = copy.next) if (copy.machine.presence !== "away") return true;
  return false;
}
