/**
 * Runs units as systemd's own, as fleet did: the file is linked from a directory of ours, and systemd owns the process,
 * its timeouts and its restarts.
 *
 * A job's result is not believed alone: `done` for a simple service means only that a process was forked, so its state is read too.
 */
import { setMaxListeners } from "node:events";
import { PlatformError } from "../../cluster/errors.ts";
import { parseUnitFile, unitHash } from "../../cluster/unit-file.ts";
import { isUnitName } from "../../cluster/unit-name.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import type { BackoffOptions } from "../../loop/backoff.ts";
import { type Clock, systemClock } from "../../loop/clock.ts";
import type { Reach } from "../reach.ts";
import type { RuntimeUnit, UnitRuntime } from "../runtime.ts";
import { BusError, SystemdBus } from "./bus.ts";
import { unreachable } from "./bus-connection.ts";
import { Installer, type OnReload } from "./installer.ts";
import { typeInterface, unitType } from "./object-path.ts";
import { UnitDirectory } from "./unit-directory.ts";
import { UnitMirror } from "./unit-mirror.ts";
import {
  conditionFailed,
  exitStatusOf,
  failedCommand,
  problemOf,
  type UnitProperties,
} from "./unit-state.ts";

export interface SystemdRuntimeOptions {
  /** Where systemd finds our unit files. Default `/run/deis/units`. */
  readonly directory?: string;
  /** Where the host's root directory is for this process. Default: it is ours. */
  readonly root?: string;
  /** D-Bus address of the host's system bus. Default: our own host's. */
  readonly address?: string;
  /**
   * How long a `Type=simple` service must have lived, in ms, until its start counts as done. Default 100: long enough to see a command
   * that does not exist or refuses its arguments. Other types say themselves when they are up and are not kept waiting.
   */
  readonly settleMs?: number;
  readonly callTimeoutMs?: number;
  readonly backoff?: BackoffOptions;
  readonly clock?: Clock;
  readonly onReload?: OnReload;
}

/** What a job may wait for besides its own unit's timeouts: ordering, a reload, a busy host. */
const jobMarginMs = 90_000;
/** How systemd says "no timeout": the largest 64-bit number. */
const infinity = 18_446_744_073_709_551_615n;

export class SystemdUnitRuntime implements UnitRuntime {
  readonly name = "systemd";
  readonly #bus: SystemdBus;
  readonly #directory: UnitDirectory;
  readonly #installer: Installer;
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #address: string;
  readonly #mirror: UnitMirror;
  /** Ends every wait on a unit's state when the connection is lost: what happens then is not seen. */
  #session = new AbortController();

