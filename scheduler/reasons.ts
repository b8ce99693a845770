/** The sentences that go with placements: why here. Made once for each load, because a bulk has many alike. Pure. */
import type { MachineNode, UnitNode } from "./nodes.ts";
import { dislikedOn, isWary } from "./rank.ts";

export class Reasons {
  readonly #byCount: string[] = [];
  readonly #byShare: string[] = [];
  readonly #spreadByCount: string[] = [];
  readonly #spreadByShare: string[] = [];

  /** Why the unit is put on a machine, told before it is. */
  here(unit: UnitNode, machine: MachineNode): string {
    const requirements = unit.demand?.requirements;
    if (requirements?.global) return "global: this machine fits";
    if (requirements?.machineId !== undefined) return "MachineID asks for this machine";
    const peer = requirements?.machineOf[0];
    if (peer !== undefined) return `MachineOf asks for the machine of "${peer}"`;
    const why = this.#byRank(unit, machine);
    return isWary(unit) ? `${company(unit, machine)}, ${why}` : why;
  }

  #byRank(unit: UnitNode, machine: MachineNode): string {
    const spread = unit.template !== undefined && !unit.template.on.isEmpty;
    if (unit.demand?.pool.byShare) {
      const percent = Math.floor(machine.share * 100);
      const cache = spread ? this.#spreadByShare : this.#byShare;
      cache[percent] ??=
        `${spread ? apart : ""}least reserved of the machines that fit: ${percent} % before it`;
      return cache[percent];
    }
    const count = machine.copies.length;
    const cache = spread ? this.#spreadByCount : this.#byCount;
    const units = count === 1 ? "unit" : "units";
    cache[count] ??=
      `${spread ? apart : ""}least loaded of the machines that fit: ${count} ${units} before it`;
    return cache[count];
  }
}

const apart = "apart from its other instances, ";

function company(unit: UnitNode, machine: MachineNode): string {
  const disliked = dislikedOn(unit, machine);
  if (disliked === 0) return "away from what PrefersNot avoids";
  return `beside ${disliked} ${disliked === 1 ? "unit" : "units"} that PrefersNot avoids, fewer than elsewhere or as many`;
}
