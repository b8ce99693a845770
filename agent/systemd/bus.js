/**
 * systemd's manager over D-Bus, for as long as we live: the connection is made again when it breaks.
 *
 * What was subscribed to is subscribed to again before `connected` is true, and the owner takes a fresh look in between
 * (`onReady`), so nothing that happened during an outage is missed. Calls and jobs that an outage interrupts are rejected as
 * retryable: whether they were carried out can only be seen by looking.
 *
 * Signals are taken for the units that are watched, not for all: a host's mounts and scopes change all the time.
 */
import { setMaxListeners } from "node:events";
import { Backoff } from "../../loop/backoff.js";
import { systemClock } from "../../loop/clock.js";
import { BusConnection, unreachable } from "./bus-connection.js";
import { JobWaiters } from "./job-waiters.js";
import { unitPath, unitPathNamespace } from "./object-path.js";
export { BusError } from "./bus-connection.js";
const systemd = "org.freedesktop.systemd1";
const managerPath = "/org/freedesktop/systemd1";
const managerInterface = "org.freedesktop.systemd1.Manager";
const propertiesInterface = "org.freedesktop.DBus.Properties";
/** dbus-daemon allows 512 rules for a connection; beyond this many units one rule takes all of the host's. */
const unitRules = 384;
export class SystemdBus {
    #options;
    #address;
    #backoff;
    #clock;
    #jobs = new JobWaiters();
    #watched = new Set();
    #end = new AbortController();
    #connection;
    #rulesHere = new Set();
    #connected = false;
    #keeping;
    #lost;
    constructor(options) {
        this.#options = options;
        this.#address = options.address ?? "unix:path=/run/dbus/system_bus_socket";
        this.#backoff = new Backoff({ maxMs: 2_000, ...options.backoff });
        this.#clock = options.clock ?? systemClock;
    }
    get connected() {
        return this.#connected;
    }
    /** Connects and waits for the first `onReady`; from then on keeps the connection. Rejects if systemd cannot be reached now. */
    async open(signal) {
        await this.#connect(AbortSignal.any([signal, this.#end.signal]));
        this.#keeping = this.#keep();
    }
    /** Ends the connection and everything that waits on it. */
    async close() {
        this.#end.abort(unreachable(this.#address, new Error("The connection was closed by us")));
        this.#lost?.();
        this.#drop();
        await this.#keeping;
    }
    /** Calls a method of `org.freedesktop.systemd1.Manager`. Errors as `BusConnection.call`. */
    async manager(member, signature = "", body = [], signal) {
        const call = {
            destination: systemd,
            path: managerPath,
            interface: managerInterface,
            member,
            signature,
            body,
        };
        return this.#live().call(call, signal);
    }
    /** One property of a unit: `property("web.service", "org.freedesktop.systemd1.Unit", "ActiveState")`. */
    async property(unit, iface, name, signal) {
        const [value] = await this.#live().call({
            destination: systemd,
            path: unitPath(unit),
            interface: propertiesInterface,
            member: "Get",
            signature: "ss",
            body: [iface, name],
        }, signal);
        return value;
    }
    /**
     * Queues a job (`StartUnit`, `StopUnit`) that replaces conflicting ones. Resolves, once systemd has taken it, to a promise of its
     * result. When the signal aborts only the waiting ends. The unit's last change has been told before the result is.
     */
    async job(member, unit, signal) {
        return this.#jobs.expect(async () => {
            const [path] = await this.manager(member, "ss", [unit, "replace"], signal);
            return String(path);
        }, signal);
    }
    /** Has the unit's changes told from now on. Idempotent. */
    async watchUnit(unit, signal) {
        this.#watched.add(unitPath(unit));
        await this.#addRule(unitPath(unit), signal);
    }
    /** Ends what `watchUnit` began. */
    async unwatchUnit(unit) {
        const path = unitPath(unit);
        this.#watched.delete(path);
        if (!this.#rulesHere.delete(path))
            return;
        await this.#dbus("RemoveMatch", unitRule(`path='${path}'`));
    }
    #live() {
        if (!this.#connection)
            throw unreachable(this.#address);
        return this.#connection;
    }
    /** Makes the connection again whenever it is lost, until `close`. */
    async #keep() {
        const { signal } = this.#end;
        while (!signal.aborted) {
            if (this.#connection) {
                await new Promise((resolve) => {
                    this.#lost = resolve;
                });
                continue;
            }
            try {
                await this.#clock.sleep(this.#backoff.next(), signal);
                await this.#connect(signal);
            }
            catch {
                // Whoever calls meanwhile is told why; here there is nothing to do but to try again.
            }
        }
    }
    async #connect(signal) {
        // The look at all units makes hundreds of calls with it.
        setMaxListeners(0, signal);
        const connection = await BusConnection.connect({
            address: this.#address,
            callTimeoutMs: this.#options.callTimeoutMs ?? 30_000,
            onSignal: (received) => this.#receive(received),
            onLost: () => this.#drop(),
        }, signal);
        this.#connection = connection;
        this.#rulesHere = new Set();
        try {
            await this.#dbus("AddMatch", "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'", signal);
            await this.#dbus("AddMatch", "type='signal',sender='org.freedesktop.systemd1',member='JobRemoved'", signal);
            await this.manager("Subscribe", "", [], signal);
            await Promise.all([...this.#watched].map((path) => this.#addRule(path, signal)));
            await this.#options.onReady(signal);
        }
        catch (error) {
            this.#drop();
            throw error;
        }
        if (this.#connection !== connection)
            throw unreachable(this.#address);
        this.#backoff.reset();
        this.#tell(true);
    }
    /** Forgets the connection, if there is one, and fails what waits on it. */
    #drop() {
        const connection = this.#connection;
        this.#connection = undefined;
        connection?.close();
        this.#jobs.failAll(unreachable(this.#address));
        this.#tell(false);
        this.#lost?.();
    }
    #tell(connected) {
        if (this.#connected === connected)
            return;
        this.#connected = connected;
        this.#options.onConnected(connected);
    }
    async #addRule(path, signal) {
        const all = unitPathNamespace;
        if (this.#rulesHere.has(path) || this.#rulesHere.has(all))
            return;
        const wide = this.#rulesHere.size >= unitRules;
        const key = wide ? all : path;
        this.#rulesHere.add(key);
        await this.#dbus("AddMatch", unitRule(wide ? `path_namespace='${all}'` : `path='${path}'`), signal);
    }
    async #dbus(member, rule, signal) {
        await this.#live().call({
            destination: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member,
            signature: "s",
            body: [rule],
        }, signal);
    }
    #receive({ path, member, body }) {
        if (member === "PropertiesChanged") {
            if (this.#watched.has(path))
                this.#options.onUnitChanged(path, body[1]);
        }
        else if (member === "JobRemoved") {
            this.#jobs.ended(String(body[1]), String(body[3]));
        }
        else if (member === "NameOwnerChanged" && body[2] !== "") {
            // PID 1 was executed anew (`systemctl daemon-reexec`) and has forgotten that we subscribed: as good as a new connection.
            this.#drop();
        }
    }
}
function unitRule(where) {
    return `type='signal',sender='${systemd}',interface='${propertiesInterface}',member='PropertiesChanged',${where}`;
}
//# sourceMappingURL=bus.js.map