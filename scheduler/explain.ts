/** Says why nothing can take a unit: all rejections summed into one sentence that an operator can act on. Pure. */
import type { ClusterModel } from "./model.ts";
import type { MachineNode, UnitNode } from "./nodes.ts";
import type { Rejection, Rules } from "./rules.ts";

interface Group {
  readonly rejection: Rejection;
  /** The first machine that said so. */
  readonly machine: MachineNode;
  count: number;
}

export const noMachine =
  "no machine has joined the cluster: start deis-agent on a host, then look at `deisctl list-machines`";

/** What is asked of a unit that is somewhere and is to go elsewhere. */
export interface Elsewhere {
  readonly from: MachineNode;
  /** Why it is not to go to a machine that the rules allow, or undefined. */
  whyClosed(machine: MachineNode): Rejection | undefined;
}

/** One sentence without full stop, such as `3 machines rejected it: 2 lack metadata "disk=ssd", 1 runs "web@2.service" which conflicts with it`. */
export function explainUnplaced(
  unit: UnitNode,
  model: ClusterModel,
  rules: Rules,
  elsewhere?: Elsewhere,
): string {
  if (model.presentMachines === 0) return noMachine;
  const pinnedTo = unit.demand?.requirements.machineId;
  if (pinnedTo !== undefined) {
    if (pinnedTo === elsewhere?.from.id) return "MachineID asks for this machine";
    return explainPinned(unit, pinnedTo, model, rules);
  }
  const groups = new Map<string, Group>();
  let total = 0;
  for (const machine of model.machinesById) {
    if (machine.presence !== "present" || machine === elsewhere?.from) continue;
    total += 1;
    const rejection =
      rules.rejection(unit, machine) ??
      (elsewhere ? (elsewhere.whyClosed(machine) ?? notWithPeers) : wasReplaced);
    const key = `${rejection.filter.name} ${rejection.about}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { rejection, machine, count: 1 });
  }
  if (total === 0) return "there is no other machine";
  const parts = [...groups.values()]
    .toSorted((a, b) => b.count - a.count || a.machine.rank - b.machine.rank)
    .map(({ rejection, machine, count }) => `${count} ${wordsOf(rejection, count, unit, machine)}`);
  return `${total} ${total === 1 ? "machine" : "machines"} rejected it: ${parts.join(", ")}`;
}

/** Why the unit cannot stay on a machine that it is on: `it lacks metadata "disk=ssd"`. */
export function explainLeaving(unit: UnitNode, machine: MachineNode, rules: Rules): string {
  const rejection = rules.rejection(unit, machine);
  return rejection ? `it ${wordsOf(rejection, 1, unit, machine)}` : "it no longer fits";
}

function explainPinned(unit: UnitNode, id: string, model: ClusterModel, rules: Rules): string {
  const machine = model.machines.get(id);
  if (machine?.presence !== "present") {
    return `the machine "${id}" that MachineID asks for is not in the cluster`;
  }
  const rejection = rules.rejection(unit, machine) ?? wasReplaced;
  return `the machine "${id}" that MachineID asks for ${wordsOf(rejection, 1, unit, machine)}`;
}

function wordsOf({ filter, about }: Rejection, count: number, unit: UnitNode, machine: MachineNode): string {
  return filter.words(about, count, unit, machine);
}

/** One that passes for itself, but not with those that must come along. */
const notWithPeers: Rejection = {
  about: "peers",
  filter: {
    name: "company",
    rejects: () => undefined,
    words: () => "cannot take it together with the units that MachineOf binds to it",
  },
};

/** A unit that had to make room for one that replaces it does not push others away in turn: that could go round for ever. */
const wasReplaced: Rejection = {
  about: "chain",
  filter: {
    name: "replace-chain",
    rejects: () => undefined,
    words: (_about, count) =>
      `${count === 1 ? "runs" : "run"} units that it replaces, and it was itself replaced elsewhere`,
  },
};

/** A move is no reason to push anybody away. */
export const wouldReplace: Rejection = {
  about: "replaced",
  filter: {
    name: "would-replace",
    rejects: () => undefined,
    words: (_about, count) => `${count === 1 ? "runs" : "run"} units that it replaces`,
  },
};
