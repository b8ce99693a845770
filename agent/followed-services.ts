/**
 * What the store has of the apps that this machine serves: their endpoints and health settings, each app in mirrors of its own.
 *
 * One mirror of all endpoints would be simpler, and every change of any app would then reach every machine of the cluster.
 */
import { setMaxListeners } from "node:events";
import type { EndpointName, EndpointStore, FollowedService } from "../cluster/ports.ts";
import { newestVersion } from "../cluster/release-name.ts";
import type { Stored } from "./publish.ts";

export class FollowedServices {
  readonly #store: EndpointStore;
  readonly #ring: () => void;
  readonly #followed = new Map<string, FollowedService>();
  /** Newest versions, kept until the endpoints change. */
  readonly #newest = new Map<string, number>();

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
      this.#newest.delete(service);
      // Only a fault of our own can make this reject, and nothing waits for it.
      void close(followed);
    }
    for (const service of services) {
      if (this.#followed.has(service)) continue;
      const followed = this.#store.follow(service);
      followed.endpoints.onChange(() => {
        // The names are of no use here; they are taken so that they do not pile up.
        followed.endpoints.takeChanges();
        this.#newest.delete(service);
        this.#ring();
      });
      followed.health.onChange(() => {
        followed.health.takeChanges();
        this.#ring();
      });
      this.#followed.set(service, followed);
    }
  }

  /** False while the endpoints of a service are not known. */
  isKnown(service: string): boolean {
    return this.#followed.get(service)?.endpoints.synced ?? false;
  }

  /** What stands in the store under this name; undefined if nothing does, or that is not known. */
  stored({ service, name }: EndpointName): Stored | undefined {
    const endpoints = this.#followed.get(service)?.endpoints.tables.endpoints;
    const endpoint = endpoints?.get(name);
    return endpoint && { ...endpoint, revision: endpoints?.revisionOf(name) ?? 0n };
  }

  /** The highest version published for an app by Deis v1's names; 0 if there is none. */
  newest(service: string): number {
    const known = this.#newest.get(service);
    if (known !== undefined) return known;
    const entries = this.#followed.get(service)?.endpoints.tables.endpoints.entries() ?? [];
    const newest = newestVersion(
      service,
      [...entries].map(([name]) => name),
    );
    this.#newest.set(service, newest);
    return newest;
  }

  /** Reads the health settings of an app by name; undefined while they are not known. */
  healthSettings(service: string): ((name: string) => string | undefined) | undefined {
    const mirror = this.#followed.get(service)?.health;
    return mirror?.synced ? (name) => mirror.tables.settings.get(name) : undefined;
  }

  /** Resolves once all of these services are known up to `revision`, or when `signal` aborts. */
  async reached(services: ReadonlySet<string>, revision: bigint, signal: AbortSignal): Promise<void> {
    // Each mirror listens to the one signal: that is no leak.
    setMaxListeners(0, signal);
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
