/**
 * What on this machine asks to be published, and whether it runs: desired ∥ observed ∥ what is under way, to candidates.
 *
 * The rule here: a unit that is about to be stopped is down already, one whose runtime cannot be reached is unknown, and what a unit once
 * asked for holds until the unit has left: it must still be withdrawn when its file is no longer at hand.
 *
 * Pure.
 */
import type { RuntimeName } from "../cluster/machine.ts";
import type { Publication } from "../cluster/publication.ts";
import { parseReleaseName, type ReleaseName } from "../cluster/release-name.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { Desired } from "./desired.ts";
import type { NamedContainers } from "./named-containers.ts";
import type { RuntimeView } from "./reconcile.ts";

/** Something here that is, or might be, published. */
export interface Candidate {
  /** `<service>/<name>`: one endpoint. */
  readonly id: string;
  readonly service: string;
  readonly name: string;
  /** Absent for a container that no unit of ours started. */
  readonly unit?: string;
  readonly port?: number;
  readonly healthPath?: string;
  readonly release?: ReleaseName;
  readonly life: Life;
}

export type Life =
  /** `run` tells one life of the process from the next; `from` is who knows its ports. */
  | {
      readonly kind: "up";
      readonly run: string;
      /** RFC 3339. */
      readonly since: string;
      readonly from: Source;
    }
  | { readonly kind: "down"; readonly why: string }
  /** Nothing can be said now: what stands in the store stays. */
  | { readonly kind: "unknown" };

export type Source =
  | { readonly kind: "runtime"; readonly runtime: RuntimeName }
  | { readonly kind: "container"; readonly container: string };

export interface PublishView {
  readonly machine: string;
  readonly desired: ReadonlyMap<string, Desired>;
  readonly runtimes: ReadonlyMap<RuntimeName, RuntimeView>;
  /** Units that are about to be stopped. */
  readonly withdrawn: ReadonlySet<string>;
  /** What units asked for, also of those that are no longer wanted: see `publications`. */
  readonly publications: ReadonlyMap<string, Publication>;
  readonly containers: Pick<NamedContainers, "connected" | "running">;
}

/** What each unit asks for, given what was known before: a unit that is still here keeps what it asked for. */
export function publications(
  { desired, runtimes }: Pick<PublishView, "desired" | "runtimes">,
  before: ReadonlyMap<string, Publication>,
): ReadonlyMap<string, Publication> {
  const known = new Map<string, Publication>();
  for (const [unit, publication] of before) {
    if (desired.get(unit)?.kind === "wanted") continue;
    if (desired.has(unit) || holderOf(unit, runtimes)) known.set(unit, publication);
  }
  for (const [unit, wish] of desired) {
    if (wish.kind === "wanted" && wish.publication) known.set(unit, wish.publication);
  }
  return known;
}

/** Every candidate once, by id. Of two that ask for one endpoint the first by unit name has it. */
export function candidates(view: PublishView): ReadonlyMap<string, Candidate> {
  const found = new Map<string, Candidate>();
  const claimed = new Set<string>();
  for (const [unit, publication] of [...view.publications].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (publication.container !== undefined) claimed.add(publication.container);
    const candidate = unitCandidate(unit, publication, view);
    if (!found.has(candidate.id)) found.set(candidate.id, candidate);
  }
  for (const [container, { id, startedAt }] of view.containers.running) {
    const release = parseReleaseName(container);
    if (release === undefined || claimed.has(container) || found.has(`${release.app}/${container}`)) continue;
    // A unit of this name is not wanted any more: its container is about to go with it.
    const isLeaving = view.withdrawn.has(`${container}.service`);
    const up = { kind: "up", run: `${id} ${startedAt}`, since: startedAt } as const;
    const candidate: Candidate = {
      id: `${release.app}/${container}`,
      service: release.app,
      name: container,
      release,
      life: isLeaving ? stopping : { ...up, from: { kind: "container", container } },
    };
    found.set(candidate.id, candidate);
  }
  return found;
}

const stopping: Life = { kind: "down", why: "it is about to be stopped" };

function unitCandidate(unit: string, publication: Publication, view: PublishView): Candidate {
  const { service, endpoint, global, port, healthPath, release } = publication;
  const name = endpointName(endpoint, global, view.machine);
  return {
    id: `${service}/${name}`,
    service,
    name,
    unit,
    ...(port === undefined ? {} : { port }),
    ...(healthPath === undefined ? {} : { healthPath }),
    ...(release === undefined ? {} : { release }),
    life: view.withdrawn.has(unit) ? stopping : lifeOf(unit, publication, view),
  };
}

/** The name below the service. Every machine has a copy of a global unit, so its endpoint is named for the machine too. */
function endpointName(endpoint: string, global: boolean, machine: string): string {
  return global ? `${endpoint}.${machine}` : endpoint;
}

/** The unit that an endpoint of this machine belongs to by its name, for one that nobody asks for any more. */
export function ownerOf(name: string, machine: string): string {
  const stem = name.endsWith(`.${machine}`) ? name.slice(0, -machine.length - 1) : name;
  return `${stem}.service`;
}

function lifeOf(unit: string, { container }: Publication, view: PublishView): Life {
  const wish = view.desired.get(unit);
  const runtime = wish?.kind === "wanted" ? wish.runtime : holderOf(unit, view.runtimes);
  const own = runtime === undefined ? undefined : view.runtimes.get(runtime);
  if (runtime === undefined || own === undefined || !own.connected) return { kind: "unknown" };
  const state = own.observed.get(unit);
  if (container !== undefined) return containerLife(container, state, view);
  if (state === undefined) return { kind: "down", why: "it is not loaded" };
  if (state.active !== "active" && state.active !== "reloading") {
    return { kind: "down", why: `it is ${state.active} (${state.sub})` };
  }
  const { containerId = "", since } = state;
  return { kind: "up", run: `${containerId} ${since}`, since, from: { kind: "runtime", runtime } };
}

/** A command's container lives by itself: its unit may be `activating` (`ExecStartPost=` waits), or over, while it serves. */
function containerLife(container: string, state: UnitState | undefined, { containers }: PublishView): Life {
  if (!containers.connected) return { kind: "unknown" };
  if (state?.active === "deactivating") return { kind: "down", why: `it is deactivating (${state.sub})` };
  const running = containers.running.get(container);
  if (running === undefined) return { kind: "down", why: `its container "${container}" does not run` };
  const { id, startedAt } = running;
  return { kind: "up", run: `${id} ${startedAt}`, since: startedAt, from: { kind: "container", container } };
}

function holderOf(unit: string, runtimes: ReadonlyMap<RuntimeName, RuntimeView>): RuntimeName | undefined {
  for (const [name, { observed }] of runtimes) if (observed.has(unit)) return name;
  return undefined;
}
