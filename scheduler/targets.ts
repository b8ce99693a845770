/** Where a unit, or a company of units, could go: the rules and the ranking put together. Decides nothing by itself. Pure. */
import { replacedBy } from "./filters/replaces.ts";
import type { ClusterModel } from "./model.ts";
import { copyOn, type MachineNode, type UnitNode } from "./nodes.ts";
import { choose, compareMachines } from "./rank.ts";
import type { Rules } from "./rules.ts";
import { countUp } from "./tally.ts";

export class Targets {
  readonly #model: ClusterModel;
  readonly #rules: Rules;

  constructor(model: ClusterModel, rules: Rules) {
    this.#model = model;
    this.#rules = rules;
  }

  /**
   * The best machine for a unit that is to be placed, or undefined if none fits. One on which it has failed of late is taken only if
   * there is no other.
   */
  pick(unit: UnitNode): MachineNode | undefined {
    const tried = triedBy(unit);
    return (tried ? this.#pickBut(unit, tried) : undefined) ?? this.#pick(unit);
  }

  /** The best other machine for a unit that has failed on this one: one that it has not failed on, or any. */
  pickAway(unit: UnitNode, from: MachineNode): MachineNode | undefined {
    const here = new Set([from.id]);
    const tried = triedBy(unit);
    return (tried ? this.#pickBut(unit, tried.add(from.id)) : undefined) ?? this.#pickBut(unit, here);
  }

  #pickBut(unit: UnitNode, tried: ReadonlySet<string>): MachineNode | undefined {
    return choose(unit, (machine) => !tried.has(machine.id) && this.#rules.admits(unit, machine));
  }

  #pick(unit: UnitNode): MachineNode | undefined {
    const { demand } = unit;
    if (!demand) return undefined;
    if (demand.replaces.length > 0) return this.#pickReplacing(unit);
    const { machineId, machineOf } = demand.requirements;
    if (machineId === undefined && machineOf.length === 0) {
      return choose(unit, (machine) => this.#rules.admitsFromPool(unit, machine));
    }
    return this.#pickNamed(unit, (machine) => this.#rules.admits(unit, machine));
  }

  /** The best machine that fits every member at once, their needs added up. `leader` is the one that is ranked by. */
  pickTogether(
    members: readonly UnitNode[],
    leader: UnitNode,
    isOpen: (machine: MachineNode) => boolean = anywhere,
  ): MachineNode | undefined {
    if (quarrel(members)) return undefined;
    let memoryBytes = 0;
    let cpuMillis = 0;
    for (const { demand } of members) {
      memoryBytes += demand?.resources.memoryBytes ?? 0;
      cpuMillis += demand?.resources.cpuMillis ?? 0;
    }
    const inside = new Set(members);
    const admits = (machine: MachineNode): boolean => {
      const capacity = machine.machine?.capacity;
      if (!capacity || !isOpen(machine)) return false;
      if (memoryBytes > 0 && machine.memoryBytes + memoryBytes > capacity.memoryBytes) return false;
      if (cpuMillis > 0 && machine.cpuMillis + cpuMillis > capacity.cpuMillis) return false;
      if (!this.#leavesRoom(members, machine)) return false;
      return members.every(
        (member) =>
          this.#rules.admitsWithoutPeers(member, machine) && this.peersAreOn(member, machine, inside),
      );
    };
    const pinned = members.find(({ demand }) => demand?.requirements.machineId !== undefined);
    return pinned ? this.#pickPinned(pinned, admits) : choose(leader, admits);
  }

  /** The machine that most of a company is on, if it fits a member that is to join them. */
  pickBeside(unit: UnitNode, company: readonly UnitNode[]): MachineNode | undefined {
    const hosts = new Map<MachineNode, number>();
    for (const { copy } of company) {
      if (copy?.machine.presence === "present") countUp(hosts, copy.machine);
    }
    return [...hosts]
      .toSorted(([a, most], [b, more]) => more - most || a.rank - b.rank)
      .map(([machine]) => machine)
      .find((machine) => this.#rules.admits(unit, machine));
  }

  /** No more instances of a template than `MaxPerMachine=` allows. */
  #leavesRoom(members: readonly UnitNode[], machine: MachineNode): boolean {
    return members.every(({ template, demand }) => {
      const limit = template?.limitOn(machine, demand?.requirements.maxPerMachine);
      if (!template || limit === undefined) return true;
      const coming = members.filter((member) => member.template === template).length;
      return template.on.of(machine) + coming <= limit;
    });
  }

  /** A replacing unit goes where its predecessor is, if that one can go elsewhere; else where it pushes nobody away. */
  #pickReplacing(unit: UnitNode): MachineNode | undefined {
    const admits = (machine: MachineNode): boolean => this.#rules.admits(unit, machine);
    const disturbsNobody = (machine: MachineNode): boolean =>
      admits(machine) && replacedBy(unit, machine).length === 0;
    if (!unit.evicted) {
      const taken = [...this.#hostsOfReplaced(unit)]
        .filter((machine) => admits(machine) && this.#canAllLeave(unit, machine))
        .toSorted((a, b) => compareMachines(unit, a, b));
      if (taken[0]) return taken[0];
    }
    const quiet = this.#pickNamed(unit, disturbsNobody);
    return quiet || unit.evicted ? quiet : this.#pickNamed(unit, admits);
  }

  #hostsOfReplaced(unit: UnitNode): Set<MachineNode> {
    const hosts = new Set<MachineNode>();
    for (const pattern of unit.demand?.replaces ?? []) {
      for (const machine of pattern.runsOn.counts().keys())
        if (machine.presence === "present") hosts.add(machine);
    }
    return hosts;
  }

  #canAllLeave(unit: UnitNode, machine: MachineNode): boolean {
    const leaving = replacedBy(unit, machine);
    return (
      leaving.length > 0 &&
      leaving.every((other) => {
        const { demand } = other;
        if (!demand || demand.requirements.global) return false;
        return (
          choose(other, (elsewhere) => elsewhere !== machine && this.#rules.admits(other, elsewhere)) !==
          undefined
        );
      })
    );
  }

  /** As `choose`, but looks at the one machine that `MachineID=` or `MachineOf=` leaves open. */
  #pickNamed(unit: UnitNode, admits: (machine: MachineNode) => boolean): MachineNode | undefined {
    if (unit.demand?.requirements.machineId !== undefined) return this.#pickPinned(unit, admits);
    const peer = unit.demand?.peers[0];
    if (peer === undefined) return choose(unit, admits);
    const leader = this.#model.units.get(peer);
    if (leader?.demand?.requirements.global) return choose(unit, admits);
    const host = leader?.copy?.machine;
    return host?.presence === "present" && admits(host) ? host : undefined;
  }

  #pickPinned(unit: UnitNode, admits: (machine: MachineNode) => boolean): MachineNode | undefined {
    const machine = this.#model.machines.get(unit.demand?.requirements.machineId ?? "");
    return machine?.presence === "present" && admits(machine) ? machine : undefined;
  }

  /** True if all peers of the unit that are not `inside`, its company, are on the machine. */
  peersAreOn(member: UnitNode, machine: MachineNode, inside: ReadonlySet<UnitNode>): boolean {
    for (const name of member.demand?.peers ?? []) {
      const peer = this.#model.units.get(name);
      if (!peer || !(inside.has(peer) || copyOn(peer, machine))) return false;
    }
    for (const pattern of member.demand?.peerGlobs ?? []) {
      const peers = [...pattern.followed];
      // It needs one at least; a unit that its own glob matches is one.
      if (peers.length === 0) return false;
      if (!peers.every((peer) => inside.has(peer) || copyOn(peer, machine))) return false;
    }
    return true;
  }
}

/** Machines on which this very file has failed; undefined if there are none, as for nearly all units. */
export function triedBy({ course, wish }: UnitNode): Set<string> | undefined {
  const tried = course?.tried;
  if (!tried || tried.hash !== wish?.hash || tried.generation !== wish.generation) return undefined;
  return new Set(tried.machines.map(({ machine }) => machine));
}

const anywhere = (): boolean => true;

/** True if two of them can never share a machine. */
function quarrel(members: readonly UnitNode[]): boolean {
  return members.some((member) => {
    const refused = [...(member.demand?.conflicts ?? []), ...(member.demand?.replaces ?? [])];
    return members.some(
      (other) => other !== member && refused.some((pattern) => other.matchedBy.includes(pattern)),
    );
  });
}
