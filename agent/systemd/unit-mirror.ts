/**
 * Our units as systemd has them now: what it has told of them by signals since the last full look, which is taken whenever a connection
 * stands. Signals are believed; nothing is polled.
 */
import { isDeepStrictEqual } from "node:util";
import { isRetryable, PlatformError } from "../../cluster/errors.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import type { Clock } from "../../loop/clock.ts";
import type { SystemdBus } from "./bus.ts";
import { listUnits, type UnitRow } from "./installer.ts";
import { typeInterface, unitPath, unitType } from "./object-path.ts";
import type { UnitDirectory } from "./unit-directory.ts";
import {
  hasNeverRun,
  stateOf,
  typeProperties,
  type UnitProperties,
  type UnitRecordOnDisk,
  unitProperties,
} from "./unit-state.ts";

interface Tracked {
  disk: UnitRecordOnDisk;
  properties: UnitProperties;
  /** The first of two signals about one change. */
  half: UnitProperties;
  /** Counts what systemd has told of the unit since we last began to look at it, so that an answer overtaken by a signal is asked for again. */
  told: number;
}

const unitInterface = "org.freedesktop.systemd1.Unit";

export class UnitMirror {
  readonly #bus: SystemdBus;
  readonly #directory: UnitDirectory;
  readonly #clock: Clock;
  readonly #units = new Map<string, Tracked>();
  readonly #namesByPath = new Map<string, string>();
  readonly #observed = new Map<string, UnitState>();
  readonly #bells = new Set<(unit: string) => void>();

  constructor(bus: SystemdBus, directory: UnitDirectory, clock: Clock) {
    this.#bus = bus;
    this.#directory = directory;
    this.#clock = clock;
  }

  get observed(): ReadonlyMap<string, UnitState> {
    return this.#observed;
  }

  /** True of a unit that is ours: loaded, or about to be. */
  has(name: string): boolean {
    return this.#units.has(name);
  }

  /** What systemd has said of a unit last; empty for one that is not ours. */
  properties(name: string): UnitProperties {
    return this.#units.get(name)?.properties ?? {};
  }

  onChange(bell: (unit: string) => void): () => void {
    // A function of its own for each call: the same bell may be hung up twice.
    const own = (unit: string): void => bell(unit);
    this.#bells.add(own);
    return () => this.#bells.delete(own);
  }

