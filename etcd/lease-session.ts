/**
 * The one lease of a process, kept alive, and the honest answer to "may I still believe that I hold it?".
 *
 * The answer comes from our own clock: a lease is lost when 2/3 of its TTL have passed since the *sending* of the last keep-alive
 * that was acknowledged. The server counts from a later moment, so it always expires the lease after we have stopped
 * believing in it, never before.
 *
 * A lease that is lost here may live on in the store (an outage stops etcd's clock too). So when the store answers again the
 * same lease is tried first: if it lives, what hangs on it never went away and nobody is disturbed. Only when it has ended is a new
 * one taken.
 */
import { randomBytes } from "node:crypto";
import { isRetryable, PlatformError } from "../cluster/errors.ts";
import { onAbort } from "../loop/abort.ts";
import { Backoff, type BackoffOptions } from "../loop/backoff.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import type { EtcdClient } from "./protocol.ts";

/** One uninterrupted time of holding a lease. */
export interface Lease {
  /** Decimal, as etcd's API has it. `etcdctl` shows the same number in hexadecimal. */
  readonly id: string;
  readonly ttlSeconds: number;
  /** Aborts when this process may no longer believe that it holds the lease. */
  readonly lost: AbortSignal;
}

export type SessionEvent =
  /** `resumed`: the lease existed already, with whatever hangs on it. */
  | { readonly kind: "held"; readonly lease: Lease; readonly resumed: boolean }
  | { readonly kind: "lost"; readonly lease: Lease; readonly why: "expired" | "unanswered" }
  | { readonly kind: "keep-alive-failed"; readonly error: unknown };

export interface SessionOptions {
  /** 2 to 3 600. */
  readonly ttlSeconds: number;
  /** Id of a lease that an earlier process of this host held. */
  readonly resume?: string;
  readonly clock?: Clock;
  readonly backoff?: BackoffOptions;
  readonly onEvent?: (event: SessionEvent) => void;
}

export interface LeaseSession {
  /** The lease, or undefined while none is held. */
  readonly lease: Lease | undefined;
  /** Milliseconds for which the lease may still be believed in without another answer; 0 when none is held. */
  readonly trustedForMs: number;
  /** Resolves as soon as a lease is held. Rejects with the reason of `signal`, or when the session is closed. */
  held(signal: AbortSignal): Promise<Lease>;
  /** Has the store asked about the lease now, not when the next keep-alive is due: what hangs on it is gone, and perhaps the lease itself. */
  doubt(): void;
  /** Calls back after a lease was taken or lost, or was doubted and lives. Returns the function that ends this. */
  onChange(listener: () => void): () => void;
  /**
   * Ends the session. `revoke`: give the lease back, so that what hangs on it goes at once; else, and if the store cannot be reached, it
   * lives out its TTL.
   */
  close(options: { readonly revoke: boolean }): Promise<void>;
}

/** Starts a session and returns at once; it takes its lease as soon as the store answers. */
export function openSession(client: EtcdClient, options: SessionOptions): LeaseSession {
  const { ttlSeconds } = options;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 2 || ttlSeconds > 3_600) {
    throw new PlatformError("settings-invalid", `A lease cannot have a TTL of ${ttlSeconds} s`, {
      hint: "Set ttl_seconds to a whole number from 2 to 3600",
    });
  }
  return new KeptSession(client, options);
}

class KeptSession implements LeaseSession {
  readonly #client: EtcdClient;
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #running: Promise<void>;
  #held: { readonly lease: Lease; readonly lose: () => void } | undefined;
  #trustedUntil = 0;
  /** The lease to try first: the one resumed, later the one lost. */
  #former: string | undefined;
  #isDoubted = false;
  #wake: (() => void) | undefined;

  constructor(client: EtcdClient, options: SessionOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#former = options.resume;
    this.#running = this.#run(this.#closed.signal);
  }

  get lease(): Lease | undefined {
    return this.#held?.lease;
  }

  get trustedForMs(): number {
    return this.#held ? Math.max(0, this.#trustedUntil - this.#clock.monotonic()) : 0;
  }

