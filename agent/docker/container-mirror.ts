/**
 * Our containers as the daemon has them now: subscribe, list, then look again at whatever an event names.
 *
 * An event is only ever a reason to look: the daemon keeps 256 of them and none over its restart, so nothing is concluded from
 * their absence. Whenever the stream breaks, or the daemon no longer answers a ping, everything is subscribed and listed anew.
 */
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import { hasCode } from "../../cluster/errors.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { Backoff } from "../../loop/backoff.ts";
import { type Clock, systemClock } from "../../loop/clock.ts";
import type { ContainerEvent, DockerClient } from "./client.ts";
import type { NoteBook } from "./container-notes.ts";
import { labels, unitStateOf, unitStateOfListed } from "./container-state.ts";

export type ConnectionEvent =
  | { readonly kind: "docker-connected"; readonly containers: number }
  | { readonly kind: "docker-lost"; readonly error: unknown };

export interface ContainerMirrorOptions {
  readonly onEvent?: (event: ConnectionEvent) => void;
  readonly clock?: Clock;
  /** How often a quiet daemon is asked whether it lives, in ms, and how long it may take to answer. Default 5 000. */
  readonly pingMs?: number;
}

/** A unit's container as last seen. */
interface Seen {
  readonly id: string;
  readonly createdAt: number;
  readonly state: UnitState;
}

interface Connection {
  readonly events: AsyncIterable<ContainerEvent>;
  readonly over: AbortController;
}

const actions = [
  "create",
  "start",
  "die",
  "stop",
  "destroy",
  "pause",
  "unpause",
  "oom",
  "health_status",
  "update",
];
/** How many containers are inspected at once. */
const inspections = 8;

export class ContainerMirror {
  readonly #client: DockerClient;
  readonly #notes: NoteBook;
  readonly #options: ContainerMirrorOptions;
  readonly #clock: Clock;
  readonly #pingMs: number;
  readonly #closing = new AbortController();
  readonly #seen = new Map<string, Seen>();
  readonly #observed = new Map<string, UnitState>();
  readonly #bells = new Set<(unit: string) => void>();
  readonly #looks = new Map<string, Look>();
  /** Containers about which the daemon did not answer in time: asked again after each ping. */
  readonly #doubtful = new Set<string>();
  #connected = false;
  #following: Promise<void> = Promise.resolve();

  constructor(client: DockerClient, notes: NoteBook, options: ContainerMirrorOptions = {}) {
    this.#client = client;
    this.#notes = notes;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#pingMs = options.pingMs ?? 5_000;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get observed(): ReadonlyMap<string, UnitState> {
    return this.#observed;
  }

