/**
 * The running containers with names of Deis v1, kept current by Docker's events: subscribe, list, then look again at what an event names.
 *
 * As in `container-mirror.ts` an event is only a reason to look, and after any break everything is subscribed and listed anew.
 */
import type { ContainerInspectInfo } from "dockerode";
import { parseReleaseName } from "../../cluster/release-name.ts";
import { onAbort } from "../../loop/abort.ts";
import { Backoff } from "../../loop/backoff.ts";
import { type Clock, systemClock } from "../../loop/clock.ts";
import type { NamedContainer, NamedContainers } from "../named-containers.ts";
import { DockerClient } from "./client.ts";
import { reachOf } from "./container-reach.ts";
import { labels } from "./container-state.ts";

export interface DockerNamedContainersOptions {
  readonly socketPath: string;
  readonly clock?: Clock;
  /** How often a quiet daemon is asked whether it lives, in ms, and how long it may take to answer. Default 5 000. */
  readonly pingMs?: number;
}

const actions = ["start", "die", "destroy", "rename"];
/** Coarser than the rule itself, which is applied to what comes back. */
const pattern = "_v[1-9][0-9]*\\.(web|cmd)\\.[1-9]";

export class DockerNamedContainers implements NamedContainers {
  readonly #client: DockerClient;
  readonly #clock: Clock;
  readonly #pingMs: number;
  readonly #running = new Map<string, NamedContainer>();
  readonly #bells = new Set<() => void>();
  #connected = false;

  constructor(options: DockerNamedContainersOptions) {
    this.#client = new DockerClient(options.socketPath);
    this.#clock = options.clock ?? systemClock;
    this.#pingMs = options.pingMs ?? 5_000;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get running(): ReadonlyMap<string, NamedContainer> {
    return this.#running;
  }

  onChange(bell: () => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }

  /** Follows until `signal` aborts, connecting again whenever the connection is lost. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 500, maxMs: 5_000 });
    while (!signal.aborted) {
      const over = new AbortController();
      const off = onAbort(signal, () => over.abort(signal.reason));
      try {
        await this.#follow(over, () => backoff.reset());
      } catch {
        // A daemon that is away is told of by the runtime of our own containers.
      } finally {
        over.abort();
        off();
        this.#say(false);
      }
      await this.#clock.sleep(backoff.next(), signal).catch(() => undefined);
    }
  }

  async #follow(over: AbortController, onConnected: () => void): Promise<void> {
    const { signal } = over;
    const events = await this.#client.events(undefined, actions, signal);
    const listed = await this.#client.listNamed(pattern, signal);
    const known = new Set(this.#running.keys());
    for (const { Id } of listed) {
      const name = await this.#look(Id, signal);
      if (name !== undefined) known.delete(name);
    }
    for (const name of known) this.#running.delete(name);
    onConnected();
    this.#say(true);
    const broken = (error: unknown) => over.abort(error);
    const pings = this.#ping(signal).catch(broken);
    try {
      // One after the other, so that the later event of a container has the last word.
      for await (const { id, name } of events) {
        // Most containers are none of ours, and looking costs the daemon work.
        if (parseReleaseName(name) === undefined && !this.#isKnown(id)) continue;
        await this.#look(id, signal);
        this.#ring();
      }
    } finally {
      over.abort();
      await pings;
    }
  }

  /** Asks about one container and notes what it is now. Resolves to its name if it is one of those that count. */
  async #look(id: string, signal: AbortSignal): Promise<string | undefined> {
    const container = await this.#client.inspect(id, signal);
    const name = container?.Name.replace(/^\//, "");
    for (const [other, { id: known }] of this.#running) {
      if (known === id && other !== name) this.#running.delete(other);
    }
    if (container === undefined || name === undefined) return undefined;
    const seen = namedContainer(container, name);
    if (seen) this.#running.set(name, seen);
    else if (this.#running.get(name)?.id === id) this.#running.delete(name);
    return seen && name;
  }

  #isKnown(id: string): boolean {
    return [...this.#running.values()].some((known) => known.id === id);
  }

  async #ping(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(this.#pingMs, signal);
      await this.#client.ping(this.#pingMs, signal);
    }
  }

  #say(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#ring();
  }

  #ring(): void {
    for (const bell of [...this.#bells]) bell();
  }
}

/** Undefined if it does not run, has another name, or is the container of a unit of ours. */
function namedContainer(container: ContainerInspectInfo, name: string): NamedContainer | undefined {
  const reach = reachOf(container);
  const isUnit = container.Config.Labels?.[labels.unit] !== undefined;
  if (reach === undefined || isUnit || parseReleaseName(name) === undefined) return undefined;
  return { id: container.Id, startedAt: container.State.StartedAt, reach };
}
