/**
 * The connection to etcd over gRPC, and the one place where calls are retried.
 *
 * It talks to one member at a time and moves to the next as soon as that one fails or is silent: every call is attempted with a
 * short deadline first, so a killed, frozen or unreachable member costs a fraction of a second, and a write that was lost with a
 * dying Raft leader is sent again until the next leader takes it. Deadlines grow, so that a slow store is not mistaken
 * for a dead one for ever. All calls of this room bear being applied twice.
 */
import { readFile } from "node:fs/promises";
import { EtcdLeaseInvalidError } from "etcd3";
import { hasCode, PlatformError } from "../cluster/errors.ts";
import type { EtcdSettings } from "../cluster/settings.ts";
import { onAbort } from "../loop/abort.ts";
import { Backoff } from "../loop/backoff.ts";
import { systemClock } from "../loop/clock.ts";
import { Endpoint, type TlsFiles } from "./endpoint.ts";
import { storeFailure } from "./failures.ts";
import { KeepAliveStream } from "./keep-alive-stream.ts";
import type {
  CallLimits,
  EtcdClient,
  KeyRange,
  RangePage,
  Txn,
  TxnResult,
  WatchHandler,
} from "./protocol.ts";
import { runWatchStream } from "./watch-stream.ts";
import { fromRange, fromTxn, toFound, toHeader } from "./wire.ts";

const defaultTimeoutMs = 5_000;
/** An election of etcd takes 1 to 2 s: attempts stay this short for that long, so that the first one after it succeeds at once. */
const shortAttempts = 7;
const shortAttemptMs = 300;
/** A store that answers slowly is asked more patiently: attempts that are given up early would only add to its load. */
const patienceFactor = 4;
/** A page of large values takes its time. */
const pageAttemptMs = 2_000;
const watchIdleMs = 3_000;
const watchAnswerMs = 1_500;

/**
 * Reads the TLS files and returns a client. Does not wait for etcd: the first call connects.
 * Rejects with `certificate-unreadable`.
 */
export async function openEtcd(settings: EtcdSettings): Promise<EtcdClient> {
  const { cafile, certfile, keyfile } = settings;
  const tls = cafile === undefined ? undefined : await readTls(cafile, certfile, keyfile);
  return new GrpcClient(settings.endpoints, tls);
}

async function readTls(cafile: string, certfile?: string, keyfile?: string): Promise<TlsFiles> {
  const ca = await readPem(cafile);
  if (certfile === undefined || keyfile === undefined) return { ca };
  return { ca, certificate: await readPem(certfile), key: await readPem(keyfile) };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new PlatformError("certificate-unreadable", `Cannot read "${path}"`, {
      cause: error,
      hint: "Check etcd.cafile, etcd.certfile and etcd.keyfile, and who may read those files",
    });
  }
}

class GrpcClient implements EtcdClient {
  readonly endpoints: readonly string[];
  readonly #members: readonly Endpoint[];
  #current: Endpoint;
  /** How long answers take of late, in ms. */
  #answerMs = 0;
  #keepAlives: KeepAliveStream | undefined;
  readonly #closed = new AbortController();
  /** What each open watch does when its member is in doubt. */
  readonly #probes = new Map<() => void, Endpoint>();

  constructor(endpoints: readonly string[], tls: TlsFiles | undefined) {
    this.endpoints = endpoints;
    this.#members = endpoints.map((url) => new Endpoint(url, tls));
    // Anywhere, so that many hosts do not all lean on the first member.
    const first = this.#members[Math.floor(Math.random() * this.#members.length)];
    if (first === undefined) throw new PlatformError("settings-invalid", "No etcd endpoint is set");
    this.#current = first;
  }

