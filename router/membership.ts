/**
 * This router among the live ones: its record under its own lease, written anew after each loss of the lease and whenever it has come
 * further. One write is in flight at a time, so a storm of changes costs as many writes as the store can take and no more.
 */
import type { HeldLease, Session } from "../cluster/ports.ts";
import type { RouterRecord } from "../cluster/router-record.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import type { OnRouterEvent } from "./events.ts";

/** How far a router is. */
export type Progress = Pick<RouterRecord, "revision" | "drained">;

export interface MembershipOptions<L extends HeldLease> {
  readonly session: Session<L>;
  /** Where this host is reached. Rejects while that is not known. */
  readonly address: (signal: AbortSignal) => Promise<string>;
  /** Puts the record on the lease. */
  readonly write: (lease: L, record: RouterRecord, signal: AbortSignal) => Promise<void>;
  readonly onEvent: OnRouterEvent;
}

export class Membership<L extends HeldLease> {
  readonly #options: MembershipOptions<L>;
  readonly #loop: ControlLoop;
  #progress: Progress | undefined;
  #written: { readonly lease: L; readonly progress: Progress; readonly losses: number } | undefined;
  /** How often the record has left the store. */
  #losses = 0;

  constructor(options: MembershipOptions<L>) {
    this.#options = options;
    this.#loop = new ControlLoop({
      pass: (signal) => this.#write(signal),
      backoff: { initialMs: 100, maxMs: 5_000 },
      onEvent: (event) => {
        if (event.kind === "pass-failed") options.onEvent({ ...event, kind: "announce-failed" });
      },
    });
  }

  /** The router has come this far. It is a member from the first time on. */
  advance(progress: Progress): void {
    this.#progress = progress;
    this.#loop.ring();
  }

  /** The record has left the store, with its lease or by somebody's hand: it is written anew. */
  recordGone(): void {
    if (this.#written === undefined) return;
    this.#losses += 1;
    this.#options.session.doubt();
  }

  /** Keeps the record true until `signal` aborts. Leaving is the session's to do: it gives the lease back. */
  async run(signal: AbortSignal): Promise<void> {
    const end = this.#options.session.onChange(() => {
      const { lease } = this.#options.session;
      if (this.#written && lease === undefined) {
        this.#options.onEvent({ kind: "lease-lost", lease: this.#written.lease.id });
        this.#written = undefined;
      }
      this.#loop.ring();
    });
    try {
      await this.#loop.run(signal);
    } finally {
      end();
    }
  }

  async #write(stopped: AbortSignal): Promise<void> {
    const { session, address, write, onEvent } = this.#options;
    const lease = await session.held(stopped);
    const progress = this.#progress;
    if (progress === undefined || this.#isWritten(lease, progress)) return;
    const signal = AbortSignal.any([stopped, lease.lost]);
    const losses = this.#losses;
    await write(lease, { address: await address(signal), ...progress }, signal);
    this.#written = { lease, progress, losses };
    onEvent({ kind: "announced", ...progress });
  }

  #isWritten(lease: L, { revision, drained }: Progress): boolean {
    const written = this.#written;
    return (
      written?.lease === lease &&
      written.losses === this.#losses &&
      written.progress.revision === revision &&
      written.progress.drained === drained
    );
  }
}
