/** `MachineOf=`: only where every named unit is placed already. */
import type { MachineNode, UnitNode } from "../nodes.ts";
import { copyOn } from "../nodes.ts";
import type { Filter } from "./filter.ts";

/** `UnitNode`s hold no reference to the units they name, so the rule is made for a model's units. */
export function machineOf(units: ReadonlyMap<string, UnitNode>): Filter {
  return {
    name: "machine-of",
    rejects(unit, machine) {
      for (const name of unit.demand?.requirements.machineOf ?? []) {
        if (!hosts(machine, units.get(name))) return name;
      }
      return undefined;
    },
    words(about, count) {
      const verb = count === 1 ? "does" : "do";
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
