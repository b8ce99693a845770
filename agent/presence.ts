/**
 * This machine among the machines: announced under its lease, and again after each loss of it.
 *
 * The rule here: authority to act on placements is held only while the lease is, and only once the mirror has seen everything
 * up to the announcement. A machine that was away may have lost its units to others in between; it must learn that first.
 * `authority` ends by the session's own clock before the store lets the lease lapse, which is when fenced units are stopped.
 */
import type { Machine } from "../cluster/machine.ts";
import type { HeldLease, Session } from "../cluster/ports.ts";
import type { BackoffOptions } from "../loop/backoff.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import type { OnAgentEvent } from "./events.ts";
import type { Authority } from "./reconcile.ts";

export interface PresenceOptions<L extends HeldLease> {
  readonly session: Session<L>;
  /** Writes the machine's record on the lease, unless the store has it already. Rejects with `machine-id-taken`. */
  readonly announce: (lease: L, machine: Machine, signal: AbortSignal) => Promise<void>;
  /** The machine as it is now. */
  readonly describe: () => Promise<Machine>;
  /** Resolves once the mirror has seen everything that was in the store when this was called. */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>;
  /** Keeps the lease's id for the agent after this one. */
  readonly keep: (leaseId: string) => Promise<void>;
  /** Authority was gained or lost. */
  readonly ring: () => void;
  readonly onEvent: OnAgentEvent;
  readonly clock?: Clock;
  /** Between two tries to announce. Default: 500 ms doubling to 15 s. */
  readonly backoff?: BackoffOptions;
}

export class Presence<L extends HeldLease> {
  readonly #options: PresenceOptions<L>;
  readonly #loop: ControlLoop;
  /** The lease under which this machine is announced and the mirror is current. */
  #announced: L | undefined;
  /** The record as last announced, to tell whether it changed, and how often it had left the store by then. */
  #record = "";
  #lossesBefore = 0;
  #losses = 0;
  #machine: Machine | undefined;
  #wasHeld = false;

  constructor(options: PresenceOptions<L>) {
    this.#options = options;
    this.#loop = new ControlLoop({
      pass: (signal) => this.#announce(signal),
      clock: options.clock ?? systemClock,
      backoff: options.backoff ?? { initialMs: 500, maxMs: 15_000 },
      onEvent: (event) => {
        if (event.kind === "pass-failed") options.onEvent({ ...event, kind: "announce-failed" });
      },
    });
  }

  /** `held` while what is placed here is certainly placed nowhere else. */
  get authority(): Authority {
    const { lease } = this.#options.session;
    if (lease !== undefined && lease === this.#announced && !lease.lost.aborted) return "held";
    return this.#wasHeld ? "lost" : "awaited";
  }

  /** The machine as last announced; undefined before the first time. */
  get machine(): Machine | undefined {
    return this.#machine;
  }

  /** Announces the machine anew: something in its record changed. */
  refresh(): void {
    this.#loop.ring();
  }

  /** The machine's record has left the store, with its lease or by somebody's hand: it is announced anew, before its units are moved. */
  recordGone(): void {
    if (this.#announced === undefined) return;
    this.#losses += 1;
    this.#options.session.doubt();
  }

  /** Announces, and announces again whenever the lease was lost and taken, until `signal` aborts. The record stays in the store. */
  async run(signal: AbortSignal): Promise<void> {
    const end = this.#options.session.onChange(() => this.#turn());
    try {
      await this.#loop.run(signal);
    } finally {
      end();
    }
  }

  #turn(): void {
    if (this.#announced && this.#options.session.lease !== this.#announced) {
      this.#options.onEvent({ kind: "lease-lost", lease: this.#announced.id });
      this.#announced = undefined;
    }
    this.#options.ring();
    this.#loop.ring();
  }

  async #announce(stopped: AbortSignal): Promise<void> {
    const { session, announce, describe, caughtUp, keep, onEvent, ring } = this.#options;
    const lease = await session.held(stopped);
    const signal = AbortSignal.any([stopped, lease.lost]);
    const machine = await describe();
    const record = JSON.stringify(machine);
    const losses = this.#losses;
    const isCurrent = this.#record === record && this.#lossesBefore === losses;
    if (this.#announced === lease && isCurrent) return;
    await announce(lease, machine, signal);
    this.#record = record;
    this.#lossesBefore = losses;
    this.#machine = machine;
    if (this.#announced === lease) return;
    await caughtUp(signal);
    await keep(lease.id);
    if (signal.aborted) return;
    this.#announced = lease;
    this.#wasHeld = true;
    onEvent({ kind: "announced", lease: lease.id, address: machine.address, runtimes: machine.runtimes });
    ring();
  }
}