  constructor(options: SystemdRuntimeOptions = {}) {
    this.#address = options.address ?? "unix:path=/run/dbus/system_bus_socket";
    this.#clock = options.clock ?? systemClock;
    this.#settleMs = options.settleMs ?? 100;
    this.#directory = new UnitDirectory(options.directory ?? "/run/deis/units", options.root);
    this.#bus = new SystemdBus({
      address: this.#address,
      clock: this.#clock,
      ...(options.callTimeoutMs === undefined ? {} : { callTimeoutMs: options.callTimeoutMs }),
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
      onUnitChanged: (path, properties) => this.#mirror.learn(path, properties),
      onReady: (signal) => this.#mirror.look(signal),
      onConnected: (connected) => this.#turn(connected),
    });
    this.#mirror = new UnitMirror(this.#bus, this.#directory, this.#clock);
    this.#installer = new Installer(this.#bus, this.#directory, options.onReload);
  }

  get connected(): boolean {
    return this.#bus.connected;
  }

  get observed(): ReadonlyMap<string, UnitState> {
    return this.#mirror.observed;
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#directory.prepare();
    await this.#bus.open(signal);
  }

  async close(): Promise<void> {
    await this.#bus.close();
  }

  onChange(bell: (unit: string) => void): () => void {
    return this.#mirror.onChange(bell);
  }

  async load(unit: RuntimeUnit, signal: AbortSignal): Promise<void> {
    this.#mustBeReady(signal);
    try {
      const enable = hasInstallSection(unit);
      if (!(await this.#isInstalled(unit))) {
        await this.#mirror.track(unit.name, signal);
        await this.#mirror.learnRow(unit.name, await this.#installer.install({ ...unit, enable }), signal);
      }
      await this.#mirror.record(unit.name, unit.generation);
    } catch (error) {
      if (!this.observed.has(unit.name)) await this.#mirror.forget(unit.name);
      if (signal.aborted) throw signal.reason;
      throw failure("unit-load-failed", `Cannot load "${unit.name}" into systemd`, error);
    }
    const state = this.observed.get(unit.name);
    if (state && state.load !== "loaded") {
      throw new PlatformError(
        "unit-load-failed",
        `Cannot load "${unit.name}": ${clause(state.problem ?? state.load)}`,
        {
          hint: "Mend the unit file; `systemd-analyze verify <file>` names the line",
        },
      );
    }
  }

  async start(unit: RuntimeUnit, signal: AbortSignal): Promise<void> {
    this.#mustBeReady(signal);
    const before = this.observed.get(unit.name);
    if (!before) {
      throw new PlatformError(
        "unit-start-failed",
        `Cannot start "${unit.name}": it is not loaded on this machine`,
      );
    }
    try {
      await this.#mirror.record(unit.name, unit.generation);
      if (before.active === "active" || before.active === "reloading") return;
      // What failed before must not count against this start: not its failure, nor how often it was tried.
      if (before.active === "failed") await this.#resetFailed(unit.name, signal);
      const result = await this.#job("StartUnit", unit.name, "TimeoutStartUSec", signal);
      if (result === "done") await this.#settle(unit.name, signal);
      const reason = await this.#whyNotUp(unit.name, result, signal);
      if (reason !== undefined) throw new PlatformError("systemd-job-failed", reason);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw startFailure(unit.name, error);
    }
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    this.#mustBeReady(signal);
    if (!this.#mirror.has(name)) return;
    try {
      const result = await this.#job("StopUnit", name, "TimeoutStopUSec", signal);
      if (!this.#isDown(name)) throw new PlatformError("systemd-job-failed", jobReason(result));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof BusError && error.busName === "org.freedesktop.systemd1.NoSuchUnit") return;
      throw failure("unit-stop-failed", `Cannot stop "${name}"`, error, journalHint(name));
    }
  }

  async unload(name: string, signal: AbortSignal): Promise<void> {
    this.#mustBeReady(signal);
    if (!this.#mirror.has(name)) return;
    await this.stop(name, signal);
    try {
      await this.#installer.remove(name);
    } catch (error) {
      throw failure("unit-unload-failed", `Cannot unload "${name}" from systemd`, error);
    }
    await this.#mirror.forget(name);
  }

  async acknowledge(name: string, generation: number, signal: AbortSignal): Promise<void> {
    this.#mustBeReady(signal);
    if (!this.#mirror.has(name)) {
      throw new PlatformError(
        "unit-not-loaded",
        `Cannot acknowledge a restart of "${name}": it is not loaded on this machine`,
      );
    }
    await this.#mirror.record(name, generation);
  }

  /** A process of systemd uses the host's own network. */
  async reach(name: string, signal: AbortSignal): Promise<Reach | undefined> {
    signal.throwIfAborted();
    const active = this.observed.get(name)?.active;
    return active === "active" || active === "activating" || active === "reloading"
      ? { kind: "host" }
      : undefined;
  }

  #turn(connected: boolean): void {
    if (connected) {
      this.#session = new AbortController();
      this.#mirror.ringAll();
    } else {
      this.#session.abort(unreachable(this.#address));
    }
  }

  #mustBeReady(signal: AbortSignal): void {
    signal.throwIfAborted();
    // One pass hands its signal to hundreds of units, each of which listens: that is no leak.
    setMaxListeners(0, signal);
    if (!this.#bus.connected) throw unreachable(this.#address);
  }

  /** True if this very file is here already and systemd has read it: then to load it again changes nothing. */
  async #isInstalled(unit: RuntimeUnit): Promise<boolean> {
    return (
      this.observed.get(unit.name)?.load === "loaded" && (await this.#directory.read(unit.name)) === unit.text
    );
  }

  /** Queues a job and waits for its result: as long as the unit's own timeouts may take, and no longer. */
  async #job(
    member: "StartUnit" | "StopUnit",
    name: string,
    timeoutProperty: string,
    signal: AbortSignal,
  ): Promise<string> {
    const over = new AbortController();
    const { result } = await this.#bus.job(member, name, AbortSignal.any([signal, over.signal]));
    const lapse = this.#lapse(name, timeoutProperty, over.signal);
    try {
      return await Promise.race([result, lapse]);
    } finally {
      over.abort();
    }
  }

  /** Rejects when the unit must long be done: systemd has not kept its own timeout. */
  async #lapse(name: string, timeoutProperty: string, over: AbortSignal): Promise<never> {
    const never = new Promise<never>(() => undefined);
    try {
      const own = typeInterface(name);
      const micros = own?.endsWith(".Service")
        ? await this.#bus.property(name, own, timeoutProperty, over)
        : 0n;
      if (typeof micros !== "bigint" || micros === infinity) return await never;
      // Commands before, the main process, commands after, and the kill at last have this timeout each.
      const ms = 4 * Number(micros / 1_000n) + jobMarginMs;
      await this.#clock.sleep(ms, over);
      throw new PlatformError(
        "systemd-timeout",
        `systemd has not finished the job within ${Math.round(ms / 1_000)} s`,
        {
          hint: "See `systemctl list-jobs` on that host",
        },
      );
    } catch (error) {
      if (over.aborted) return never;
      throw error;
    }
  }

  /** Gives a simple service the time to die at once: its job was done as soon as it had been forked. */
  async #settle(name: string, signal: AbortSignal): Promise<void> {
    if (unitType(name) !== "service") return;
    const type = await this.#bus.property(name, "org.freedesktop.systemd1.Service", "Type", signal);
    if ((type !== "simple" && type !== "idle") || this.observed.get(name)?.active !== "active") return;
    const moved = new AbortController();
    const end = this.onChange((unit) => {
      if (unit === name && this.observed.get(name)?.active !== "active") moved.abort();
    });
    const session = this.#session.signal;
    try {
      await this.#clock.sleep(this.#settleMs, AbortSignal.any([signal, session, moved.signal]));
    } catch (error) {
      if (!moved.signal.aborted) throw session.aborted ? session.reason : error;
    } finally {
      end();
    }
  }

  /** Why a unit whose start job had this result is not up; undefined if it is, or has ended well. */
  async #whyNotUp(name: string, result: string, signal: AbortSignal): Promise<string | undefined> {
    const properties = this.#mirror.properties(name);
    if (result === "done") {
      if (conditionFailed(properties)) return "A condition of its unit file does not hold on this machine";
      const active = this.observed.get(name)?.active;
      if (active === "active" || active === "reloading") return undefined;
    }
    const problem = (await this.#failedCommand(name, properties, signal)) ?? problemOf(properties);
    return result === "done" ? problem : (problem ?? jobReason(result));
  }

  /** When it was not the main process that failed, which of the unit's other commands did. */
  async #failedCommand(
    name: string,
    properties: UnitProperties,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (unitType(name) !== "service" || properties.Result !== "exit-code" || exitStatusOf(properties))
      return undefined;
    for (const command of ["ExecCondition", "ExecStartPre", "ExecStartPost"]) {
      const runs = await this.#bus.property(name, "org.freedesktop.systemd1.Service", command, signal);
      const reason = failedCommand(command, runs);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #isDown(name: string): boolean {
    const active = this.observed.get(name)?.active;
    return active === undefined || active === "inactive" || active === "failed";
  }

  async #resetFailed(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#bus.manager("ResetFailedUnit", "s", [name], signal);
    } catch (error) {
      // That it knows of no failure is what was wanted.
      if (!(error instanceof BusError)) throw error;
    }
  }
}