  /** Rings for each unit: after a loss of the connection each may be another. */
  ringAll(): void {
    for (const name of [...this.#observed.keys()]) this.#ring(name);
  }

  /** Begins to take what systemd tells of a unit. It is not observed yet. */
  async track(name: string, signal: AbortSignal): Promise<void> {
    const known = this.#units.get(name);
    if (known) {
      known.told = 0;
    } else {
      const disk = { hash: "", generation: 0, writtenAt: this.#clock.now().getTime() };
      this.#units.set(name, { disk, properties: {}, half: {}, told: 0 });
      this.#namesByPath.set(unitPath(name), name);
    }
    await this.#bus.watchUnit(name, signal);
  }

  /** Ends it, and that the unit is observed. */
  async forget(name: string): Promise<void> {
    this.#units.delete(name);
    this.#namesByPath.delete(unitPath(name));
    if (this.#observed.delete(name)) this.#ring(name);
    // A rule that stays on a lost connection is gone with it.
    if (this.#bus.connected) await this.#bus.unwatchUnit(name).catch(onlyIfRetryable);
  }

  /** The full look when a connection stands: what is on disk, and what systemd says of it. */
  async look(signal: AbortSignal): Promise<void> {
    const found = await this.#directory.list();
    const names = new Set(found.map(({ name }) => name));
    for (const name of [...this.#units.keys()]) if (!names.has(name)) await this.forget(name);
    await Promise.all(found.map(({ name }) => this.track(name, signal)));
    const rows = await listUnits(this.#bus, [...names], signal);
    await Promise.all(
      found.map(async ({ name }) => {
        const row = rows.get(name);
        if (row) await this.learnRow(name, row, signal);
      }),
    );
  }

  /** Takes a listed row for the unit's state, and asks for the rest where there is more to know. Then the unit is observed. */
  async learnRow(name: string, row: UnitRow, signal: AbortSignal): Promise<void> {
    const unit = this.#units.get(name);
    const disk = await this.#directory.find(name);
    if (!unit || !disk)
      throw new PlatformError("unit-file-missing", `The file of "${name}" was taken away meanwhile`);
    unit.disk = disk;
    // A unit that never ran since systemd has read its file has nothing else to say: one question instead of a dozen.
    const ran =
      row.active !== "inactive" ||
      (row.load === "loaded" &&
        (await this.#bus.property(name, unitInterface, "InactiveEnterTimestamp", signal)) !== 0n);
    if (ran || unit.told > 0 || row.load !== "loaded") await this.#ask(name, unit, signal);
    else unit.properties = this.#atRest(unit, row);
    this.#publish(name);
  }

  /**
   * systemd tells a unit's changes in two signals, that of its type first: the state is complete with the second. systemd forgets
   * a unit that is not running, and when it reads its file again for whatever reason, tells of it as if it had never run.
   */
  learn(path: string, properties: UnitProperties): void {
    const name = this.#namesByPath.get(path);
    const unit = name === undefined ? undefined : this.#units.get(name);
    if (name === undefined || !unit) return;
    unit.told += 1;
    unit.half = { ...unit.half, ...properties };
    if (!("ActiveState" in properties)) return;
    const forgotten = unit.properties.ActiveState === "inactive" && hasNeverRun(unit.half);
    unit.properties = { ...unit.properties, ...(forgotten ? {} : unit.half) };
    unit.half = {};
    if (this.#observed.has(name)) this.#publish(name);
  }

  /** Writes a generation down, if it is another one. */
  async record(name: string, generation: number): Promise<void> {
    const unit = this.#units.get(name);
    if (!unit || unit.disk.generation === generation) return;
    await this.#directory.writeGeneration(name, generation);
    unit.disk = { ...unit.disk, generation };
    this.#publish(name);
  }

  /** What is known of a unit that systemd has no memory of, because it is not running: how it last ended, if we have seen that. */
  #atRest(unit: Tracked, row: UnitRow): UnitProperties {
    const state = { LoadState: row.load, ActiveState: row.active, SubState: row.sub };
    const { ActiveState: before } = unit.properties;
    if (before === undefined || before === row.active) return { ...unit.properties, ...state };
    return { ...state, InactiveEnterTimestamp: BigInt(this.#clock.now().getTime()) * 1_000n };
  }

  /** Asks for all properties, again if the unit changed meanwhile. */
  async #ask(name: string, unit: Tracked, signal: AbortSignal): Promise<void> {
    const own = typeInterface(name);
    const wanted = [
      ...unitProperties.map((property) => [unitInterface, property] as const),
      ...(own === undefined
        ? []
        : typeProperties(unitType(name)).map((property) => [own, property] as const)),
    ];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const { told } = unit;
      const answers = await Promise.all(
        wanted.map(async ([iface, property]) => [
          property,
          await this.#bus.property(name, iface, property, signal),
        ]),
      );
      // A unit that never comes to rest: each of its signals completes what was read before.
      if (unit.told === told || attempt === 4) {
        unit.properties = { ...Object.fromEntries(answers), ...(unit.told === told ? {} : unit.properties) };
        return;
      }
    }
  }

  #publish(name: string): void {
    const unit = this.#units.get(name);
    if (!unit) return;
    const state = stateOf(unit.properties, unit.disk);
    const before = this.#observed.get(name);
    if (before && isDeepStrictEqual(before, state)) return;
    this.#observed.set(name, state);
    this.#ring(name);
  }

  #ring(name: string): void {
    for (const bell of [...this.#bells]) bell(name);
  }
}

function onlyIfRetryable(error: unknown): void {
  if (!isRetryable(error)) throw error;
}
