/**
 * What systemd's properties of a unit mean to us. Pure: properties in, a `UnitState` or a sentence out.
 *
 * Names and meanings are those of org.freedesktop.systemd1(5). Times are microseconds since 1970 as `bigint`, 0 for never.
 */
import { constants } from "node:os";
/** The properties of interface `…systemd1.Unit` that are read here. */
export const unitProperties = [
    "LoadState",
    "ActiveState",
    "SubState",
    "LoadError",
    "ConditionResult",
    "ConditionTimestamp",
    "ActiveEnterTimestamp",
    "ActiveExitTimestamp",
    "InactiveEnterTimestamp",
    "InactiveExitTimestamp",
];
/** The properties of a type's own interface that are read here; only services have those of the main process. */
export function typeProperties(type) {
    if (type === "service")
        return ["Result", "ExecMainCode", "ExecMainStatus", "ExecMainExitTimestamp"];
    return ["automount", "mount", "path", "socket", "swap", "timer"].includes(type) ? ["Result"] : [];
}
/** The state as the cluster knows it. */
export function stateOf(properties, disk) {
    const active = text(properties, "ActiveState") || "inactive";
    const exitStatus = exitStatusOf(properties);
    const problem = problemOf(properties);
    return {
        load: text(properties, "LoadState") || "not-found",
        active,
        sub: text(properties, "SubState") || "dead",
        hash: disk.hash,
        generation: disk.generation,
        since: since(active, properties, disk.writtenAt),
        ...(exitStatus === undefined ? {} : { exitStatus }),
        ...(problem === undefined ? {} : { problem }),
    };
}
/** How the main process ended: its status, or as shells and Docker have it 128 + the signal. Undefined while it runs or never ran. */
export function exitStatusOf(properties) {
    if (micros(properties, "ExecMainExitTimestamp") === 0n)
        return undefined;
    const status = Number(properties.ExecMainStatus ?? 0);
    return killedBySignal(properties) ? 128 + status : status;
}
/** What is wrong with the unit, in one sentence without a full stop; undefined if nothing is. */
export function problemOf(properties) {
    const load = text(properties, "LoadState");
    if (load !== "" && load !== "loaded")
        return loadProblem(load, properties.LoadError);
    const result = text(properties, "Result");
    if (result !== "" && result !== "success")
        return resultProblem(result, properties);
    if (text(properties, "ActiveState") === "failed")
        return "The unit has failed";
    return undefined;
}
/** True for a unit that systemd did not start because a `Condition…=` of its file does not hold here. */
export function conditionFailed(properties) {
    return (properties.ConditionResult === false &&
        text(properties, "ActiveState") === "inactive" &&
        micros(properties, "ConditionTimestamp") !== 0n);
}
/** True for what systemd says of a unit that it has only read and not tried to start: it has no memory of units that do not run. */
export function hasNeverRun(properties) {
    return (text(properties, "ActiveState") === "inactive" &&
        micros(properties, "ConditionTimestamp") === 0n &&
        micros(properties, "InactiveExitTimestamp") === 0n &&
        micros(properties, "InactiveEnterTimestamp") === 0n);
}
/**
 * Which command of a service failed, from one of its `Exec…` properties: an array of path, arguments, whether failure is ignored,
 * four times, pid, code and status. Undefined if none did.
 */
export function failedCommand(property, runs) {
    if (!Array.isArray(runs))
        return undefined;
    for (const run of runs) {
        if (!Array.isArray(run))
            continue;
        const [path, , ignored] = run;
        const [code, status] = [Number(run[8]), Number(run[9])];
        if (ignored === true || status === 0)
            continue;
        if (code === 1)
            return `${property}=${path} exited with status ${status}${ownStatus(status)}`;
        if (code === 2 || code === 3)
            return `${property}=${path} was killed by ${signalName(status)}`;
    }
    return undefined;
}
function loadProblem(load, error) {
    const detail = Array.isArray(error) && typeof error[1] === "string" && error[1] !== "" ? `: ${error[1]}` : "";
    switch (load) {
        case "bad-setting":
            return `systemd refuses a setting of the unit file${detail}`;
        case "not-found":
            return "systemd does not find the unit file";
        case "masked":
            return "The unit is masked on this machine";
        default:
            return `systemd cannot load the unit file (${load})${detail}`;
    }
}
function resultProblem(result, properties) {
    const status = Number(properties.ExecMainStatus ?? 0);
    const mainEnded = exitStatusOf(properties) !== undefined;
    switch (result) {
        case "exit-code":
            if (!mainEnded || status === 0)
                return "A command of the unit exited with an error";
            return `The main process exited with status ${status}${ownStatus(status)}`;
        case "signal":
        case "core-dump":
            if (!mainEnded || !killedBySignal(properties))
                return "A process of the unit was killed by a signal";
            return `The main process was killed by ${signalName(status)}${result === "core-dump" ? " and dumped core" : ""}`;
        case "timeout":
            return "The unit did not start or stop within its timeout";
        case "watchdog":
            return "The main process no longer answered its watchdog";
        case "start-limit-hit":
            return "The unit was started too often in a short time";
        case "oom-kill":
            return "A process of the unit was killed because memory ran out";
        case "protocol":
            return "The main process did not say that it was ready as its Type= asks";
        case "resources":
            return "systemd could not give the unit what it needs";
        default:
            return `The unit ended with result "${result}"`;
    }
}
/** Statuses that systemd itself exits with before a command runs, systemd.exec(5) "Process Exit Codes". */
const ownStatuses = {
    200: "its working directory cannot be entered",
    203: "the command cannot be executed",
    209: "its standard output cannot be set up",
    216: "its group does not exist",
    217: "its user does not exist",
    226: "its mount namespace cannot be set up",
};
function ownStatus(status) {
    const meaning = ownStatuses[status];
    return meaning === undefined ? "" : `: ${meaning}`;
}
function signalName(number) {
    const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
    return name ?? `signal ${number}`;
}
/** `ExecMainCode` is the kernel's si_code: 1 exited, 2 killed, 3 killed with a core dump. */
function killedBySignal(properties) {
    const code = Number(properties.ExecMainCode ?? 0);
    return code === 2 || code === 3;
}
function since(active, properties, fallbackMs) {
    const time = latest(properties, enteredBy[active] ?? []);
    return new Date(time === 0n ? fallbackMs : Number(time / 1000n)).toISOString();
}
/** What sets a unit's active state also sets one of these. An `activating` unit comes from below, or from above when it restarts. */
const enteredBy = {
    active: ["ActiveEnterTimestamp"],
    reloading: ["ActiveEnterTimestamp"],
    activating: ["InactiveExitTimestamp", "ActiveExitTimestamp"],
    deactivating: ["ActiveExitTimestamp", "InactiveExitTimestamp"],
    inactive: ["InactiveEnterTimestamp"],
    failed: ["InactiveEnterTimestamp"],
};
function latest(properties, names) {
    let last = 0n;
    for (const name of names) {
        const time = micros(properties, name);
        if (time > last)
            last = time;
    }
    return last;
}
function micros(properties, name) {
    const value = properties[name];
    return typeof value === "bigint" ? value : 0n;
}
function text(properties, name) {
    const value = properties[name];
    return typeof value === "string" ? value : "";
}
//# sourceMappingURL=unit-state.js.map