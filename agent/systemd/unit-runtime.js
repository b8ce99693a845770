/**
 * Runs units as systemd's own, as fleet did: the file is linked from a directory of ours, and systemd owns the process,
 * its timeouts and its restarts.
 *
 * What is observed is what systemd has told us by signals since the last full look, which is taken when the connection is made.
 * A job's result is not believed alone: `done` for a simple service means only that a process was forked, so its state is read too.
 */
import { setMaxListeners } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { isRetryable, PlatformError } from "../../cluster/errors.js";
import { parseUnitFile, unitHash } from "../../cluster/unit-file.js";
import { isUnitName } from "../../cluster/unit-name.js";
import { systemClock } from "../../loop/clock.js";
import { BusError, SystemdBus } from "./bus.js";
import { unreachable } from "./bus-connection.js";
import { Installer, listUnits } from "./installer.js";
import { typeInterface, unitPath, unitType } from "./object-path.js";
import { UnitDirectory } from "./unit-directory.js";
import { conditionFailed, exitStatusOf, failedCommand, hasNeverRun, problemOf, stateOf, typeProperties, unitProperties, } from "./unit-state.js";
const unitInterface = "org.freedesktop.systemd1.Unit";
/** What a job may wait for besides its own unit's timeouts: ordering, a reload, a busy host. */
const jobMarginMs = 90_000;
/** How systemd says "no timeout": the largest 64-bit number. */
const infinity = 18446744073709551615n;
export class SystemdUnitRuntime {
    name = "systemd";
    #bus;
    #directory;
    #installer;
    #clock;
    #settleMs;
    #address;
    #units = new Map();
    #namesByPath = new Map();
    #observed = new Map();
    #bells = new Set();
    /** Ends every wait on a unit's state when the connection is lost: what happens then is not seen. */
    #session = new AbortController();
    constructor(options = {}) {
        this.#address = options.address ?? "unix:path=/run/dbus/system_bus_socket";
        this.#clock = options.clock ?? systemClock;
        this.#settleMs = options.settleMs ?? 100;
        this.#directory = new UnitDirectory(options.directory ?? "/run/deis/units", options.root);
        this.#bus = new SystemdBus({
            address: this.#address,
            clock: this.#clock,
            ...(options.callTimeoutMs === undefined ? {} : { callTimeoutMs: options.callTimeoutMs }),
            ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
            onUnitChanged: (path, properties) => this.#learn(path, properties),
            onReady: (signal) => this.#look(signal),
            onConnected: (connected) => this.#turn(connected),
        });
        this.#installer = new Installer(this.#bus, this.#directory, options.onReload);
    }
    get connected() {
        return this.#bus.connected;
    }
    get observed() {
        return this.#observed;
    }
    async open(signal) {
        await this.#directory.prepare();
        await this.#bus.open(signal);
    }
    async close() {
        await this.#bus.close();
    }
    onChange(bell) {
        // A function of its own for each call: the same bell may be hung up twice.
        const own = (unit) => bell(unit);
        this.#bells.add(own);
        return () => this.#bells.delete(own);
    }
    async load(unit, signal) {
        this.#mustBeReady(signal);
        try {
            const enable = hasInstallSection(unit);
            if (!(await this.#isInstalled(unit))) {
                await this.#track(unit.name, signal);
                await this.#learnRow(unit.name, await this.#installer.install({ ...unit, enable }), signal);
            }
            await this.#record(unit.name, unit.generation);
        }
        catch (error) {
            if (!this.#observed.has(unit.name))
                await this.#forget(unit.name);
            if (signal.aborted)
                throw signal.reason;
            throw failure("unit-load-failed", `Cannot load "${unit.name}" into systemd`, error);
        }
        const state = this.#observed.get(unit.name);
        if (state && state.load !== "loaded") {
            throw new PlatformError("unit-load-failed", `Cannot load "${unit.name}": ${clause(state.problem ?? state.load)}`, {
                hint: "Mend the unit file; `systemd-analyze verify <file>` names the line",
            });
        }
    }
    async start(unit, signal) {
        this.#mustBeReady(signal);
        const before = this.#observed.get(unit.name);
        if (!before) {
            throw new PlatformError("unit-start-failed", `Cannot start "${unit.name}": it is not loaded on this machine`);
        }
        try {
            await this.#record(unit.name, unit.generation);
            if (before.active === "active" || before.active === "reloading")
                return;
            // What failed before must not count against this start: not its failure, nor how often it was tried.
            if (before.active === "failed")
                await this.#resetFailed(unit.name, signal);
            const result = await this.#job("StartUnit", unit.name, "TimeoutStartUSec", signal);
            if (result === "done")
                await this.#settle(unit.name, signal);
            const reason = await this.#whyNotUp(unit.name, result, signal);
            if (reason !== undefined)
                throw new PlatformError("systemd-job-failed", reason);
        }
        catch (error) {
            if (signal.aborted)
                throw signal.reason;
            throw startFailure(unit.name, error);
        }
    }
    async stop(name, signal) {
        this.#mustBeReady(signal);
        if (!this.#units.has(name))
            return;
        try {
            const result = await this.#job("StopUnit", name, "TimeoutStopUSec", signal);
            if (!this.#isDown(name))
                throw new PlatformError("systemd-job-failed", jobReason(result));
        }
        catch (error) {
            if (signal.aborted)
                throw signal.reason;
            if (error instanceof BusError && error.busName === "org.freedesktop.systemd1.NoSuchUnit")
                return;
            throw failure("unit-stop-failed", `Cannot stop "${name}"`, error, journalHint(name));
        }
    }
    async unload(name, signal) {
        this.#mustBeReady(signal);
        if (!this.#units.has(name))
            return;
        await this.stop(name, signal);
        try {
            await this.#installer.remove(name);
        }
        catch (error) {
            throw failure("unit-unload-failed", `Cannot unload "${name}" from systemd`, error);
        }
        await this.#forget(name);
    }
    async acknowledge(name, generation, signal) {
        this.#mustBeReady(signal);
        if (!this.#units.has(name)) {
            throw new PlatformError("unit-not-loaded", `Cannot acknowledge a restart of "${name}": it is not loaded on this machine`);
        }
        await this.#record(name, generation);
    }
    #mustBeReady(signal) {
        signal.throwIfAborted();
        // One pass hands its signal to hundreds of units, each of which listens: that is no leak.
        setMaxListeners(0, signal);
        if (!this.#bus.connected)
            throw unreachable(this.#address);
    }
    /** True if this very file is here already and systemd has read it: then to load it again changes nothing. */
    async #isInstalled(unit) {
        return (this.#observed.get(unit.name)?.load === "loaded" &&
            (await this.#directory.read(unit.name)) === unit.text);
    }
    /** Begins to take what systemd tells of a unit. It is not observed yet. */
    async #track(name, signal) {
        const known = this.#units.get(name);
        if (known) {
            known.told = 0;
        }
        else {
            const disk = { hash: "", generation: 0, writtenAt: this.#clock.now().getTime() };
            this.#units.set(name, { disk, properties: {}, half: {}, told: 0 });
            this.#namesByPath.set(unitPath(name), name);
        }
        await this.#bus.watchUnit(name, signal);
    }
    /** Ends it, and that the unit is observed. */
    async #forget(name) {
        this.#units.delete(name);
        this.#namesByPath.delete(unitPath(name));
        if (this.#observed.delete(name))
            this.#ring(name);
        // A rule that stays on a lost connection is gone with it.
        if (this.#bus.connected)
            await this.#bus.unwatchUnit(name).catch(onlyIfRetryable);
    }
    /** The full look when a connection stands: what is on disk, and what systemd says of it. */
    async #look(signal) {
        const found = await this.#directory.list();
        const names = new Set(found.map(({ name }) => name));
        for (const name of [...this.#units.keys()])
            if (!names.has(name))
                await this.#forget(name);
        await Promise.all(found.map(({ name }) => this.#track(name, signal)));
        const rows = await listUnits(this.#bus, [...names], signal);
        await Promise.all(found.map(async ({ name }) => {
            const row = rows.get(name);
            if (row)
                await this.#learnRow(name, row, signal);
        }));
    }
    /** Takes a listed row for the unit's state, and asks for the rest where there is more to know. Then the unit is observed. */
    async #learnRow(name, row, signal) {
        const unit = this.#units.get(name);
        const disk = await this.#directory.find(name);
        if (!unit || !disk)
            throw new PlatformError("unit-file-missing", `The file of "${name}" was taken away meanwhile`);
        unit.disk = disk;
        // A unit that never ran since systemd has read its file has nothing else to say: one question instead of a dozen.
        const ran = row.active !== "inactive" ||
            (row.load === "loaded" &&
                (await this.#bus.property(name, unitInterface, "InactiveEnterTimestamp", signal)) !== 0n);
        if (ran || unit.told > 0 || row.load !== "loaded")
            await this.#ask(name, unit, signal);
        else
            unit.properties = this.#atRest(unit, row);
        this.#publish(name);
    }
    /** What is known of a unit that systemd has no memory of, because it is not running: how it last ended, if we have seen that. */
    #atRest(unit, row) {
        const state = { LoadState: row.load, ActiveState: row.active, SubState: row.sub };
        const { ActiveState: before } = unit.properties;
        if (before === undefined || before === row.active)
            return { ...unit.properties, ...state };
        return { ...state, InactiveEnterTimestamp: BigInt(this.#clock.now().getTime()) * 1000n };
    }
    /** Asks for all properties, again if the unit changed meanwhile. */
    async #ask(name, unit, signal) {
        const own = typeInterface(name);
        const wanted = [
            ...unitProperties.map((property) => [unitInterface, property]),
            ...(own === undefined
                ? []
                : typeProperties(unitType(name)).map((property) => [own, property])),
        ];
        for (let attempt = 0; attempt < 5; attempt += 1) {
            const { told } = unit;
            const answers = await Promise.all(wanted.map(async ([iface, property]) => [
                property,
                await this.#bus.property(name, iface, property, signal),
            ]));
            // A unit that never comes to rest: each of its signals completes what was read before.
            if (unit.told === told || attempt === 4) {
                unit.properties = { ...Object.fromEntries(answers), ...(unit.told === told ? {} : unit.properties) };
                return;
            }
        }
    }
    /**
     * systemd tells a unit's changes in two signals, that of its type first: the state is complete with the second. systemd forgets
     * a unit that is not running, and when it reads its file again for whatever reason, tells of it as if it had never run.
     */
    #learn(path, properties) {
        const name = this.#namesByPath.get(path);
        const unit = name === undefined ? undefined : this.#units.get(name);
        if (name === undefined || !unit)
            return;
        unit.told += 1;
        unit.half = { ...unit.half, ...properties };
        if (!("ActiveState" in properties))
            return;
        const forgotten = unit.properties.ActiveState === "inactive" && hasNeverRun(unit.half);
        unit.properties = { ...unit.properties, ...(forgotten ? {} : unit.half) };
        unit.half = {};
        if (this.#observed.has(name))
            this.#publish(name);
    }
    /** Writes a generation down, if it is another one. */
    async #record(name, generation) {
        const unit = this.#units.get(name);
        if (!unit || unit.disk.generation === generation)
            return;
        await this.#directory.writeGeneration(name, generation);
        unit.disk = { ...unit.disk, generation };
        this.#publish(name);
    }
    #publish(name) {
        const unit = this.#units.get(name);
        if (!unit)
            return;
        const state = stateOf(unit.properties, unit.disk);
        const before = this.#observed.get(name);
        if (before && isDeepStrictEqual(before, state))
            return;
        this.#observed.set(name, state);
        this.#ring(name);
    }
    #ring(name) {
        for (const bell of [...this.#bells])
            bell(name);
    }
    #turn(connected) {
        if (connected) {
            this.#session = new AbortController();
            for (const name of [...this.#observed.keys()])
                this.#ring(name);
        }
        else {
            this.#session.abort(unreachable(this.#address));
        }
    }
    /** Queues a job and waits for its result: as long as the unit's own timeouts may take, and no longer. */
    async #job(member, name, timeoutProperty, signal) {
        const over = new AbortController();
        const { result } = await this.#bus.job(member, name, AbortSignal.any([signal, over.signal]));
        const lapse = this.#lapse(name, timeoutProperty, over.signal);
        try {
            return await Promise.race([result, lapse]);
        }
        finally {
            over.abort();
        }
    }
    /** Rejects when the unit must long be done: systemd has not kept its own timeout. */
    async #lapse(name, timeoutProperty, over) {
        const never = new Promise(() => undefined);
        try {
            const own = typeInterface(name);
            const micros = own?.endsWith(".Service")
                ? await this.#bus.property(name, own, timeoutProperty, over)
                : 0n;
            if (typeof micros !== "bigint" || micros === infinity)
                return await never;
            // Commands before, the main process, commands after, and the kill at last have this timeout each.
            const ms = 4 * Number(micros / 1000n) + jobMarginMs;
            await this.#clock.sleep(ms, over);
            throw new PlatformError("systemd-timeout", `systemd has not finished the job within ${Math.round(ms / 1_000)} s`, {
                hint: "See `systemctl list-jobs` on that host",
            });
        }
        catch (error) {
            if (over.aborted)
                return never;
            throw error;
        }
    }
    /** Gives a simple service the time to die at once: its job was done as soon as it had been forked. */
    async #settle(name, signal) {
        if (unitType(name) !== "service")
            return;
        const type = await this.#bus.property(name, "org.freedesktop.systemd1.Service", "Type", signal);
        if ((type !== "simple" && type !== "idle") || this.#observed.get(name)?.active !== "active")
            return;
        const moved = new AbortController();
        const end = this.onChange((unit) => {
            if (unit === name && this.#observed.get(name)?.active !== "active")
                moved.abort();
        });
        const session = this.#session.signal;
        try {
            await this.#clock.sleep(this.#settleMs, AbortSignal.any([signal, session, moved.signal]));
        }
        catch (error) {
            if (!moved.signal.aborted)
                throw session.aborted ? session.reason : error;
        }
        finally {
            end();
        }
    }
    /** Why a unit whose start job had this result is not up; undefined if it is, or has ended well. */
    async #whyNotUp(name, result, signal) {
        const { properties } = this.#units.get(name) ?? { properties: {} };
        if (result === "done") {
            if (conditionFailed(properties))
                return "A condition of its unit file does not hold on this machine";
            const active = this.#observed.get(name)?.active;
            if (active === "active" || active === "reloading")
                return undefined;
        }
        const problem = (await this.#failedCommand(name, properties, signal)) ?? problemOf(properties);
        return result === "done" ? problem : (problem ?? jobReason(result));
    }
    /** When it was not the main process that failed, which of the unit's other commands did. */
    async #failedCommand(name, properties, signal) {
        if (unitType(name) !== "service" || properties.Result !== "exit-code" || exitStatusOf(properties))
            return undefined;
        for (const command of ["ExecCondition", "ExecStartPre", "ExecStartPost"]) {
            const runs = await this.#bus.property(name, "org.freedesktop.systemd1.Service", command, signal);
            const reason = failedCommand(command, runs);
            if (reason !== undefined)
                return reason;
        }
        return undefined;
    }
    #isDown(name) {
        const active = this.#observed.get(name)?.active;
        return active === undefined || active === "inactive" || active === "failed";
    }
    async #resetFailed(name, signal) {
        try {
            await this.#bus.manager("ResetFailedUnit", "s", [name], signal);
        }
        catch (error) {
            // That it knows of no failure is what was wanted.
            if (!(error instanceof BusError))
                throw error;
        }
    }
}
/** Checks what is to be loaded; true if it has an `[Install]` section. Throws what the unit's file or name has wrong. */
function hasInstallSection(unit) {
    if (!isUnitName(unit.name)) {
        throw new PlatformError("unit-name-invalid", `"${unit.name}" cannot be the name of a systemd unit`);
    }
    const file = parseUnitFile(unit.text);
    const hash = unitHash(file);
    if (hash !== unit.hash) {
        // It would be replaced for ever: what is observed is the hash of the file itself.
        throw new PlatformError("unit-hash-mismatch", `The text of "${unit.name}" has hash ${hash}, not ${unit.hash}`, {
            hint: "Submit the unit again",
        });
    }
    return file.has("Install");
}
const jobReasons = {
    canceled: "Another request took its place",
    timeout: "It did not finish within its timeout",
    failed: "systemd could not do it",
    dependency: "A unit that it requires did not start",
    skipped: "systemd had nothing to do for it in its present state",
    assert: "An assertion of its unit file does not hold on this machine",
    unsupported: "This machine does not support units of its type",
    invalid: "The unit cannot be asked for this",
};
function jobReason(result) {
    return jobReasons[result] ?? `The job ended with result "${result}"`;
}
function startFailure(name, cause) {
    const because = cause instanceof PlatformError && cause.code === "systemd-job-failed" ? cause.message : undefined;
    if (because === undefined)
        return failure("unit-start-failed", `Cannot start "${name}"`, cause, journalHint(name));
    return new PlatformError("unit-start-failed", `Cannot start "${name}": ${clause(because)}`, {
        hint: journalHint(name),
    });
}
function journalHint(name) {
    return `See \`deisctl journal ${name}\``;
}
function failure(code, message, cause, hint) {
    return new PlatformError(code, message, { cause, ...(hint === undefined ? {} : { hint }) });
}
/** A sentence as the second half of another; a first word that is a name (`ExecStartPre=…`) stays as it is. */
function clause(sentence) {
    return /^[A-Z][a-z]*( |$)/.test(sentence) ? `${sentence[0]?.toLowerCase()}${sentence.slice(1)}` : sentence;
}
function onlyIfRetryable(error) {
    if (!isRetryable(error))
        throw error;
}
//# sourceMappingURL=unit-runtime.js.map