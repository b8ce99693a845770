/**
 * Group commit: many small writes become few transactions, which is the difference between two thousand and a hundred thousand keys a
 * second. A write alone goes out at once; while others are on their way, those that come wait a few milliseconds for company.
 *
 * Writes of one *lane* (a unit) are never reordered: no two transactions in flight hold writes of the same lane.
 */
import { onAbort } from "../loop/abort.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import type { Operation } from "./protocol.ts";

export interface BatchWrite {
  /** Writes of one lane are committed in the order given. */
  readonly lane: string;
  /** The key written: no transaction may write a key twice. */
  readonly key: string;
  readonly operation: Operation;
}

export interface BatchWriterOptions {
  /** Commits operations in one transaction. Must be idempotent, and end by a deadline of its own: it serves several callers. */
  readonly commit: (operations: readonly Operation[]) => Promise<void>;
  /** Replace a waiting write by a later one of the same key. Default false: every write is committed. */
  readonly lastWins?: boolean;
  readonly clock?: Clock;
}

/** etcd's default limit. */
export const maxOperations = 128;
/** Its limit with a condition among them: what is inside one is counted on top of all that stands beside it. */
export const maxConditional = maxOperations - 1;
/** Stays below etcd's 1.5 MiB a request, with room for keys and framing. */
const maxBytes = 1_000_000;
const maxInFlight = 4;
const lingerMs = 5;

interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

interface Waiting {
  readonly lane: string;
  readonly key: string;
  operation: Operation;
  settle: Settle[];
}

export class BatchWriter {
  readonly #options: BatchWriterOptions;
  readonly #clock: Clock;
  #queue: Waiting[] = [];
  /** Index of the first write in `#queue` that still waits. */
  #head = 0;
  readonly #byKey = new Map<string, Waiting>();
  readonly #lanesInFlight = new Set<string>();
  #inFlight = 0;
  #scheduled = false;
  #lingering: AbortController | undefined;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Resolves when all of `writes` are stored. Rejects as soon as one could not be, and with it everything that waits behind: the
   * caller looks again and decides anew. What was sent already may still be stored.
   */
  async write(writes: readonly BatchWrite[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (writes.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      let left = writes.length;
      const settle: Settle = {
        resolve: () => {
          left -= 1;
          if (left === 0) {
            off();
            resolve();
          }
        },
        reject: (error: unknown) => {
          off();
          reject(error);
        },
      };
      const off = onAbort(signal, () => {
        this.#forget(settle);
        reject(signal.reason);
      });
      for (const write of writes) this.#enqueue(write, settle);
      this.#schedule();
    });
  }

  #enqueue({ lane, key, operation }: BatchWrite, settle: Settle): void {
    const former = this.#byKey.get(key);
    if (former) {
      former.operation = operation;
      former.settle.push(settle);
      return;
    }
    const waiting = { lane, key, operation, settle: [settle] };
    this.#queue.push(waiting);
    if (this.#options.lastWins) this.#byKey.set(key, waiting);
  }

  /** Sends soon: at the end of this turn when nothing is on its way, else when company came or a few milliseconds passed. */
  #schedule(): void {
    if (this.#inFlight > 0 && this.#waiting < maxOperations) {
      this.#linger();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    }
  }

  #linger(): void {
    if (this.#lingering) return;
    const lingering = new AbortController();
    this.#lingering = lingering;
    this.#clock.sleep(lingerMs, lingering.signal).then(
      () => this.#send(),
      () => undefined,
    );
  }

  #send(): void {
    this.#lingering?.abort();
    this.#lingering = undefined;
    while (this.#waiting > 0 && this.#inFlight < maxInFlight) {
      const batch = this.#nextBatch();
      if (batch.length === 0) return;
      this.#inFlight += 1;
      this.#commit(batch).then(() => {
        this.#inFlight -= 1;
        this.#send();
      }, reportBug);
    }
  }

  get #waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Takes the first writes that fit in one transaction and do not overtake their lane. */
  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    const passed: Waiting[] = [];
    const keys = new Set<string>();
    const heldLanes = new Set<string>();
    let bytes = 0;
    let room = maxOperations;
    let at = this.#head;
    for (; at < this.#queue.length && batch.length < room; at += 1) {
      const waiting = this.#queue[at];
      if (!waiting) break;
      const size = sizeOf(waiting);
      const needed = waiting.operation.kind === "when" ? maxConditional : room;
      const full = (bytes + size > maxBytes && batch.length > 0) || batch.length >= needed;
      const { lane, key } = waiting;
      if (full || this.#lanesInFlight.has(lane) || heldLanes.has(lane) || keys.has(key)) {
        heldLanes.add(lane);
        passed.push(waiting);
        continue;
      }
      bytes += size;
      room = needed;
      batch.push(waiting);
      keys.add(key);
      this.#byKey.delete(key);
    }
    this.#head = at - passed.length;
    for (const [index, waiting] of passed.entries()) this.#queue[this.#head + index] = waiting;
    if (this.#waiting === 0) this.#clear();
    return batch;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const lanes = new Set(batch.map((waiting) => waiting.lane));
    for (const lane of lanes) this.#lanesInFlight.add(lane);
    try {
      await this.#options.commit(batch.map((waiting) => waiting.operation));
      for (const waiting of batch) for (const each of waiting.settle) each.resolve();
    } catch (error) {
      const behind = this.#queue.slice(this.#head);
      this.#clear();
      for (const waiting of [...batch, ...behind]) for (const each of waiting.settle) each.reject(error);
    } finally {
      for (const lane of lanes) this.#lanesInFlight.delete(lane);
    }
  }

  #clear(): void {
    this.#queue = [];
    this.#head = 0;
    this.#byKey.clear();
  }

  /** Drops what only this caller still waits for. */
  #forget(settle: Settle): void {
    const kept: Waiting[] = [];
    for (const waiting of this.#queue.slice(this.#head)) {
      const others = waiting.settle.filter((each) => each !== settle);
      if (others.length === 0) this.#byKey.delete(waiting.key);
      else kept.push(Object.assign(waiting, { settle: others }));
    }
    this.#queue = kept;
    this.#head = 0;
  }
}

/** `#commit` settles its callers and never rejects. */
function reportBug(error: unknown): never {
  throw error;
}

function sizeOf({ operation, key }: Waiting): number {
  return key.length + (operation.kind === "put" ? operation.value.length : 64);
}
