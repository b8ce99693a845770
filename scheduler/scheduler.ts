/**
 * The pass: look at what has changed, decide, write, report. One instance lives as long as the process: as a standby it
 * only looks, so that its model is warm when it comes to lead.
 */
import type { Mirror, SchedulerWriter } from "../cluster/ports.ts";
import type { Settings } from "../cluster/settings.ts";
import { Apps } from "./apps.ts";
import { commit } from "./commit.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";
import type { SchedulerEvent } from "./events.ts";
import { UnitFiles } from "./files.ts";
import { Lookout, type SchedulerTables } from "./look.ts";
import { ClusterModel } from "./model.ts";
import { Presence } from "./presence.ts";
import { Questions } from "./questions.ts";
import { machinesOnTheMove, type StatesMirror, StateWatch } from "./state-watch.ts";

export interface SchedulerOptions {
  readonly mirror: Mirror<SchedulerTables>;
  readonly settings: Pick<Settings, "agent" | "scheduler">;
  /** Milliseconds on a clock that does not go back. */
  readonly monotonic: () => number;
  /** Milliseconds since 1970: what calendars are read against. */
  readonly wall: () => number;
  readonly onEvent?: (event: SchedulerEvent) => void;
  /** Follows what one machine's agent reports; asked for only while a planned move needs to know. */
  readonly openStates: (machine: string) => StatesMirror;
  /** Called when something that the mirror does not show gives a reason for a pass. */
  readonly ring: () => void;
}

/** So many units are decided about before their placements are written and the event loop gets its turn: a lease must not starve. */
const slice = 10_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #model: ClusterModel;
  readonly #presence: Presence;
  readonly #lookout: Lookout;
  readonly #files = new UnitFiles();
  readonly #apps = new Apps();
  readonly #questions = new Questions();
  readonly #states: StateWatch;
  #massLosses = 0;

  constructor(options: SchedulerOptions) {
    const { agent, scheduler } = options.settings;
    this.#options = options;
    this.#model = new ClusterModel({ spreadBy: scheduler.spreadBy });
    this.#presence = new Presence({
      ttlMs: agent.ttlSeconds * 1_000,
      massLossGraceMs: scheduler.massLossGraceSeconds * 1_000,
    });
    this.#lookout = new Lookout(options.mirror, this.#model, this.#presence, this.#apps);
    this.#states = new StateWatch({
      open: options.openStates,
      placements: options.mirror.tables.placements,
      onChange: options.ring,
    });
  }

  /** Keeps the model current. Does nothing before the mirror's first listing. */
  look(): void {
    if (!this.#options.mirror.synced) return;
    const seen = this.#lookout.look(this.#options.monotonic());
    if (seen.filesMayBeUnreferenced) this.#files.changed();
    this.#questions.changed(seen.questions, this.#options.mirror.tables.questions);
    for (const machine of seen.vanished) this.#tell({ kind: "machine-away", machine });
    for (const machine of seen.returned) this.#tell({ kind: "machine-present", machine });
    for (const { unit, error } of seen.troubles) this.#tell({ kind: "unit-unreadable", unit, error });
    if (this.#presence.massLosses > this.#massLosses) {
      this.#massLosses = this.#presence.massLosses;
      const graceSeconds = this.#options.settings.scheduler.massLossGraceSeconds;
      this.#tell({ kind: "mass-loss", machines: seen.vanished, graceSeconds });
    }
  }

  /** The store could not be seen for a while: machines get a TTL to show themselves before their units are moved. */
  outageEnded(): void {
    this.#presence.outageEnded(this.#options.monotonic());
  }

  /** These machines, here or not, have states in the store. */
  reported(machines: Iterable<string>): void {
    for (const id of machines) this.#model.setReported(id);
  }

  /**
   * Looks, decides and writes until nothing is left to decide. Rejects with what the writer rejects with; the next pass
   * then starts from what the mirror says. Nothing is decided before the mirror's first listing.
   */
  async pass(writer: SchedulerWriter, signal: AbortSignal): Promise<void> {
    const { mirror, monotonic, wall } = this.#options;
    if (!mirror.synced) return;
    do {
      signal.throwIfAborted();
      this.look();
      await this.#states.follow(machinesOnTheMove(this.#model));
      const now = monotonic();
      const decisions = decide(this.#model, this.#presence, now, {
        limit: slice,
        wall: wall(),
        reports: this.#states,
      });
      decisions.push(...this.#files.collect(mirror, now));
      decisions.push(...this.#apps.decide(mirror.tables.apps, this.#lookout.isEveryUnitReadable));
      decisions.push(
        ...this.#questions.answer(mirror.tables.questions, this.#model, mirror.tables.placements),
      );
      await this.#carryOut(decisions, writer, signal);
    } while (this.#model.agenda.hasMarked);
    await this.#states.follow(machinesOnTheMove(this.#model));
  }

  /** This scheduler leads no more: it follows nothing but the mirror. */
  async standDown(): Promise<void> {
    await this.#states.follow(new Set());
  }

  /** Milliseconds until time alone gives a reason for a pass, or undefined. */
  get dueInMs(): number | undefined {
    const { monotonic, wall } = this.#options;
    const now = monotonic();
    const end = this.#presence.nextEnd;
    const due = this.#model.agenda.nextDue;
    const move = this.#model.moves.nextDue(now);
    const waits = [
      ...(end === undefined ? [] : [end - now]),
      ...(move === undefined ? [] : [move - now]),
      ...(due === undefined ? [] : [due - wall()]),
    ];
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
  }

  async #carryOut(
    decisions: readonly Decision[],
    writer: SchedulerWriter,
    signal: AbortSignal,
  ): Promise<void> {
    if (decisions.length === 0) return;
    try {
      await commit(decisions, writer, this.#options.mirror, signal);
    } catch (error) {
      this.#lookout.doubt(decisions);
      this.#questions.doubt(decisions);
      throw error;
    }
    for (const decision of decisions) {
      this.#tell({ kind: "decided", decision, revision: this.#options.mirror.revision });
    }
  }

  #tell(event: SchedulerEvent): void {
    this.#options.onEvent?.(event);
  }
}
