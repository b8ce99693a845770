/**
 * The cluster as the API sees it: answers come from a mirror, so that polling clients cost the store nothing, and a change is answered
 * only once the mirror shows it, so that a client reads what it wrote.
 *
 * While the store cannot be reached nothing is answered from the past: who asks gets `store-unreachable`, retryable.
 */
import { hasCode, PlatformError } from "../cluster/errors.ts";
import type {
  ClusterEdit,
  ClusterStore,
  ClusterTables,
  MetadataEdit,
  Mirror,
  Table,
} from "../cluster/ports.ts";

export type ApiTables = { readonly [K in keyof ClusterTables]: Table<ClusterTables[K]> };

export interface ClusterView {
  readonly revision: bigint;
  readonly tables: ApiTables;
}

/** What the API is given of the store. */
export interface ClusterSource {
  readonly store: ClusterStore;
  readonly mirror: Mirror<ClusterTables>;
  /** Why the store has been out of sight for longer than a client should be told old news, or undefined. */
  readonly outage: () => PlatformError | undefined;
}

/** How long the first listing may be waited for, and a change until the mirror shows it. */
const patienceMs = 5_000;
/** How often a change is tried again that was decided from records which others changed meanwhile. */
const conflictRetries = 4;

export class Cluster {
  readonly #source: ClusterSource;

  constructor(source: ClusterSource) {
    this.#source = source;
  }

  /** The cluster at its newest known revision. Rejects with `store-unreachable`. */
  async look(signal: AbortSignal): Promise<ClusterView> {
    await this.#reached(0n, signal);
    const { revision, tables } = this.#source.mirror;
    return { revision, tables };
  }

  /**
   * Decides edits from the cluster as it is and writes them; resolves to what was decided once the mirror shows it. Decides anew when
   * others changed the same units meanwhile. Rejects as `ClusterStore.edit` does, and with what `decide` throws.
   */
  async change<T extends { readonly edits: readonly ClusterEdit[] }>(
    decide: (view: ClusterView) => T,
    signal: AbortSignal,
  ): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const view = await this.look(signal);
      const decided = decide(view);
      if (decided.edits.length === 0) return decided;
      try {
        await this.#reached(await this.#source.store.edit(decided.edits, signal), signal);
        return decided;
      } catch (error) {
        if (!hasCode(error, "unit-changed") || attempt === conflictRetries) throw error;
        await this.#turned(view.revision, signal);
      }
    }
  }

  async setMetadata(edits: readonly MetadataEdit[], signal: AbortSignal): Promise<void> {
    await this.look(signal);
    if (edits.length > 0) await this.#reached(await this.#source.store.setMetadata(edits, signal), signal);
  }

  /** Resolves when the mirror has got ahead of `revision`; rejects with the conflict's own kind of error when it does not. */
  async #turned(revision: bigint, signal: AbortSignal): Promise<void> {
    await this.#reached(revision + 1n, signal);
  }

  async #reached(revision: bigint, signal: AbortSignal): Promise<void> {
    const { mirror, outage } = this.#source;
    const away = outage();
    if (away) throw away;
    if (mirror.synced && mirror.revision >= revision) return;
    // Not AbortSignal.timeout: Node 20 may collect one that only AbortSignal.any knows, and then nothing ends the wait.
    const patience = new AbortController();
    const stop = () => patience.abort(signal.reason);
    const timer = setTimeout(() => patience.abort(new Error(`waited ${patienceMs} ms`)), patienceMs);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await mirror.reached(revision, patience.signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw outage() ?? storeSilent(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }
}

function storeSilent(cause: unknown): PlatformError {
  return new PlatformError("store-unreachable", `The store did not answer within ${patienceMs / 1_000} s`, {
    cause,
    hint: "Check that etcd runs: etcdctl endpoint health",
    retryable: true,
  });
}
