/**
 * One leader at a time, and proof of it for every write.
 *
 * The leader is whoever created the leader key, on its lease. The key's create revision is the *fence*: a writer compares
 * it in every transaction, so that a leader that does not know yet that it was replaced cannot write. Standing down early is
 * a courtesy; the fence is the guarantee.
 */
import { isRetryable } from "../cluster/errors.ts";
import type { Mirror } from "../cluster/ports.ts";
import { Backoff } from "../loop/backoff.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { decodeText, encodeText } from "./codec.ts";
import { leaderKey } from "./keys.ts";
import type { Lease, LeaseSession } from "./lease-session.ts";
import { type MirrorEvent, openMirror } from "./mirror.ts";
import type { Compare, EtcdClient } from "./protocol.ts";
import { singleKeyTable } from "./tables.ts";

/** What a write compares to be sure that its writer still leads. */
export interface Fence {
  readonly key: string;
  readonly createRevision: bigint;
}

export interface Leadership {
  readonly fence: Fence;
  /** Aborts when leadership has ended: resigned, lease lost, key deleted or taken by another. */
  readonly lost: AbortSignal;
  /** Stands down and deletes the key, so that the next candidate takes over within milliseconds. Idempotent. */
  resign(): Promise<void>;
}

export interface CampaignOptions {
  /** Default: the scheduler's leader key. */
  readonly key?: string;
  readonly clock?: Clock;
  readonly onEvent?: (event: MirrorEvent) => void;
}

/** The condition that makes a transaction fail once `fence` was taken over. */
export function fenceCompare(fence: Fence): Compare {
  return { key: fence.key, target: "create", is: "=", revision: fence.createRevision };
}

/**
 * Waits until `candidate` (a machine id) leads. One campaign per session at a time: the key tells candidates apart by their lease.
 * Rejects with the reason of `signal`, or when the session is closed; survives any outage of the store.
 */
export async function campaign(
  client: EtcdClient,
  session: LeaseSession,
  candidate: string,
  signal: AbortSignal,
  options: CampaignOptions = {},
): Promise<Leadership> {
  const key = options.key ?? leaderKey;
  const clock = options.clock ?? systemClock;
  const backoff = new Backoff({ initialMs: 50, maxMs: 2_000 });
  const leader = openMirror(client, { leader: singleKeyTable(key, decodeText) }, options);
  try {
    for (;;) {
      try {
        const lease = await session.held(signal);
        const taken = await takeKey(client, key, candidate, lease, signal);
        backoff.reset();
        if (taken.won)
          return new HeldLeadership(client, { key, createRevision: taken.revision }, lease, leader);
        await leader.reached(taken.revision, signal);
        await vacancy(leader, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isRetryable(error)) throw error;
        await clock.sleep(backoff.next(), signal);
      }
    }
  } catch (error) {
    await leader.close();
    throw error;
  }
}

/** Creates the key, or resolves to a revision at which another held it. */
async function takeKey(
  client: EtcdClient,
  key: string,
  candidate: string,
  lease: Lease,
  signal: AbortSignal,
): Promise<{ readonly won: boolean; readonly revision: bigint }> {
  for (;;) {
    const result = await client.txn(
      {
        compare: [{ key, target: "create", is: "=", revision: 0n }],
        success: [{ kind: "put", key, value: encodeText(candidate), lease: lease.id }],
        failure: [{ kind: "get", range: { key } }],
      },
      { signal },
    );
    if (result.succeeded) return { won: true, revision: result.header.revision };
    const holder = result.found[0]?.[0];
    if (holder?.lease !== lease.id) return { won: false, revision: result.header.revision };
    // Ours, from an attempt whose answer was lost or from an earlier term. Taken anew, so that no write of that term can still pass.
    await deleteKey(client, { key, createRevision: holder.createRevision }, signal);
  }
}

async function deleteKey(client: EtcdClient, fence: Fence, signal?: AbortSignal): Promise<void> {
  const txn = {
    compare: [fenceCompare(fence)],
    success: [{ kind: "delete", range: { key: fence.key } }],
  } as const;
  await client.txn(txn, signal ? { signal } : {});
}

/** Resolves once the mirror shows no leader. */
async function vacancy(leader: Mirror<{ leader: string }>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (!signal.aborted && leader.tables.leader.get("") !== undefined) return;
      off();
      signal.removeEventListener("abort", look);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const off = leader.onChange(look);
    signal.addEventListener("abort", look);
    look();
  });
}

class HeldLeadership implements Leadership {
  readonly fence: Fence;
  readonly lost: AbortSignal;
  readonly #client: EtcdClient;
  readonly #leader: Mirror<{ leader: string }>;
  readonly #ended = new AbortController();
  readonly #off: () => void;
  readonly #lease: Lease;
  readonly #end = () => this.#stop();
  #closing: Promise<void> | undefined;

  constructor(client: EtcdClient, fence: Fence, lease: Lease, leader: Mirror<{ leader: string }>) {
    this.#client = client;
    this.fence = fence;
    this.lost = this.#ended.signal;
    this.#leader = leader;
    this.#lease = lease;
    this.#off = leader.onChange(() => this.#look());
    lease.lost.addEventListener("abort", this.#end);
    if (lease.lost.aborted) this.#stop();
    this.#look();
  }

  async resign(): Promise<void> {
    const led = !this.lost.aborted;
    this.#stop();
    await this.#closing;
    if (!led) return;
    try {
      await deleteKey(this.#client, this.fence);
    } catch (error) {
      // The key hangs on the lease: where the store cannot be reached it goes with that.
      if (!isRetryable(error)) throw error;
    }
  }

  #look(): void {
    const { revision, tables } = this.#leader;
    if (revision < this.fence.createRevision) return;
    // The key is put once and never again: any other revision is another leader's.
    if (tables.leader.revisionOf("") !== this.fence.createRevision) this.#stop();
  }

  #stop(): void {
    if (this.lost.aborted) return;
    this.#ended.abort();
    this.#off();
    this.#lease.lost.removeEventListener("abort", this.#end);
    this.#closing = this.#leader.close();
  }
}