  doubt(): void {
    if (!this.#held) return;
    this.#isDoubted = true;
    this.#wake?.();
  }

  onChange(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  async held(signal: AbortSignal): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        const lease = this.#held?.lease;
        if (!lease && !signal.aborted && !this.#closed.signal.aborted) return;
        off();
        signal.removeEventListener("abort", settle);
        this.#closed.signal.removeEventListener("abort", settle);
        if (signal.aborted) reject(signal.reason);
        else if (lease) resolve(lease);
        else reject(new PlatformError("store-closed", "The lease session was closed"));
      };
      const off = this.onChange(settle);
      signal.addEventListener("abort", settle);
      this.#closed.signal.addEventListener("abort", settle);
      settle();
    });
  }

  async close({ revoke }: { readonly revoke: boolean }): Promise<void> {
    const id = this.#held?.lease.id ?? this.#former;
    this.#closed.abort();
    await this.#running;
    this.#held?.lose();
    this.#held = undefined;
    if (!revoke || id === undefined) return;
    try {
      await this.#client.revokeLease(id, {});
    } catch (error) {
      if (!isRetryable(error)) throw error;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 100, maxMs: 2_000, ...this.#options.backoff });
    while (!signal.aborted) {
      try {
        await this.#take(signal);
        backoff.reset();
        await this.#keep(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#emit({ kind: "keep-alive-failed", error });
        await this.#clock.sleep(backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  /** Takes up the former lease if it lives, else a new one. */
  async #take(signal: AbortSignal): Promise<void> {
    if (this.#former !== undefined) {
      const sent = this.#clock.monotonic();
      const ttl = await this.#client.keepAlive(this.#former, {
        signal,
        timeoutMs: this.#attemptMs(briefTries),
      });
      if (ttl > 0) return this.#hold(this.#former, ttl, sent, true);
      this.#former = undefined;
    }
    const id = newLeaseId();
    const sent = this.#clock.monotonic();
    const ttl = await this.#client.grantLease(id, this.#options.ttlSeconds, { signal });
    this.#hold(id, ttl, sent, false);
  }

  #hold(id: string, ttlSeconds: number, sent: number, resumed: boolean): void {
    const lost = new AbortController();
    const lease: Lease = { id, ttlSeconds, lost: lost.signal };
    this.#held = { lease, lose: () => lost.abort() };
    this.#former = id;
    this.#trustedUntil = sent + trustMs(ttlSeconds);
    this.#emit({ kind: "held", lease, resumed });
    this.#changed();
  }

  /** Keeps the lease until it is lost. */
  async #keep(signal: AbortSignal): Promise<void> {
    const held = this.#held;
    if (!held) return;
    const { id, ttlSeconds } = held.lease;
    const retry = new Backoff({ initialMs: 50, maxMs: (ttlSeconds * 1_000) / 6, ...this.#options.backoff });
    let pauseMs = (ttlSeconds * 1_000) / 3;
    let unanswered = 0;
    while (!signal.aborted) {
      await this.#pause(Math.min(pauseMs, this.trustedForMs), signal);
      const isDoubted = this.#isDoubted;
      const sent = this.#clock.monotonic();
      if (sent >= this.#trustedUntil) return this.#lose("unanswered");
      try {
        const limits = { signal, timeoutMs: Math.min(this.#attemptMs(unanswered), this.trustedForMs) };
        const ttl = await this.#client.keepAlive(id, limits);
        unanswered = 0;
        if (ttl === 0) {
          this.#former = undefined;
          return this.#lose("expired");
        }
        this.#trustedUntil = sent + trustMs(ttl);
        retry.reset();
        pauseMs = (ttl * 1_000) / 3;
        if (isDoubted) {
          this.#isDoubted = false;
          this.#changed();
        } else if (this.#isDoubted) {
          // Asked before the doubt arose: the answer does not tell.
          pauseMs = 0;
        }
      } catch (error) {
        if (signal.aborted) return;
        // Whatever the reason: until the time is up the lease is held, and the next answer may be a better one.
        this.#emit({ kind: "keep-alive-failed", error });
        unanswered += 1;
        pauseMs = retry.next();
      }
      if (this.#clock.monotonic() >= this.#trustedUntil) return this.#lose("unanswered");
    }
  }

  /** Sleeps until the next keep-alive is due, or the lease is doubted. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    // Not `AbortSignal.any`: each would stay with the session's own signal, one for every keep-alive.
    const end = onAbort(signal, this.#wake);
    try {
      await this.#clock.sleep(ms, over.signal);
    } catch {
      signal.throwIfAborted();
    } finally {
      end();
      this.#wake = undefined;
    }
  }

  #lose(why: "expired" | "unanswered"): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.#isDoubted = false;
    held.lose();
    this.#emit({ kind: "lost", lease: held.lease, why });
    this.#changed();
  }

  /**
   * How long one keep-alive may take. When one is due, a third of the TTL is left to trust the lease: enough to ask each of three
   * members, the first two briefly, since one that hangs must not use up the time of one that would answer.
   */
  #attemptMs(unanswered: number): number {
    return Math.min(1_000, (this.#options.ttlSeconds * 1_000) / (unanswered < briefTries ? 12 : 6));
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #emit(event: SessionEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** How many tries of a keep-alive are short ones. */
const briefTries = 2;

function trustMs(ttlSeconds: number): number {
  return (ttlSeconds * 1_000 * 2) / 3;
}

/** A positive int64 of our own, so that a grant can be repeated when its answer is lost. */
export function newLeaseId(): string {
  return ((randomBytes(8).readBigUInt64BE() >> 2n) | 1n).toString();
}
