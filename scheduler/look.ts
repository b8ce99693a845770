/** Tells the model what has changed in the mirror since the last look. */
import type { Cordon } from "../cluster/cordon.ts";
import { PlatformError } from "../cluster/errors.ts";
import { metadataName, withMetadata } from "../cluster/machine-metadata.ts";
import type { ClusterTables, Mirror } from "../cluster/ports.ts";
import type { Unit, UnitRecord } from "../cluster/unit.ts";
import { unitFrom } from "../cluster/unit.ts";
import type { Apps } from "./apps.ts";
import type { Decision } from "./decision.ts";
import type { ClusterModel } from "./model.ts";
import type { Presence } from "./presence.ts";
import { PublishedApps } from "./published-apps.ts";

export type SchedulerTables = Pick<
  ClusterTables,
  | "unitFiles"
  | "units"
  | "machines"
  | "metadata"
  | "placements"
  | "unplaced"
  | "apps"
  | "cordons"
  | "moves"
  | "questions"
  | "outcomes"
  | "runs"
  | "failures"
  | "leader"
>;

/**
 * Names the tables of `SchedulerTables`. The leader key is among them so that a new leader's mirror sees its own election, and
 * with it everything that its predecessor wrote.
 */
export const schedulerTables = [
  "unitFiles",
  "units",
  "machines",
  "metadata",
  "placements",
  "unplaced",
  "apps",
  "cordons",
  "moves",
  "questions",
  "outcomes",
  "runs",
  "failures",
  "leader",
] as const;

/** What a look found, for those who report. */
export interface Seen {
  readonly vanished: readonly string[];
  readonly returned: readonly string[];
  /** Units that cannot be read since this look, and why. */
  readonly troubles: readonly { readonly unit: string; readonly error: PlatformError }[];
  /** A unit file may have lost its last reference. */
  readonly filesMayBeUnreferenced: boolean;
  /** Questions that were asked, or withdrawn. */
  readonly questions: ReadonlySet<string>;
}

export class Lookout {
  readonly #mirror: Mirror<SchedulerTables>;
  readonly #model: ClusterModel;
  readonly #presence: Presence;
  readonly #awaitedFiles = new Map<string, Set<string>>();
  /** Files whose meaning does not depend on the name of their unit, read once for all instances. */
  readonly #shared = new Map<string, WeakRef<Unit>>();
  /** Run-time metadata by machine and key. */
  readonly #metadata = new Map<string, Map<string, string>>();
  readonly #apps: Apps;
  readonly #publishedApps = new PublishedApps();
  /** Units whose file is missing or cannot be read. */
  readonly #inTrouble = new Set<string>();
  #doubted = new Set<string>();
  #doubtedParked = new Set<string>();
  #doubtedCourses = new Set<string>();
  #doubtedMoves = new Set<string>();

  constructor(mirror: Mirror<SchedulerTables>, model: ClusterModel, presence: Presence, apps: Apps) {
    this.#mirror = mirror;
    this.#model = model;
    this.#presence = presence;
    this.#apps = apps;
  }

  /** False while there are units of which it is not known what they are. */
  get isEveryUnitReadable(): boolean {
    return this.#inTrouble.size === 0 && this.#mirror.tables.units.unreadable.size === 0;
  }