  /** Subscribes and lists. Rejects if the daemon cannot be reached now; later losses mend themselves. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#notes.open();
    const connection = await this.#connect(signal);
    this.#following = this.#follow(connection);
  }

  onChange(bell: (unit: string) => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }

  /** Asks the daemon about one container; when this resolves `observed` shows it, or no longer does. */
  look(id: string): Promise<void> {
    const last = this.#looks.get(id);
    // One that has not begun yet will see what this caller wants seen.
    if (last && !last.begun) return last.done;
    const look: Look = { begun: false, done: Promise.resolve() };
    look.done = (last?.done ?? Promise.resolve())
      .catch(() => undefined) // reported to whoever asked for that look
      .then(() => {
        look.begun = true;
        return this.#inspect(id);
      })
      .finally(() => {
        if (this.#looks.get(id) === look) this.#looks.delete(id);
      });
    this.#looks.set(id, look);
    return look.done;
  }

  /** Shows a restart generation that was noted about a container: the daemon knows nothing of it and need not be asked. */
  generationNoted(id: string, generation: number): void {
    for (const [unit, seen] of this.#seen)
      if (seen.id === id) this.#note(unit, { ...seen, state: { ...seen.state, generation } });
  }

  /** Resolves to true once `holds` of the unit's state (undefined: it has none), to false after `withinMs`. */
  async until(
    unit: string,
    holds: (state: UnitState | undefined) => boolean,
    withinMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const over = new AbortController();
    const cancel = () => over.abort(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    let end: (() => void) | undefined;
    try {
      const held = new Promise<boolean>((resolve) => {
        const check = () => holds(this.#observed.get(unit)) && resolve(true);
        end = this.onChange((changed) => changed === unit && check());
        check();
      });
      return await Promise.race([held, this.#clock.sleep(withinMs, over.signal).then(() => false)]);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      end?.();
      signal.removeEventListener("abort", cancel);
      over.abort();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the runtime was closed"));
    this.#connected = false;
    this.#bells.clear();
    await this.#following;
    await Promise.allSettled([...this.#looks.values()].map(({ done }) => done));
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const over = new AbortController();
    const giveUp = () => over.abort(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      const events = await this.#client.events(labels.unit, actions, over.signal);
      await this.#list(over.signal);
      this.#connected = true;
      this.#options.onEvent?.({ kind: "docker-connected", containers: this.#seen.size });
      return { events, over };
    } catch (error) {
      over.abort(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Listens until closed, connecting again whenever the connection is lost. */
  async #follow(first: Connection): Promise<void> {
    let connection = first;
    for (;;) {
      const error = await this.#listen(connection);
      if (this.#closing.signal.aborted) return;
      this.#connected = false;
      this.#options.onEvent?.({ kind: "docker-lost", error });
      const next = await this.#reconnect();
      if (!next) return;
      connection = next;
      for (const unit of [...this.#observed.keys()]) this.#ring(unit);
    }
  }

  /** Resolves to what broke the connection. */
  async #listen({ events, over }: Connection): Promise<unknown> {
    const close = () => over.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", close, { once: true });
    if (this.#closing.signal.aborted) close();
    const broken = (error: unknown) => over.abort(error);
    const reading = (async () => {
      for await (const { id } of events) this.look(id).catch(broken);
      broken(new Error("the event stream ended"));
    })().catch(broken);
    await Promise.all([reading, this.#watch(over.signal).catch(broken)]);
    this.#closing.signal.removeEventListener("abort", close);
    return over.signal.reason;
  }

  /** A frozen daemon keeps its connections open and says nothing: rejects when it no longer answers. */
  async #watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(this.#pingMs, signal);
      await this.#client.ping(this.#pingMs, signal);
      for (const id of [...this.#doubtful]) this.look(id).catch(() => undefined);
    }
  }

  /** Undefined if the mirror was closed meanwhile. */
  async #reconnect(): Promise<Connection | undefined> {
    const backoff = new Backoff({ maxMs: 2_000 });
    for (;;) {
      try {
        return await this.#connect(this.#closing.signal);
      } catch {
        // The loss was reported; that it lasts is no news.
        if (this.#closing.signal.aborted) return undefined;
        await this.#clock.sleep(backoff.next(), this.#closing.signal).catch(() => undefined);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const noted = this.#notes.ids();
    const listed = await this.#client.list(labels.unit, signal);
    const found = new Map<string, Seen>();
    const queue = [...listed];
    const work = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const seen = await this.#seenOf(next, signal);
        const unit = next.Labels[labels.unit];
        if (seen && unit && !isNewer(found.get(unit), seen)) found.set(unit, seen);
      }
    };
    await Promise.all(Array.from({ length: inspections }, work));
    for (const unit of [...this.#seen.keys()]) if (!found.has(unit)) this.#forget(unit);
    for (const [unit, seen] of found) this.#note(unit, seen);
    const existing = new Set(listed.map(({ Id }) => Id));
    // Only notes older than the list: a container may have been made since.
    for (const id of noted) if (!existing.has(id)) await this.#notes.forget(id);
  }

  async #seenOf(listed: ContainerInfo, signal: AbortSignal): Promise<Seen | undefined> {
    try {
      const container = await this.#client.inspect(listed.Id, signal);
      return container && this.#seenIn(container);
    } catch (error) {
      // One container the daemon is stuck on must not hide all others.
      if (!hasCode(error, "docker-timeout")) throw error;
      this.#doubtful.add(listed.Id);
      const state = unitStateOfListed(listed, this.#notes.of(listed.Id));
      return { id: listed.Id, createdAt: listed.Created * 1_000, state };
    }
  }

  #seenIn(container: ContainerInspectInfo): Seen {
    const state = unitStateOf(container, this.#notes.of(container.Id));
    return { id: container.Id, createdAt: Date.parse(container.Created), state };
  }

  async #inspect(id: string): Promise<void> {
    try {
      const container = await this.#client.inspect(id, this.#closing.signal);
      this.#doubtful.delete(id);
      const unit = container?.Config.Labels[labels.unit];
      if (container && unit) {
        const seen = this.#seenIn(container);
        if (!isNewer(this.#seen.get(unit), seen)) this.#note(unit, seen);
        return;
      }
      await this.#notes.forget(id);
      for (const [name, seen] of this.#seen) if (seen.id === id) this.#forget(name);
    } catch (error) {
      if (!hasCode(error, "docker-timeout")) throw error;
      this.#doubtful.add(id);
    }
  }

  #note(unit: string, seen: Seen): void {
    const before = this.#observed.get(unit);
    this.#seen.set(unit, seen);
    this.#observed.set(unit, seen.state);
    if (JSON.stringify(before) !== JSON.stringify(seen.state)) this.#ring(unit);
  }

  #forget(unit: string): void {
    this.#seen.delete(unit);
    this.#observed.delete(unit);
    this.#ring(unit);
  }

  #ring(unit: string): void {
    for (const bell of [...this.#bells]) bell(unit);
  }
}

interface Look {
  begun: boolean;
  done: Promise<void>;
}

/** True if `known` is of another container, made after the one of `seen`: late news of a container that was replaced. */
function isNewer(known: Seen | undefined, seen: Seen): boolean {
  return known !== undefined && known.id !== seen.id && known.createdAt > seen.createdAt;
}
