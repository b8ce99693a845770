/**
 * The pass of the agent: look at the mirror and the runtimes, decide, do, and report.
 *
 * Looking and deciding take no time: everything is in memory, and plans are carried out beside the pass. Reporting is a loop of its own, so
 * that a slow store never delays a decision, and the changes of one write's duration become one batch.
 */
import type { Glob } from "../cluster/glob.ts";
import type { RuntimeName } from "../cluster/machine.ts";
import type { Placement } from "../cluster/placement.ts";
import type { Mirror, OutcomeWrite, StateWriter, UnitTexts } from "../cluster/ports.ts";
import type { Outcome, RunClaim } from "../cluster/run.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import type { BackoffOptions } from "../loop/backoff.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { ControlLoop, type LoopEvent } from "../loop/control-loop.ts";
import { type Desired, desiredUnits, neededHashes, ownUnit, type UnitFacts } from "./desired.ts";
import type { AgentEvent, OnAgentEvent } from "./events.ts";
import { FailureCounts } from "./failure-counts.ts";
import { outcomeWrites } from "./outcome-report.ts";
import { Outcomes, type OutcomesOptions } from "./outcomes.ts";
import { Performer } from "./perform.ts";
import type { Publisher } from "./publisher.ts";
import { type Authority, reconcile, type Situation } from "./reconcile.ts";
import { failedBefore, stateWrites } from "./report.ts";
import type { UnitRuntime } from "./runtime.ts";
import { UnitFiles } from "./unit-files.ts";

export interface AgentOptions {
  readonly machine: string;
  /** What is placed on this machine. Names: `<unit>` or `<machine>/<unit>`. */
  readonly placements: Mirror<{ placements: Placement }>;
  /** What this machine has reported. A mirror of its own: the two lie far apart in the store. */
  readonly reported: Mirror<{ states: UnitState }>;
  readonly texts: UnitTexts;
  readonly states: StateWriter;
  /** Absent: units that are to end are never started, and failures are not told. */
  readonly outcomes?: OutcomesOptions;
  readonly runtimes: readonly UnitRuntime[];
  /** Reads what the agent needs from a unit file. */
  readonly read: (text: string) => UnitFacts;
  /** `held` while this machine's lease is, and the mirrors are at least as new as that. Its changes must `ring`. */
  readonly authority: () => Authority;
  readonly startLimits?: ReadonlyMap<RuntimeName, number>;
  /** Absent: nothing is published. */
  readonly publisher?: Publishing;
  readonly onEvent: OnAgentEvent;
  readonly clock?: Clock;
  /** Between two tries of a plan, or of a text. */
  readonly backoff?: BackoffOptions;
}

/** The part of the agent that keeps endpoints: see `publisher.ts`. */
export type Publishing = Pick<
  Publisher,
  "consider" | "mayPublish" | "onChange" | "published" | "run" | "withdraw"
>;

