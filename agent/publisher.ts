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
import { onAbort } from "../loop/abort.ts";
import type { BackoffOptions } from "../loop/backoff.ts";
import type { Clock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import { type Answer, Answers } from "./answers.ts";
import { type Candidate, candidates, ownerOf, publications } from "./candidates.ts";
import type { Desired } from "./desired.ts";
import { EndpointLedger, endpointOf, idOf } from "./endpoint-ledger.ts";
import type { OnAgentEvent } from "./events.ts";
import { FollowedServices } from "./followed-services.ts";
import { whyTakenBack } from "./leftovers.ts";
import type { NamedContainers } from "./named-containers.ts";
import type { Probe } from "./probe.ts";
import { judge, overtaken, type Verdict } from "./publish.ts";
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
  /** Between two tries to write. Default: 100 ms doubling to 1 s: a stop may wait for it. */
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

/** How long a pass waits until what it wrote comes back. */
const echoMs = 2_000;

/** Candidates by id. */
type Candidates = ReadonlyMap<string, Candidate>;

type Verdicts = ReadonlyMap<string, Verdict>;

/** An endpoint of this machine, asked for by a candidate or by nobody any more. */
type Endpoint = EndpointName & Partial<Candidate>;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #loop: ControlLoop;
  readonly #services: FollowedServices;
  readonly #answers: Answers;
  readonly #routers: RouterWatch;
  readonly #routed: Routed;
  readonly #withdrawals: Withdrawals;
  readonly #ledger = new EndpointLedger();
  readonly #bells = new Set<() => void>();
  #view: AgentView | undefined;
  #publications: ReadonlyMap<string, Publication> = new Map();
  #published: ReadonlyMap<string, PublishedState> = new Map();
  /** What the agent before this one left on the lease is known. */
  #hasLearned = false;
  /** Endpoints on our lease that nothing here asks for, by id. */
  readonly #leftovers = new Map<string, EndpointName>();

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { store, runtimes, containers, probe, patience, clock, onEvent } = options;
    const ring = () => this.#loop.ring();
    this.#loop = new ControlLoop({
      pass: (signal) => this.#pass(signal),
      clock,
      backoff: options.backoff ?? { initialMs: 100, maxMs: 1_000 },
      onEvent: (event) => {
        if (event.kind === "pass-failed") onEvent({ ...event, kind: "publish-failed" });
      },
    });
    this.#services = new FollowedServices(store, ring);
    this.#answers = new Answers({
      ...{ runtimes, containers, probe, clock, ring },
      healthSettings: (service) => this.#services.healthSettings(service),
      isAdopted: (candidate) => this.#ledger.isAdopted(candidate),
    });
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
    if (!this.#hasLearned || this.#publications.has(unit)) return true;
    const { machine } = this.#options;
    const ids = [...this.#leftovers.keys(), ...this.#ledger.held()];
    return ids.some((id) => ownerOf(endpointOf(id).name, machine) === unit);
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
      await Promise.all([this.#loop.run(signal), this.#answers.run(signal)]);
    } finally {
      end();
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
    const answers = this.#answers.of(found, machine.address);
    if (lease === undefined) return;
    this.#note(found, view, lease);
    const verdicts = this.#judge(found, answers, lease);
    const writes = [...writesOf(found, verdicts), ...this.#takeBack(view, machine, lease)];
    if (writes.length > 0) {
      const revision = await this.#write(writes, lease, signal);
      this.#note(found, view, lease, { writes, revision });
    }
    this.#tell(found, verdicts, view, lease);
    for (const unit of pending) this.#answer(unit, found, lease);
  }

  /** Finds what an agent before this one left on the lease. */
  async #learn(lease: string, signal: AbortSignal): Promise<void> {
    // What hangs on a lease that was taken later is our own work.
    if (this.#hasLearned) return;
    for (const name of await this.#options.store.onLease(lease, signal)) {
      this.#leftovers.set(idOf(name), name);
      this.#ledger.adopt(idOf(name));
    }
    this.#hasLearned = true;
  }

  #look({ desired, runtimes }: AgentView): Candidates {
    const { machine, containers } = this.#options;
    this.#publications = publications({ desired, runtimes }, this.#publications);
    const withdrawn = this.#withdrawals.units;
    const found = candidates({
      machine,
      desired,
      runtimes,
      withdrawn,
      publications: this.#publications,
      containers,
    });
    for (const id of found.keys()) this.#leftovers.delete(id);
    for (const id of this.#ledger.held()) if (!found.has(id)) this.#leftovers.set(id, endpointOf(id));
    this.#services.follow(new Set(this.#endpoints(found).map(([, { service }]) => service)));
    this.#ledger.retain((id) => found.has(id) || this.#leftovers.has(id));
    return found;
  }

  #judge(found: Candidates, answers: ReadonlyMap<string, Answer>, lease: string): Verdicts {
    const verdicts = new Map<string, Verdict>();
    for (const [id, candidate] of found) {
      if (!this.#services.isKnown(candidate.service)) continue;
      const stored = this.#services.stored(candidate);
      const newest = candidate.release ? this.#services.newest(candidate.service) : 0;
      const isOvertaken = this.#ledger.isOvertaken(candidate);
      const seen = { ...answers.get(id), ...(stored ? { stored } : {}) };
      verdicts.set(id, judge({ candidate, ...seen, newest, lease, isOvertaken }));
    }
    return verdicts;
  }

  /** Withdraws what nothing here asks for any more. */
  #takeBack(view: AgentView, machine: Machine, lease: string): readonly Write[] {
    const containersKnown = this.#options.containers.connected;
    const whole = { ...view, machine, containersKnown, withdrawn: this.#withdrawals.units };
    const writes: Write[] = [];
    for (const [id, endpoint] of this.#leftovers) {
      const { service, name } = endpoint;
      if (!this.#services.isKnown(service)) continue;
      const isOurs = this.#services.stored(endpoint)?.lease === lease;
      const reason = isOurs ? whyTakenBack(endpoint, whole) : undefined;
      if (!isOurs) this.#leftovers.delete(id);
      else if (reason !== undefined) writes.push({ id, change: { kind: "withdraw", service, name }, reason });
    }
    return writes;
  }

  /** Writes, and waits until the mirrors show it. */
  async #write(writes: readonly Write[], lease: string, signal: AbortSignal): Promise<bigint> {
    const { store, clock } = this.#options;
    const changes = writes.map(({ change }) => change);
    const revision = await store.write(changes, lease, signal);
    const over = new AbortController();
    const off = onAbort(signal, () => over.abort());
    clock.sleep(echoMs, over.signal).then(
      () => over.abort(),
      () => undefined, // it came back in time
    );
    await this.#services.reached(new Set(changes.map(({ service }) => service)), revision, over.signal);
    off();
    over.abort();
    return revision;
  }

  /** Notes what came and went, as the store shows it; `own`: what we have just written. */
  #note(found: Candidates, view: AgentView, lease: string, own?: Written): void {
    const { onEvent } = this.#options;
    const writes = new Map(own?.writes.map((write) => [write.id, write]));
    for (const [id, endpoint] of this.#endpoints(found)) {
      if (!this.#services.isKnown(endpoint.service)) continue;
      const { service, name, unit, life } = endpoint;
      const stored = this.#services.stored(endpoint);
      const told = unit === undefined ? undefined : view.written.get(unit)?.published;
      const write = writes.get(id);
      const removed = write?.change.kind === "withdraw" ? own?.revision : undefined;
      const news = this.#ledger.note({ id, stored, told, ...(life ? { life } : {}) }, lease, removed);
      if (news === undefined) continue;
      const subject = { service, name, ...(unit === undefined ? {} : { unit }) };
      if (news.kind === "went") {
        this.#routed.forget(id);
        const why = news.elsewhere ? overtaken : "it was deleted, or its lease has ended";
        onEvent({ kind: "endpoint-withdrawn", ...subject, reason: write?.reason ?? why });
      } else if (write !== undefined) {
        onEvent({ kind: "endpoint-published", ...subject, address: news.address });
      } else if (told?.routed && told.endpoint === news.address && stored !== undefined) {
        // The agent before this one has heard from the routers.
        this.#routed.assume(id, stored.revision);
      }
    }
  }

  /** Makes `published` say what is true, and rings if it is news. */
  #tell(found: Candidates, verdicts: Verdicts, { written }: AgentView, lease: string): void {
    const published = new Map<string, PublishedState>();
    for (const [id, candidate] of found) {
      const { unit } = candidate;
      if (unit === undefined) continue;
      const before = written.get(unit)?.published;
      published.set(unit, this.#stateOf(candidate, verdicts.get(id), before, lease));
    }
    const isNews = !isDeepStrictEqual(this.#published, published);
    this.#published = published;
    if (isNews) for (const bell of [...this.#bells]) bell();
  }

  #stateOf(
    candidate: Candidate,
    verdict: Verdict | undefined,
    before: PublishedState | undefined,
    lease: string,
  ): PublishedState {
    const { id, service, life } = candidate;
    if (!this.#services.isKnown(service) || life.kind === "unknown")
      return before ?? { service, routed: false };
    const stored = this.#services.stored(candidate);
    if (stored?.lease === lease) {
      return { service, endpoint: stored.address, routed: this.#routed.isRouted(id, stored.revision) };
    }
    const problem = verdict && "problem" in verdict ? verdict.problem : undefined;
    return { service, routed: false, ...(problem === undefined ? {} : { problem }) };
  }

  /** Tells whoever waits for it that nothing of the unit is in the store any more, if that is so. */
  #answer(unit: string, found: Candidates, lease: string): void {
    let revision = 0n;
    for (const [id, endpoint] of this.#endpoints(found)) {
      if ((endpoint.unit ?? ownerOf(endpoint.name, this.#options.machine)) !== unit) continue;
      if (!this.#services.isKnown(endpoint.service)) return;
      if (this.#services.stored(endpoint)?.lease === lease) return;
      const removed = this.#ledger.removedAt(id);
      if (removed > revision) revision = removed;
    }
    this.#withdrawals.gone(unit, revision);
  }

  /** All endpoints of this machine: what is asked for, and what is left over. */
  #endpoints(found: Candidates): [id: string, endpoint: Endpoint][] {
    return [...this.#leftovers, ...found];
  }
}

/** A change with what it is for. */
interface Write {
  readonly id: string;
  readonly change: EndpointWrite;
  readonly reason?: string;
}

/** What was written, and the revision that it got. */
interface Written {
  readonly writes: readonly Write[];
  readonly revision: bigint;
}

function writesOf(found: Candidates, verdicts: Verdicts): readonly Write[] {
  const writes: Write[] = [];
  for (const [id, verdict] of verdicts) {
    const candidate = found.get(id);
    if (candidate === undefined || verdict.kind === "leave") continue;
    const { service, name } = candidate;
    if (verdict.kind === "publish") {
      const { address, over } = verdict;
      writes.push({ id, change: { kind: "publish", service, name, address, over } });
    } else {
      writes.push({ id, change: { kind: "withdraw", service, name }, reason: verdict.reason });
    }
  }
  return writes;
}