  async range(
    range: KeyRange,
    options: CallLimits & { readonly revision?: bigint; readonly limit?: number },
  ): Promise<RangePage> {
    const request = {
      ...fromRange(range),
      revision: (options.revision ?? 0n).toString(),
      limit: options.limit ?? 0,
    };
    const attemptMs = options.limit === undefined ? shortAttemptMs : pageAttemptMs;
    const { answer } = await this.#call(
      `read "${range.key}"`,
      options,
      (member, deadline) => member.range(request, { deadline }),
      attemptMs,
    );
    return answer;
  }

  async txn(txn: Txn, limits: CallLimits): Promise<TxnResult> {
    const request = fromTxn(txn);
    const { answer, retried } = await this.#call(`write ${describeTxn(txn)}`, limits, (member, deadline) =>
      member.kv.txn(request, { deadline }),
    );
    return { header: toHeader(answer.header), succeeded: answer.succeeded, found: toFound(answer), retried };
  }

  async watch(
    range: KeyRange,
    fromRevision: bigint,
    handler: WatchHandler,
    signal: AbortSignal,
  ): Promise<void> {
    const member = this.#current;
    const over = new AbortController();
    const offs = [signal, this.#closed.signal].map((end) => onAbort(end, () => over.abort()));
    let probe: (() => void) | undefined;
    try {
      await runWatchStream(member, {
        range,
        fromRevision,
        handler,
        signal: over.signal,
        idleMs: watchIdleMs,
        answerMs: watchAnswerMs,
        onOpen: (ask) => {
          probe = ask;
          this.#probes.set(ask, member);
        },
      });
    } catch (error) {
      const failure = storeFailure(`watch "${range.key}"`, [member.url], error);
      if (failure.code === "store-unreachable") this.#leave(member);
      throw failure;
    } finally {
      if (probe) this.#probes.delete(probe);
      for (const off of offs) off();
    }
    if (!signal.aborted) throw closedFailure(`watch "${range.key}"`);
  }

  async grantLease(id: string, ttlSeconds: number, limits: CallLimits): Promise<number> {
    try {
      const { answer } = await this.#call(`take lease ${id}`, limits, (member, deadline) =>
        member.leases.leaseGrant({ ID: id, TTL: ttlSeconds }, { deadline }),
      );
      return Number(answer.TTL);
    } catch (error) {
      // An earlier, unanswered attempt took it. Ids are ours alone: 62 random bits.
      if (!(hasCode(error, "store-rejected") && /lease already exists/.test(String(error.cause))))
        throw error;
      return ttlSeconds;
    }
  }

  async keepAlive(id: string, limits: CallLimits): Promise<number> {
    const attempted = `keep lease ${id} alive`;
    const member = this.#current;
    if (this.#keepAlives?.endpoint !== member) {
      this.#keepAlives?.end(new Error("another member of etcd is asked from now on"));
      const stream = new KeepAliveStream(member, () => {
        if (this.#keepAlives === stream) this.#keepAlives = undefined;
      });
      this.#keepAlives = stream;
    }
    const stream = this.#keepAlives;
    const timeoutMs = limits.timeoutMs ?? defaultTimeoutMs;
    const timer = setTimeout(() => stream.end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await untilAborted(stream.send(id), limits.signal);
    } catch (error) {
      limits.signal?.throwIfAborted();
      const failure = storeFailure(attempted, [member.url], error);
      if (failure.code === "store-unreachable") this.#leave(member);
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  async revokeLease(id: string, limits: CallLimits): Promise<void> {
    try {
      await this.#call(`revoke lease ${id}`, limits, (member, deadline) =>
        member.leases.leaseRevoke({ ID: id }, { deadline }),
      );
    } catch (error) {
      if (!hasCode(error, "lease-not-found")) throw error;
    }
  }

  async timeToLive(
    id: string,
    limits: CallLimits,
  ): Promise<{ readonly granted: number; readonly left: number } | undefined> {
    const life = await this.#life(id, false, limits);
    return life && { granted: Number(life.grantedTTL), left: Number(life.TTL) };
  }

  async leaseKeys(id: string, limits: CallLimits): Promise<readonly string[]> {
    const life = await this.#life(id, true, limits);
    return (life?.keys ?? []).map((key) => key.toString("utf8")).sort();
  }

  /** What etcd says of a lease; undefined if it has ended. */
  async #life(id: string, keys: boolean, limits: CallLimits) {
    const { answer } = await this.#call(`look at lease ${id}`, limits, (member, deadline) =>
      member.leases.leaseTimeToLive({ ID: id, keys }, { deadline }).catch((error: unknown) => {
        if (error instanceof EtcdLeaseInvalidError) return undefined;
        throw error;
      }),
    );
    return answer === undefined || Number(answer.TTL) < 0 ? undefined : answer;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#keepAlives?.end(new Error("the client is closed"));
    for (const member of this.#members) member.close();
  }

  /** Attempts `once` until it is answered, refused, or out of time. */
  async #call<T>(
    attempted: string,
    limits: CallLimits,
    once: (member: Endpoint, deadline: number) => Promise<T>,
    firstAttemptMs = shortAttemptMs,
  ): Promise<{ answer: T; retried: boolean }> {
    const ends = systemClock.monotonic() + (limits.timeoutMs ?? defaultTimeoutMs);
    const pause = new Backoff({ initialMs: 50, maxMs: 500 });
    for (let attempt = 0; ; attempt += 1) {
      limits.signal?.throwIfAborted();
      if (this.#closed.signal.aborted) throw closedFailure(attempted);
      const member = this.#current;
      const began = systemClock.monotonic();
      const patience = Math.max(firstAttemptMs, this.#answerMs * patienceFactor) * growth(attempt);
      try {
        const deadline = Date.now() + Math.min(ends - began, patience);
        const answer = await untilAborted(once(member, deadline), limits.signal);
        this.#answerMs += (systemClock.monotonic() - began - this.#answerMs) / 8;
        return { answer, retried: attempt > 0 };
      } catch (error) {
        limits.signal?.throwIfAborted();
        const failure = storeFailure(attempted, this.endpoints, error);
        if (failure.code !== "store-unreachable") throw failure;
        this.#leave(member);
        const rest = (attempt + 1) % this.#members.length === 0 ? pause.next() : 0;
        if (systemClock.monotonic() + rest >= ends) throw failure;
        if (rest > 0) await systemClock.sleep(rest, limits.signal);
      }
    }
  }

  /** Turns to the next member, and has the watches on this one look whether it still lives. */
  #leave(member: Endpoint): void {
    for (const [probe, on] of this.#probes) if (on === member) probe();
    if (this.#current !== member) return;
    const next = (this.#members.indexOf(member) + 1) % this.#members.length;
    this.#current = this.#members[next] ?? member;
  }
}

/** Attempts keep their length for as long as an election takes, then double. */
function growth(attempt: number): number {
  return 2 ** Math.max(0, attempt - shortAttempts + 1);
}

function closedFailure(attempted: string): PlatformError {
  return new PlatformError("store-closed", `Cannot ${attempted}: the connection to etcd was closed`);
}

function describeTxn(txn: Txn): string {
  const first = [...txn.success, ...(txn.failure ?? [])][0];
  const count = txn.success.length;
  const key = first?.kind === "put" ? first.key : first?.kind === "when" ? "" : first?.range.key;
  return count > 1 || !key ? `a transaction of ${count} operations` : `"${key}"`;
}

/** The outcome of `promise`, or the reason of `signal` if that comes first; the call itself then runs into its deadline unheard. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const off = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(off);
  });
}
