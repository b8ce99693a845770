/**
 * One watch on one stream to one member, until it ends. It promises whole revisions and life: fragments are joined, and a
 * stream on which nothing was heard is asked for progress; no answer means that it is dead (etcd itself would never tell).
 *
 * An answer to such a request proves life and nothing else. Its revision must not be trusted: before 3.4.25 and 3.5.8, etcd could
 * send it ahead of events not yet delivered (etcd-io/etcd#15220). Only the notifications that the server sends by itself, which
 * carry the watch's id, are in order with its events.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { IWatchResponse } from "etcd3";
import { PlatformError } from "../cluster/errors.ts";
import type { Endpoint } from "./endpoint.ts";
import type { KeyRange, WatchEvent, WatchHandler } from "./protocol.ts";
import { fromRange, toEvents, toHeader } from "./wire.ts";

export interface WatchStreamOptions {
  readonly range: KeyRange;
  readonly fromRevision: bigint;
  readonly handler: WatchHandler;
  readonly signal: AbortSignal;
  /** Milliseconds without a message until progress is asked for. */
  readonly idleMs: number;
  /** Milliseconds that the answer may take. */
  readonly answerMs: number;
  /** Calls back with a function that asks for progress at once, for when there is a reason to doubt the member. */
  readonly onOpen: (probe: () => void) => void;
}

type WatchCall = Awaited<ReturnType<Endpoint["watches"]["watch"]>>;

/** Resolves when `signal` aborts, at whatever moment; rejects with whatever ended the stream. */
export async function runWatchStream(
  endpoint: Pick<Endpoint, "watches">,
  options: WatchStreamOptions,
): Promise<void> {
  if (options.signal.aborted) return;
  const call = await endpoint.watches.watch();
  if (options.signal.aborted) {
    // While the stream was opening: it would never hear of that any more.
    call.cancel();
    return;
  }
  const stream = new WatchStream(call, options);
  try {
    await stream.ended;
  } finally {
    stream.stop();
    call.cancel();
  }
}

class WatchStream {
  readonly ended: Promise<void>;
  readonly #call: WatchCall;
  readonly #options: WatchStreamOptions;
  #settle: { resolve: () => void; reject: (error: unknown) => void };
  #fragments: WatchEvent[] = [];
  #heardAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  readonly #stopped = new AbortController();

  constructor(call: WatchCall, options: WatchStreamOptions) {
    this.#call = call;
    this.#options = options;
    const { promise, resolve, reject } = withResolvers();
    this.ended = promise;
    this.#settle = { resolve, reject };
    call.on("data", (response) => this.#receive(response));
    call.on("error", (error) => reject(error));
    call.on("end", () => reject(new Error("etcd ended the watch stream")));
    options.signal.addEventListener("abort", () => resolve(), { once: true, signal: this.#stopped.signal });
    call.write({
      create_request: {
        ...fromRange(options.range),
        start_revision: options.fromRevision.toString(),
        progress_notify: true,
        fragment: true,
      },
    });
    options.onOpen(() => this.#probe());
    this.#expect(options.answerMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  #receive(response: IWatchResponse): void {
    this.#heardAt = performance.now();
    this.#timer?.refresh();
    try {
      this.#handle(response);
    } catch (error) {
      this.#settle.reject(error);
    }
  }

  #handle(response: IWatchResponse): void {
    const { handler, range } = this.#options;
    const header = toHeader(response.header);
    if (response.canceled) {
      if (response.compact_revision !== "0") {
        throw new PlatformError(
          "revision-compacted",
          `Cannot watch "${range.key}" from revision ${this.#options.fromRevision}: etcd keeps only ${response.compact_revision} and later`,
          { hint: "List again" },
        );
      }
      throw new Error(`etcd cancelled the watch: ${response.cancel_reason || "no reason given"}`);
    }
    if (response.created) {
      handler.onCreated(header);
      this.#expect(this.#options.idleMs);
      return;
    }
    if (response.events.length === 0) {
      if (response.watch_id !== "-1" && !response.fragment && this.#fragments.length === 0) {
        handler.onProgress(header);
      }
      return;
    }
    this.#fragments.push(...toEvents(response));
    if (response.fragment) return;
    const events = this.#fragments;
    this.#fragments = [];
    handler.onEvents(header, events);
  }

  /** (Re)arms the silence timer. Every message from the server restarts it. */
  #expect(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), ms);
    this.#timer.unref();
  }

  /** Asks for a sign of life and gives up without one. */
  #probe(): void {
    if (this.#stopped.signal.aborted) return;
    const asked = performance.now();
    this.#call.write({ progress_request: {} });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#judge(asked).catch(this.#settle.reject);
    }, this.#options.answerMs);
    this.#timer.unref();
  }

  async #judge(asked: number): Promise<void> {
    // A process that was busy or stopped finds its timer and the server's answer due at once: read before judging.
    await turn();
    await turn();
    if (this.#heardAt >= asked) return this.#expect(this.#options.idleMs);
    throw new Error(
      `etcd sent nothing on the watch stream for ${Math.round(performance.now() - this.#heardAt)} ms`,
    );
  }
}

function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
} {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