export class Agent {
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  readonly #runtimes: ReadonlyMap<RuntimeName, UnitRuntime>;
  readonly #performer: Performer;
  readonly #files: UnitFiles;
  readonly #passes: ControlLoop;
  readonly #reports: ControlLoop;
  readonly #written = new Map<string, UnitState>();
  readonly #problems = new Map<string, string>();
  readonly #outcomes: Outcomes | undefined;
  readonly #failures = new FailureCounts();
  /** The `Conflicts=` of units that are, or were, wanted here. */
  readonly #conflicts = new Map<string, readonly Glob[]>();
  #desired: ReadonlyMap<string, Desired> = new Map();
  /** What an agent before this one reported, by unit, until this one knows what is wanted of the unit. */
  #inherited: Map<string, UnitState> | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { onEvent, backoff } = options;
    const clock = options.clock ?? systemClock;
    const ring = () => this.ring();
    this.#clock = clock;
    const outcomes = options.outcomes && new Outcomes(options.outcomes, clock);
    this.#outcomes = outcomes;
    this.#runtimes = new Map(options.runtimes.map((runtime) => [runtime.name, runtime]));
    const shared = { clock, ring, onEvent, ...(backoff ? { backoff } : {}) };
    this.#performer = new Performer({
      ...shared,
      runtimes: this.#runtimes,
      ...(options.startLimits ? { startLimits: options.startLimits } : {}),
      ...(outcomes ? { claim: (unit, run, signal) => outcomes.claim(unit, run, signal) } : {}),
      withdraw: async (unit, signal) => options.publisher?.withdraw(unit, signal),
    });
    this.#files = new UnitFiles({ ...shared, texts: options.texts, read: options.read });
    this.#passes = new ControlLoop({
      pass: async () => this.#pass(),
      // Under a bell that is lost. It costs no read: everything is in memory.
      intervalMs: 30_000,
      restPerPass: 3,
      onEvent: (event) => onEvent(passEvent(event)),
      clock,
    });
    this.#reports = new ControlLoop({
      pass: (signal) => this.#report(signal),
      onEvent: (event) => {
        if (event.kind === "pass-failed") onEvent({ ...event, kind: "report-failed" });
      },
      clock,
    });
  }

  /** Asks for a pass. */
  ring(): void {
    this.#passes.ring();
  }

  /** Runs until `signal` aborts, then lets go of everything under way. Every unit stays as it is. */
  async run(signal: AbortSignal): Promise<void> {
    const { publisher } = this.#options;
    const bells = [
      publisher?.onChange(() => this.ring()),
      this.#options.placements.onChange(() => this.ring()),
      this.#options.reported.onChange(() => this.ring()),
      this.#outcomes?.onChange(() => this.ring()),
      ...this.#options.runtimes.map((runtime) => runtime.onChange(() => this.ring())),
    ];
    try {
      await Promise.all([this.#passes.run(signal), this.#reports.run(signal), publisher?.run(signal)]);
    } finally {
      for (const end of bells) end?.();
      this.#files.close();
      await this.#performer.close();
    }
  }

  #pass(): void {
    this.#look();
    const situation = this.#situation();
    for (const [unit, decision] of reconcile(situation)) {
      if (decision.kind === "act") this.#performer.begin(decision.plan);
      else if (decision.kind === "supersede") this.#performer.supersede(unit, decision.reason);
    }
    this.#performer.retain((unit) => situation.desired.has(unit) || this.#isObserved(unit));
    this.#options.publisher?.consider({
      ...situation,
      flights: this.#performer.flights(),
      written: this.#written,
    });
    this.#reports.ring();
  }

  #look(): void {
    const { machine } = this.#options;
    const { placements } = this.#options.placements.tables;
    const isMoved = this.#options.placements.takeChanges().placements.size > 0;
    this.#takeStates();
    this.#outcomes?.look();
    if (isMoved) this.#files.need(neededHashes(machine, placements));
    // Most passes are for what a runtime said: they find the wishes as they were.
    if (isMoved || this.#files.takeChanged()) {
      this.#desired = desiredUnits(machine, placements, this.#files.known);
      this.#rememberConflicts();
      this.#sayProblems();
    }
    if (this.#synced) this.#inherit();
  }

  /** Takes up what failed for good under the agent before this one, each unit as soon as its file is known. */
  #inherit(): void {
    const inherited = this.#inherited ?? new Map(this.#written);
    this.#inherited = inherited;
    if (inherited.size === 0) return;
    for (const [unit, attempt] of failedBefore(this.#desired, inherited)) {
      this.#performer.remember(unit, attempt);
    }
    for (const unit of inherited.keys()) {
      if (this.#desired.get(unit)?.kind !== "unknown") inherited.delete(unit);
    }
  }

  /** Keeps `#written` true to the store: what another (the scheduler's sweep of a machine thought gone) took away is written again. */
  #takeStates(): void {
    const { machine, reported } = this.#options;
    for (const key of reported.takeChanges().states) {
      const unit = ownUnit(machine, key);
      if (unit === undefined) continue;
      const stored = reported.tables.states.get(key);
      // Our own writes come back here, older ones perhaps after newer ones: only what is gone, or never was known, is news.
      if (stored === undefined) this.#written.delete(unit);
      else if (!this.#written.has(unit)) this.#written.set(unit, stored);
    }
  }

  get #synced(): boolean {
    const { placements, reported } = this.#options;
    return placements.synced && reported.synced && (this.#outcomes?.synced ?? true);
  }

  /** For as long as a unit is wanted or seen here. */
  #rememberConflicts(): void {
    for (const [unit, wish] of this.#desired) {
      if (wish.kind !== "wanted") continue;
      if (wish.conflicts.length > 0) this.#conflicts.set(unit, wish.conflicts);
      else this.#conflicts.delete(unit);
    }
    for (const unit of this.#conflicts.keys()) {
      if (!this.#desired.has(unit) && !this.#isObserved(unit)) this.#conflicts.delete(unit);
    }
  }

  #situation(): Situation {
    return {
      claims: claimsOf(this.#outcomes?.told),
      formerConflicts: this.#conflicts,
      synced: this.#synced,
      authority: this.#options.authority(),
      desired: this.#desired,
      runtimes: this.#runtimes,
      flights: this.#performer.flights(),
      attempts: this.#performer.attempts,
      nowMs: this.#clock.monotonic(),
      mayPublish: (unit) => this.#mayPublish(unit),
    };
  }

  #mayPublish(unit: string): boolean {
    const { publisher } = this.#options;
    if (publisher === undefined) return false;
    const wish = this.#desired.get(unit);
    return (wish?.kind === "wanted" && wish.publication !== undefined) || publisher.mayPublish(unit);
  }

  async #report(signal: AbortSignal): Promise<void> {
    // Before the announcement the runtimes may not have been asked yet, and this machine's id may turn out to be another one's.
    if (this.#options.authority() === "awaited") return;
    const now = this.#clock.now().toISOString();
    await this.#outcomes?.report(() => this.#outcomeWrites(now), signal);
    const published = this.#options.publisher?.published ?? new Map();
    const writes = stateWrites({ ...this.#situation(), written: this.#written, published, now });
    if (writes.length === 0) return;
    await this.#options.states.write(writes, signal);
    for (const write of writes) {
      if (write.kind === "report") this.#written.set(write.unit, write.state);
      else this.#written.delete(write.unit);
    }
    const reports = writes.filter(({ kind }) => kind === "report").length;
    this.#options.onEvent({ kind: "states-written", reports, retractions: writes.length - reports });
    // What changed during the write has rung already.
  }

  #outcomeWrites(now: string): readonly OutcomeWrite[] {
    const told = this.#outcomes?.told ?? new Map<string, Outcome>();
    const situation = this.#situation();
    return outcomeWrites({ ...situation, told, failures: this.#failures.observe(situation, told), now });
  }

  /** Says once what cannot be read, not at every pass. */
  #sayProblems(): void {
    for (const unit of this.#problems.keys()) if (!this.#desired.has(unit)) this.#problems.delete(unit);
    for (const [unit, wish] of this.#desired) {
      if (wish.kind !== "unknown" || !wish.isProblem) this.#problems.delete(unit);
      else if (this.#problems.get(unit) !== wish.reason) {
        this.#problems.set(unit, wish.reason);
        this.#options.onEvent({ kind: "unit-unknown", unit, reason: wish.reason });
      }
    }
  }

  #isObserved(unit: string): boolean {
    return this.#options.runtimes.some(({ observed }) => observed.has(unit));
  }
}

function claimsOf(told: ReadonlyMap<string, Outcome> | undefined): ReadonlyMap<string, RunClaim> {
  const claims = new Map<string, RunClaim>();
  for (const [unit, { claim }] of told ?? []) if (claim) claims.set(unit, claim);
  return claims;
}

function passEvent(event: LoopEvent): AgentEvent {
  return event.kind === "pass-done" ? event : { ...event, kind: "pass-failed" };
}
