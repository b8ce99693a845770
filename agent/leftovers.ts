/**
 * Endpoints on this machine's lease that nothing here asks for: of a unit that left, of a file that no longer publishes, or found on the
 * lease by an agent that has just begun and does not know everything yet.
 *
 * The rule here: taken back as soon as it is certain that nobody will ask for it, and not before. A restart of the agent must not
 * withdraw what merely has not been looked at.
 *
 * Pure.
 */
import type { Machine, RuntimeName } from "../cluster/machine.ts";
import type { EndpointName } from "../cluster/ports.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import { ownerOf } from "./candidates.ts";
import type { Desired } from "./desired.ts";
import type { RuntimeView } from "./reconcile.ts";

export interface LeftoverView {
  readonly machine: Machine;
  readonly desired: ReadonlyMap<string, Desired>;
  readonly runtimes: ReadonlyMap<RuntimeName, RuntimeView>;
  /** Whether the containers with names of Deis v1 are known. */
  readonly containersKnown: boolean;
  /** Units that are about to be stopped. */
  readonly withdrawn: ReadonlySet<string>;
  /** The states in the store, by unit. */
  readonly written: ReadonlyMap<string, UnitState>;
}

/** Why the endpoint is to be taken back; undefined while somebody may yet ask for it. */
export function whyTakenBack({ service, name }: EndpointName, view: LeftoverView): string | undefined {
  const { machine, desired, runtimes, containersKnown, withdrawn, written } = view;
  const unit = ownerOf(name, machine.id);
  if (withdrawn.has(unit)) return "it is about to be stopped";
  const isSeen = machine.runtimes.every((runtime) => runtimes.get(runtime)?.connected);
  if (!isSeen || (machine.runtimes.includes("docker") && !containersKnown)) return undefined;
  const isHere = [...runtimes.values()].some(({ observed }) => observed.has(unit));
  if (isHere && desired.get(unit)?.kind !== "wanted") return undefined;
  for (const [other, wish] of desired) {
    if (wish.kind !== "unknown") continue;
    if (other === unit || !wish.isProblem || written.get(other)?.published?.service === service)
      return undefined;
  }
  return "nothing here asks for it any more";
}
