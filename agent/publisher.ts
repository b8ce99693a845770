/**
 * Keeps the endpoints of this machine in the store true: look, decide (`candidates.ts`, `publish.ts`), write, tell.
 *
 * One pass at a time, and what it has decided is in the store and seen there before the next one decides. Nothing is written while nothing
 * changes, nothing without the machine's lease, and nothing is deleted that does not hang on it. What is told of an endpoint is read from
 * the store, never concluded from a write.
 */
import { isDeepStrictEqual } from "node:util";
import type { Machine, RuntimeName } from "../cluster/machine.ts";
import type { EndpointName, EndpointStore, EndpointWrite } from "../cluster/ports.ts";
import type { Publication } from "../cluster/publication.ts";
import type { PublishedState, UnitState } from "../cluster/unit-state.ts";
import type { BackoffOptions } from "../loop/backoff.ts";
import type { Clock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import { type Candidate, candidates, ownerOf, publications } from "./candidates.ts";
import type { Desired } from "./desired.ts";
import type { OnAgentEvent } from "./events.ts";
import { FollowedServices } from "./followed-services.ts";
import type { Health } from "./health.ts";
import { healthCheck } from "./health-settings.ts";
import type { NamedContainers } from "./named-containers.ts";
import type { Probe } from "./probe.ts";
import { type Probed, Prober } from "./prober.ts";
import { judge, overtaken, type Verdict } from "./publish.ts";
import { endpointText, findPort, type PortFinding } from "./reach.ts";
import { ReachFinder } from "./reach-finder.ts";
import type { Flight, RuntimeView } from "./reconcile.ts";
import { Routed } from "./routed.ts";
import { RouterWatch } from "./router-watch.ts";
import type { UnitRuntime } from "./runtime.ts";
import { type RouterPatience, Withdrawals } from "./withdrawals.ts";

export interface PublisherOptions {
  readonly machine: string;
  /** This machine as it is announced; undefined before that. */
  readonly announced: () => Machine | undefined;
  /** The lease of this machine, while it is held. */
  readonly lease: () => string | undefined;
  readonly store: EndpointStore;
  readonly runtimes: readonly UnitRuntime[];
  readonly containers: NamedContainers;
  readonly probe: Probe;
  readonly patience: RouterPatience;
  readonly onEvent: OnAgentEvent;
  readonly clock: Clock;
  /** Between two tries to write. Default: 100 ms doubling to 5 s. */
  readonly backoff?: BackoffOptions;
}

/** What a pass of the agent has seen. */
export interface AgentView {
  readonly synced: boolean;
  readonly desired: ReadonlyMap<string, Desired>;
  readonly runtimes: ReadonlyMap<RuntimeName, RuntimeView>;
  readonly flights: ReadonlyMap<string, Flight>;
  /** The states in the store, by unit. */
  readonly written: ReadonlyMap<string, UnitState>;
}

/** A write with what it is for. */
interface Change {
  readonly id: string;
  readonly write: EndpointWrite;
  readonly reason?: string;
}

/** How long a pass waits until what it wrote comes back. */
const echoMs = 2_000;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #loop: ControlLoop;
  readonly #services: FollowedServices;
  readonly #reaches: ReachFinder;
  readonly #prober: Prober;
  readonly #routers: RouterWatch;
  readonly #routed: Routed;
  readonly #withdrawals: Withdrawals;
  readonly #bells = new Set<() => void>();
  #view: AgentView | undefined;
  #publications: ReadonlyMap<string, Publication> = new Map();
  #published: ReadonlyMap<string, PublishedState> = new Map();
  /** The lease whose endpoints were looked up. */
  #learned: string | undefined;
  /** Endpoints that hang on our lease and that nothing here asks for: left by the agent before this one, or by what went away. */
  readonly #leftovers = new Map<string, EndpointName>();
  /** Endpoints of the agent before this one, with the run that they were found with. */
  readonly #adopted = new Map<string, string | undefined>();
  /** What this machine has in the store, as last seen. */
  readonly #held = new Map<string, string>();
  /** Runs whose endpoint another machine has taken over. */
  readonly #overtaken = new Map<string, string>();
  /** When an endpoint of ours went. */
  readonly #removed = new Map<string, bigint>();
  /** What was looked at before. */
  readonly #met = new Set<string>();

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { store, runtimes, containers, probe, patience, clock, onEvent } = options;
    const ring = () => this.#loop.ring();
    this.#loop = new ControlLoop({
      pass: (signal) => this.#pass(signal),
      clock,
      backoff: options.backoff ?? { initialMs: 100, maxMs: 5_000 },
      onEvent: (event) => {
        if (event.kind === "pass-failed") onEvent({ ...event, kind: "publish-failed" });
      },
    });
    this.#services = new FollowedServices(store, ring);
    this.#reaches = new ReachFinder({ runtimes, containers, clock, ring });
    this.#prober = new Prober({ probe, clock, ring });
    this.#routers = new RouterWatch({ follow: () => store.followRouters(), clock });
    this.#routed = new Routed({ routers: this.#routers, withinMs: patience.routedMs, onEvent, ring });
    this.#withdrawals = new Withdrawals({ routers: this.#routers, patience, clock, onEvent, ring });
  }

  /** How far each unit that publishes has come, by unit. */
  get published(): ReadonlyMap<string, PublishedState> {
    return this.#published;
  }

  /** True if an endpoint of this unit may be in the store, or on its way there. */
  mayPublish(unit: string): boolean {
    if (this.#learned === undefined || this.#publications.has(unit)) return true;
    return [...this.#leftovers.values()].some(({ name }) => ownerOf(name, this.#options.machine) === unit);
  }

  /** Calls `bell` after `published` has changed. Returns the function that ends this. */
  onChange(bell: () => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }

  /** Hands over what the agent sees now. */
  consider(view: AgentView): void {
    this.#view = view;
    this.#withdrawals.retain(view.flights);
    this.#loop.ring();
  }

  /** Takes the unit out of the traffic; see `withdrawals.ts`. */
  withdraw(unit: string, signal: AbortSignal): Promise<void> {
    return this.#withdrawals.withdraw(unit, signal);
  }

  /** Runs until `signal` aborts. Every endpoint stays as it is. */
  async run(signal: AbortSignal): Promise<void> {
    const end = this.#options.containers.onChange(() => this.#loop.ring());
    try {
      await Promise.all([this.#loop.run(signal), this.#prober.run(signal)]);
    } finally {
      end();
      this.#reaches.close();
      this.#routed.close();
      await Promise.all([this.#services.close(), this.#routers.close()]);
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const view = this.#view;
    const machine = this.#options.announced();
    // Whoever asks from here on is answered by the next pass.
    const pending = this.#withdrawals.pending;
    if (!view?.synced || machine === undefined) return;
    const lease = this.#options.lease();
    if (lease !== undefined) await this.#learn(lease, signal);
    const found = this.#look(view);
    const ports = this.#probe(found, machine.address);
    if (lease === undefined || this.#learned === undefined) return;
    this.#note(found, lease);
    const verdicts = this.#judge(found, ports, lease);
    const changes = [...this.#changes(found, verdicts), ...this.#purge(view, machine, lease)];
    const revision = await this.#write(changes, lease, signal);
    this.#note(found, lease, changes, revision);
    this.#tell(found, verdicts, lease);
    for (const unit of pending) this.#answer(unit, found, lease);
  }

  /** Finds what an agent before this one left on the lease. */
  async #learn(lease: string, signal: AbortSignal): Promise<void> {
    if (this.#learned === lease) return;
    const names = await this.#options.store.onLease(lease, signal);
    // A lease taken anew is our own work, and its endpoints are known.
    if (this.#learned === undefined) {
      for (const name of names) {
        this.#leftovers.set(idOf(name), name);
        this.#adopted.set(idOf(name), undefined);
      }
    }
    this.#learned = lease;
  }

  #look({ desired, runtimes }: AgentView): ReadonlyMap<string, Candidate> {
    const { machine, containers } = this.#options;
    const withdrawn = this.#withdrawals.units;
    this.#publications = publications({ desired, runtimes }, this.#publications);
    const found = candidates({
      machine,
      desired,
      runtimes,
      withdrawn,
      publications: this.#publications,
      containers,
    });
    for (const id of found.keys()) this.#leftovers.delete(id);
    for (const id of this.#held.keys()) if (!found.has(id)) this.#leftovers.set(id, nameOf(id));
    this.#services.follow(
      new Set([...found.values(), ...this.#leftovers.values()].map((each) => each.service)),
    );
    this.#reaches.retain((id) => found.has(id));
    for (const known of [this.#held, this.#overtaken, this.#removed, this.#adopted, this.#met]) {
      for (const id of known.keys()) if (!found.has(id) && !this.#leftovers.has(id)) known.delete(id);
    }
    return found;
  }

  /** Finds where candidates answer, and has them probed there. */
  #probe(found: ReadonlyMap<string, Candidate>, address: string): ReadonlyMap<string, PortFinding> {
    const { clock } = this.#options;
    const ports = new Map<string, PortFinding>();
    const targets = new Map<string, Probed>();
    for (const [id, candidate] of found) {
      const { life, service, port, healthPath } = candidate;
      const reach = this.#reaches.reach(candidate);
      if (life.kind !== "up" || reach === undefined) continue;
      const finding = findPort(reach, port, address);
      ports.set(id, finding);
      const settings = this.#services.healthSettings(service);
      if ("problem" in finding || settings === undefined) continue;
      const { initialDelayMs, ...check } = healthCheck(healthPath, settings);
      const startedMs = clock.monotonic() - (clock.now().getTime() - Date.parse(life.since));
      const assumed = this.#isAssumed(candidate);
      targets.set(id, {
        ...check,
        ...finding,
        run: life.run,
        assumed,
        notBeforeMs: startedMs + initialDelayMs,
      });
    }
    this.#prober.watch(targets);
    return ports;
  }

  /** True for the run that the agent before this one had published. */
  #isAssumed({ id, life }: Candidate): boolean {
    if (life.kind === "unknown" || !this.#adopted.has(id)) return false;
    if (life.kind === "down") {
      this.#adopted.delete(id);
      return false;
    }
    const run = this.#adopted.get(id) ?? life.run;
    this.#adopted.set(id, run);
    return run === life.run;
  }

  #judge(
    found: ReadonlyMap<string, Candidate>,
    ports: ReadonlyMap<string, PortFinding>,
    lease: string,
  ): ReadonlyMap<string, Verdict> {
    const verdicts = new Map<string, Verdict>();
    for (const [id, candidate] of found) {
      const endpoints = this.#services.endpoints(candidate.service);
      if (endpoints === undefined) continue;
      const stored = endpoints.get(candidate.name);
      const finding = ports.get(id);
      const health = this.#healthOf(candidate);
      verdicts.set(
        id,
        judge({
          candidate,
          ...(finding && "host" in finding ? { address: endpointText(finding) } : {}),
          ...(finding && "problem" in finding ? { portProblem: finding.problem } : {}),
          ...(health ? { health } : {}),
          ...(stored ? { stored } : {}),
          names: endpoints.keys(),
          lease,
          isOvertaken: candidate.life.kind === "up" && this.#overtaken.get(id) === candidate.life.run,
        }),
      );
    }
    return verdicts;
  }

  #healthOf(candidate: Candidate): Health | undefined {
    const probed = this.#prober.health(candidate.id);
    return probed ?? (this.#isAssumed(candidate) ? { kind: "assumed", failures: 0 } : undefined);
  }

  #changes(found: ReadonlyMap<string, Candidate>, verdicts: ReadonlyMap<string, Verdict>): readonly Change[] {
    const changes: Change[] = [];
    for (const [id, verdict] of verdicts) {
      const candidate = found.get(id);
      if (candidate === undefined || verdict.kind === "leave") continue;
      const { service, name } = candidate;
      if (verdict.kind === "publish") {
        const { address, over } = verdict;
        changes.push({ id, write: { kind: "publish", service, name, address, over } });
      } else {
        changes.push({ id, write: { kind: "withdraw", service, name }, reason: verdict.reason });
      }
    }
    return changes;
  }

  /** Takes back what nothing here asks for any more. */
  #purge(view: AgentView, machine: Machine, lease: string): readonly Change[] {
    const { containers } = this.#options;
    const isComplete =
      machine.runtimes.every((name) => view.runtimes.get(name)?.connected) &&
      (containers.connected || !machine.runtimes.includes("docker"));
    const changes: Change[] = [];
    for (const [id, { service, name }] of this.#leftovers) {
      const endpoints = this.#services.endpoints(service);
      if (endpoints === undefined) continue;
      if (endpoints.get(name)?.lease !== lease) {
        this.#leftovers.delete(id);
        continue;
      }
      const unit = ownerOf(name, machine.id);
      const isAsked = this.#withdrawals.units.has(unit);
      if (!isAsked && (!isComplete || mayBelong(unit, service, view))) continue;
      const reason = isAsked ? "it is about to be stopped" : "nothing here asks for it any more";
      changes.push({ id, write: { kind: "withdraw", service, name }, reason });
    }
    return changes;
  }

  /** Writes, and waits until the mirrors show it. */
  async #write(changes: readonly Change[], lease: string, signal: AbortSignal): Promise<bigint> {
    if (changes.length === 0) return 0n;
    const { store, clock } = this.#options;
    const revision = await store.write(
      changes.map(({ write }) => write),
      lease,
      signal,
    );
    const over = new AbortController();
    clock.sleep(echoMs, over.signal).then(
      () => over.abort(),
      () => undefined, // it came back in time
    );
    await this.#services.reached(new Set(changes.map(({ write }) => write.service)), revision, over.signal);
    over.abort();
    return revision;
  }

  /** Notes what came and went, as the store shows it. */
  #note(
    found: ReadonlyMap<string, Candidate>,
    lease: string,
    changes: readonly Change[] = [],
    written = 0n,
  ): void {
    const { onEvent } = this.#options;
    const changed = new Map(changes.map((change) => [change.id, change]));
    for (const [id, { service, name, ...more }] of [...this.#leftovers, ...found] as [string, Noted][]) {
      const endpoints = this.#services.endpoints(service);
      if (endpoints === undefined) continue;
      const stored = endpoints.get(name);
      const held = this.#held.get(id);
      const { unit, life } = more;
      const told = { service, name, ...(unit === undefined ? {} : { unit }) };
      const before = unit === undefined ? undefined : this.#view?.written.get(unit)?.published;
      const isFirst = !this.#met.has(id);
      this.#met.add(id);
      if (stored?.lease === lease) {
        this.#held.set(id, stored.address);
        this.#removed.delete(id);
        this.#overtaken.delete(id);
        const wasRouted = before?.routed === true && before.endpoint === stored.address;
        if (isFirst && wasRouted) this.#routed.assume(id, stored.revision);
        if (held !== stored.address && changed.has(id))
          onEvent({ kind: "endpoint-published", ...told, address: stored.address });
        continue;
      }
      if (stored === undefined) this.#overtaken.delete(id);
      const isLost = held === undefined ? isFirst && before?.problem === overtaken : held !== stored?.address;
      if (stored !== undefined && isLost && life?.kind === "up") this.#overtaken.set(id, life.run);
      if (held === undefined) continue;
      const reason = changed.get(id)?.reason;
      this.#held.delete(id);
      this.#routed.forget(id);
      this.#removed.set(id, reason === undefined ? (stored?.revision ?? 0n) : written);
      const otherwise = stored === undefined ? "it was deleted, or its lease has ended" : overtaken;
      onEvent({ kind: "endpoint-withdrawn", ...told, reason: reason ?? otherwise });
    }
  }

  /** Makes `published` say what is true, and rings if it is news. */
  #tell(found: ReadonlyMap<string, Candidate>, verdicts: ReadonlyMap<string, Verdict>, lease: string): void {
    const published = new Map<string, PublishedState>();
    for (const [id, candidate] of found) {
      const { unit } = candidate;
      if (unit === undefined) continue;
      const before = this.#view?.written.get(unit)?.published;
      published.set(unit, this.#stateOf(id, candidate, verdicts.get(id), before, lease));
    }
    const isNews = !isDeepStrictEqual(this.#published, published);
    this.#published = published;
    if (isNews) for (const bell of [...this.#bells]) bell();
  }

  #stateOf(
    id: string,
    { service, name, life }: Candidate,
    verdict: Verdict | undefined,
    before: PublishedState | undefined,
    lease: string,
  ): PublishedState {
    const endpoints = this.#services.endpoints(service);
    if (endpoints === undefined || life.kind === "unknown") return before ?? { service, routed: false };
    const stored = endpoints.get(name);
    if (stored?.lease === lease) {
      const { address: endpoint, revision } = stored;
      return { service, endpoint, routed: this.#routed.isRouted(id, revision) };
    }
    const problem = verdict && "problem" in verdict ? verdict.problem : undefined;
    return { service, routed: false, ...(problem === undefined ? {} : { problem }) };
  }

  /** Tells whoever waits for it that nothing of the unit is in the store any more, if that is so. */
  #answer(unit: string, found: ReadonlyMap<string, Candidate>, lease: string): void {
    const own = [...found.values()].filter((candidate) => candidate.unit === unit);
    const left = [...this.#leftovers.values()].filter(
      ({ name }) => ownerOf(name, this.#options.machine) === unit,
    );
    let revision = 0n;
    for (const endpoint of [...own, ...left]) {
      const endpoints = this.#services.endpoints(endpoint.service);
      if (endpoints === undefined || endpoints.get(endpoint.name)?.lease === lease) return;
      const removed = this.#removed.get(idOf(endpoint)) ?? 0n;
      if (removed > revision) revision = removed;
    }
    this.#withdrawals.gone(unit, revision);
  }
}

type Noted = EndpointName & Partial<Pick<Candidate, "unit" | "life">>;

function idOf({ service, name }: EndpointName): string {
  return `${service}/${name}`;
}

function nameOf(id: string): EndpointName {
  const slash = id.indexOf("/");
  return { service: id.slice(0, slash), name: id.slice(slash + 1) };
}

/** Whether an endpoint without a candidate may yet get one: its unit is still here, or what a unit asks for is not known. */
function mayBelong(unit: string, service: string, { desired, runtimes, written }: AgentView): boolean {
  const isHere = [...runtimes.values()].some(({ observed }) => observed.has(unit));
  if (isHere && desired.get(unit)?.kind !== "wanted") return true;
  for (const [name, wish] of desired) {
    if (wish.kind !== "unknown") continue;
    if (name === unit || !wish.isProblem || written.get(name)?.published?.service === service) return true;
  }
  return false;
}