  /** Brings the model up to the mirror's revision. `now` is in ms on the presence's clock. */
  look(now: number): Seen {
    const changes = this.#mirror.takeChanges();
    const troubles: { unit: string; error: PlatformError }[] = [];
    const { vanished, returned } = this.#lookAtMachines(
      union(changes.machines, this.#lookAtMetadata(changes.metadata)),
      now,
    );
    for (const id of inOrder(changes.cordons)) this.#model.setCordon(id, this.#cordonOf(id));
    const units = new Set(changes.units);
    for (const hash of changes.unitFiles) {
      if (this.#mirror.tables.unitFiles.get(hash) === undefined) this.#publishedApps.forget(hash);
      for (const name of this.#awaitedFiles.get(hash) ?? []) units.add(name);
      this.#awaitedFiles.delete(hash);
    }
    for (const name of inOrder(units)) {
      const error = this.#lookAtUnit(name);
      if (error) troubles.push({ unit: name, error });
    }
    for (const name of inOrder(union(changes.placements, this.#doubted))) {
      const error = this.#lookAtPlacement(name);
      if (error) troubles.push({ unit: unitOf(name), error });
    }
    for (const name of inOrder(union(changes.unplaced, this.#doubtedParked))) {
      this.#model.setParked(name, this.#mirror.tables.unplaced.get(name));
    }
    troubles.push(...this.#lookAtCourses(changes));
    for (const name of inOrder(union(changes.moves, this.#doubtedMoves))) {
      const { moves } = this.#mirror.tables;
      this.#model.setWantedMove(name, moves.get(name), moves.revisionOf(name) ?? 0n);
    }
    for (const app of changes.apps) this.#apps.doubt(app);
    this.#doubted = new Set();
    this.#doubtedParked = new Set();
    this.#doubtedMoves = new Set();
    this.#doubtedCourses = new Set();
    const filesMayBeUnreferenced =
      changes.units.size > 0 || changes.placements.size > 0 || changes.unitFiles.size > 0;
    return { vanished, returned, troubles, filesMayBeUnreferenced, questions: changes.questions };
  }

  /** These decisions were perhaps not written: the next look believes the mirror, not them. */
  doubt(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      if (decision.kind === "place") {
        this.#doubted.add(`${decision.placement.machine}/${decision.placement.unit}`);
      } else if (decision.kind === "withdraw") this.#doubted.add(`${decision.machine}/${decision.unit}`);
      else if (decision.kind === "park" || decision.kind === "unpark") this.#doubtedParked.add(decision.unit);
      else if (decision.kind.endsWith("-run") || decision.kind.endsWith("-failures")) {
        if ("unit" in decision) this.#doubtedCourses.add(decision.unit);
      } else if (decision.kind === "sweep-states") this.#model.setReported(decision.machine);
      else if (decision.kind === "end-move") this.#doubtedMoves.add(decision.unit);
      else if (decision.kind === "announce-app" || decision.kind === "retire-app")
        this.#apps.doubt(decision.app);
    }
  }

  /** What is remembered of runs and failures, and what machines say of them. A record that cannot be read is a trouble of its unit. */
  #lookAtCourses(
    changes: Pick<ReturnType<Mirror<SchedulerTables>["takeChanges"]>, "runs" | "failures" | "outcomes">,
  ): readonly { readonly unit: string; readonly error: PlatformError }[] {
    const { runs, failures, outcomes } = this.#mirror.tables;
    const troubles: { unit: string; error: PlatformError }[] = [];
    const judge = (unit: string, record: string, error: PlatformError | undefined): void => {
      this.#model.setTrouble(unit, record, error);
      if (error) troubles.push({ unit, error });
    };
    for (const unit of inOrder(union(changes.runs, this.#doubtedCourses))) {
      judge(unit, "run", runs.unreadable.get(unit));
      this.#model.setRun(unit, runs.get(unit));
    }
    for (const unit of inOrder(union(changes.failures, this.#doubtedCourses))) {
      judge(unit, "failures", failures.unreadable.get(unit));
      this.#model.setTried(unit, failures.get(unit));
    }
    for (const key of inOrder(changes.outcomes)) {
      const machine = key.slice(0, key.indexOf("/"));
      judge(unitOf(key), `outcome on ${machine}`, outcomes.unreadable.get(key));
      this.#model.setOutcome(machine, unitOf(key), outcomes.get(key));
    }
    return troubles;
  }

  /** A cordon that cannot be read still closes the machine: it was put up for a reason. */
  #cordonOf(machine: string): Cordon | undefined {
    const { cordons } = this.#mirror.tables;
    if (cordons.unreadable.has(machine))
      return { drain: false, reason: "its cordon cannot be read", since: "" };
    return cordons.get(machine);
  }

  /** Takes the changed records in and returns the machines they speak of. */
  #lookAtMetadata(names: ReadonlySet<string>): ReadonlySet<string> {
    const concerned = new Set<string>();
    for (const name of names) {
      const { machine, key } = metadataName(name);
      const value = this.#mirror.tables.metadata.get(name);
      const known = this.#metadata.get(machine) ?? new Map<string, string>();
      if (value === undefined) known.delete(key);
      else known.set(key, value);
      if (known.size === 0) this.#metadata.delete(machine);
      else this.#metadata.set(machine, known);
      concerned.add(machine);
    }
    return concerned;
  }

  #lookAtMachines(
    names: ReadonlySet<string>,
    now: number,
  ): { readonly vanished: readonly string[]; readonly returned: readonly string[] } {
    const table = this.#mirror.tables.machines;
    const vanished: string[] = [];
    const returned: string[] = [];
    for (const id of inOrder(names)) {
      const before = this.#model.machines.get(id)?.presence;
      const announced = table.get(id);
      const record = announced
        ? withMetadata(announced, this.#metadata.get(id))
        : table.unreadable.has(id)
          ? "unreadable"
          : undefined;
      this.#model.setMachine(id, record);
      if (record !== undefined) {
        this.#presence.returned(id);
        if (before === undefined || before === "away") returned.push(id);
      } else if (before !== undefined && before !== "away") vanished.push(id);
    }
    if (vanished.length > 0) this.#presence.vanished(vanished, this.#model.presentMachines, now);
    return { vanished, returned };
  }

  #lookAtUnit(name: string): PlatformError | undefined {
    const table = this.#mirror.tables.units;
    const record = table.get(name);
    const unreadable = table.unreadable.get(name);
    this.#model.setTrouble(name, "record", unreadable);
    if (unreadable) return unreadable;
    if (!record) {
      this.#inTrouble.delete(name);
      this.#apps.setUnit(name, undefined);
      this.#model.setTrouble(name, "file", undefined);
      this.#model.setUnit(name, undefined);
      return undefined;
    }
    try {
      this.#model.setUnit(name, this.#unit(name, record));
      this.#model.setTrouble(name, "file", undefined);
      this.#inTrouble.delete(name);
      this.#apps.setUnit(name, this.#appOf(name, record.hash));
      return undefined;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const known = this.#model.units.get(name)?.troubles?.get("file");
      this.#model.setTrouble(name, "file", error);
      this.#inTrouble.add(name);
      return known?.message === error.message ? undefined : error;
    }
  }

  #appOf(name: string, hash: string): string | undefined {
    const text = this.#mirror.tables.unitFiles.get(hash);
    return text === undefined ? undefined : this.#publishedApps.of(name, hash, text);
  }

  #unit(name: string, record: UnitRecord): Unit {
    const shared = this.#shared.get(record.hash)?.deref();
    if (shared) {
      const { hash, target, generation } = record;
      const { requirements, resources, runtime } = shared;
      const { held } = record;
      return { name, hash, target, generation, requirements, resources, runtime, ...(held ? { held } : {}) };
    }
    const text = this.#mirror.tables.unitFiles.get(record.hash);
    if (text === undefined) {
      const waiting = this.#awaitedFiles.get(record.hash);
      if (waiting) waiting.add(name);
      else this.#awaitedFiles.set(record.hash, new Set([name]));
      throw new PlatformError(
        "unit-file-missing",
        `Cannot read "${name}": the store has no file ${record.hash}`,
        {
          hint: "Submit the unit again with `deisctl submit --replace`",
        },
      );
    }
    const unit = unitFrom(name, record, text);
    // Without a specifier the file says the same whatever the unit is called.
    if (!text.includes("%")) this.#shared.set(record.hash, new WeakRef(unit));
    return unit;
  }

  #lookAtPlacement(key: string): PlatformError | undefined {
    const table = this.#mirror.tables.placements;
    const slash = key.indexOf("/");
    const machine = key.slice(0, slash);
    const unit = key.slice(slash + 1);
    const unreadable = table.unreadable.get(key);
    this.#model.setTrouble(unit, key, unreadable);
    if (!unreadable) {
      this.#model.setPlacement(machine, unit, table.get(key));
      return undefined;
    }
    // Something is placed there: it counts, and stays.
    this.#model.setPlacement(machine, unit, {
      machine,
      unit,
      hash: "",
      target: "loaded",
      generation: 0,
      reason: "unreadable",
    });
    return unreadable;
  }
}

function inOrder(names: ReadonlySet<string>): string[] {
  return [...names].sort();
}

function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return b.size === 0 ? a : new Set([...a, ...b]);
}

function unitOf(key: string): string {
  return key.slice(key.indexOf("/") + 1);
}