/** Checks what is to be loaded; true if it has an `[Install]` section. Throws what the unit's file or name has wrong. */
function hasInstallSection(unit: RuntimeUnit): boolean {
  if (!isUnitName(unit.name)) {
    throw new PlatformError("unit-name-invalid", `"${unit.name}" cannot be the name of a systemd unit`);
  }
  const file = parseUnitFile(unit.text);
  const hash = unitHash(file);
  if (hash !== unit.hash) {
    // It would be replaced for ever: what is observed is the hash of the file itself.
    throw new PlatformError(
      "unit-hash-mismatch",
      `The text of "${unit.name}" has hash ${hash}, not ${unit.hash}`,
      {
        hint: "Submit the unit again",
      },
    );
  }
  return file.has("Install");
}

const jobReasons: Readonly<Record<string, string>> = {
  canceled: "Another request took its place",
  timeout: "It did not finish within its timeout",
  failed: "systemd could not do it",
  dependency: "A unit that it requires did not start",
  skipped: "systemd had nothing to do for it in its present state",
  assert: "An assertion of its unit file does not hold on this machine",
  unsupported: "This machine does not support units of its type",
  invalid: "The unit cannot be asked for this",
};

function jobReason(result: string): string {
  return jobReasons[result] ?? `The job ended with result "${result}"`;
}

function startFailure(name: string, cause: unknown): PlatformError {
  const because =
    cause instanceof PlatformError && cause.code === "systemd-job-failed" ? cause.message : undefined;
  if (because === undefined)
    return failure("unit-start-failed", `Cannot start "${name}"`, cause, journalHint(name));
  return new PlatformError("unit-start-failed", `Cannot start "${name}": ${clause(because)}`, {
    hint: journalHint(name),
  });
}

function journalHint(name: string): string {
  return `See \`deisctl journal ${name}\``;
}

function failure(code: string, message: string, cause: unknown, hint?: string): PlatformError {
  return new PlatformError(code, message, { cause, ...(hint === undefined ? {} : { hint }) });
}

/** A sentence as the second half of another; a first word that is a name (`ExecStartPre=…`) stays as it is. */
function clause(sentence: string): string {
  return /^[A-Z][a-z]*( |$)/.test(sentence) ? `${sentence[0]?.toLowerCase()}${sentence.slice(1)}` : sentence;
}
