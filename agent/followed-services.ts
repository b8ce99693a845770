/**
 * What the store has of the apps that this machine serves: their endpoints and health settings, each app in mirrors of its own.
 *
 * One mirror of all endpoints would be simpler, and every change of any app would then reach every machine of the cluster.
 */
import type { EndpointStore, FollowedService } from "../cluster/ports.ts";
import type { Stored } from "./publish.ts";

export class FollowedServices {
  readonly #store: EndpointStore;
  readonly #ring: () => void;
  readonly #followed = new Map<string, FollowedService>();

  /** `ring`: something that stands there has changed. */
  constructor(store: EndpointStore, ring: () => void) {
    this.#store = store;
    this.#ring = ring;
  }

  /** Follows exactly these from now on. */
  follow(services: ReadonlySet<string>): void {
    for (const [service, followed] of this.#followed) {
      if (services.has(service)) continue;
      this.#followed.delete(service);
      // Only a fault of our own can make this reject, and nothing waits for it.
      void close(followed);
    }
    for (const service of services) {
      if (this.#followed.has(service)) continue;
      const followed = this.#store.follow(service);
      followed.endpoints.onChange(this.#ring);
      followed.health.onChange(this.#ring);
      this.#followed.set(service, followed);
    }
  }

  /** The endpoints of a service by name; undefined while they are not known. */
  endpoints(service: string): ReadonlyMap<string, Stored> | undefined {
    const mirror = this.#followed.get(service)?.endpoints;
    if (!mirror?.synced) return undefined;
    const { endpoints } = mirror.tables;
    const found = new Map<string, Stored>();
    for (const [name, endpoint] of endpoints.entries()) {
      found.set(name, { ...endpoint, revision: endpoints.revisionOf(name) ?? 0n });
    }
    return found;
  }

  /** Reads the health settings of an app by name; undefined while they are not known. */
  healthSettings(service: string): ((name: string) => string | undefined) | undefined {
    const mirror = this.#followed.get(service)?.health;
    return mirror?.synced ? (name) => mirror.tables.settings.get(name) : undefined;
  }

  /** Resolves once all of these services are known up to `revision`, or when `signal` aborts. */
  async reached(services: ReadonlySet<string>, revision: bigint, signal: AbortSignal): Promise<void> {
    const mirrors = [...services].flatMap((service) => this.#followed.get(service)?.endpoints ?? []);
    await Promise.allSettled(mirrors.map((mirror) => mirror.reached(revision, signal)));
  }

  async close(): Promise<void> {
    const all = [...this.#followed.values()];
    this.#followed.clear();
    await Promise.all(all.map(close));
  }
}

async function close({ endpoints, health }: FollowedService): Promise<void> {
  await Promise.all([endpoints.close(), health.close()]);
}
