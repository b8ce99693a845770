/**
 * One connection to a D-Bus daemon. It is used until it breaks and then thrown away; `bus.ts` makes the next.
 *
 * This is the only file that knows dbus-next, and none of its types leave it. The library never settles a call whose
 * connection breaks and has no timeouts: both are added here. Every call ends, by its reply, its deadline, its signal or
 * the connection's end.
 */
import dbus from "dbus-next";
import { PlatformError } from "../../cluster/errors.js";
import { Slots } from "./slots.js";
/** A call that the other side answered with an error, which `name` tells: `org.freedesktop.systemd1.NoSuchUnit`. */
export class BusError extends PlatformError {
    busName;
    constructor(call, name, text) {
        // Who did not answer because it is being restarted will answer the next call.
        const retryable = /\.(NoReply|Timeout|TimedOut|Disconnected|ServiceUnknown|LimitsExceeded)$/.test(name);
        super("systemd-call-failed", `${call.member} was refused: ${text} (${name})`, { retryable });
        this.busName = name;
    }
}
/** dbus-daemon refuses more than 128 calls without a reply on one connection. */
const callsInFlight = 64;
export class BusConnection {
    #options;
    #bus;
    #socket;
    #slots = new Slots(callsInFlight);
    #pending = new Set();
    #over = false;
    #closing = false;
    #lastError;
    constructor(options) {
        this.#options = options;
        this.#bus = dbus.sessionBus({ busAddress: withoutNativeSocket(options.address) });
        // The library has no event for the end of its connection; the version is pinned for this one private field.
        this.#socket = this.#bus._connection.stream;
        this.#socket.once("close", () => this.#end());
        // Errors of the socket and of the handshake; the "close" above follows each of the former.
        this.#bus.on("error", (error) => {
            this.#lastError = error;
            this.#socket.destroy();
        });
        this.#bus.on("message", (message) => this.#receive(message));
    }
    /** Connects and says hello. Rejects with code `systemd-unreachable` (retryable), or with the signal's reason. */
    static async connect(options, signal) {
        signal.throwIfAborted();
        let connection;
        try {
            connection = new BusConnection(options);
        }
        catch (cause) {
            throw unreachable(options.address, cause);
        }
        try {
            await connection.#settled(options.callTimeoutMs, signal, "Hello", (resolve) => {
                connection.#bus.once("connect", () => resolve());
            });
            return connection;
        }
        catch (error) {
            connection.close();
            throw error;
        }
    }
    /**
     * Calls a method and resolves to the body of its reply. Rejects with `BusError` when it is answered by an error, with codes
     * `systemd-unreachable` or `systemd-timeout` (retryable), or with the signal's reason.
     */
    async call(call, signal) {
        return this.#slots.run(async () => {
            signal?.throwIfAborted();
            if (this.#over)
                throw unreachable(this.#options.address, this.#lastError);
            return this.#settled(this.#options.callTimeoutMs, signal, call.member, (resolve, reject) => {
                this.#bus
                    .call(new dbus.Message({ ...call, signature: call.signature ?? "", body: [...(call.body ?? [])] }))
                    .then((reply) => resolve(reply ? reply.body.map(plain) : []), (error) => reject(asPlatformError(call, error, this.#options.address)));
            });
        });
    }
    /** Ends the connection; calls in flight are rejected. `onLost` is not called. */
    close() {
        this.#closing = true;
        this.#socket.destroy();
        this.#end();
    }
    #receive(message) {
        if (message.type !== dbus.MessageType.SIGNAL || this.#over)
            return;
        const { path, interface: name, member } = message;
        if (path && name && member) {
            this.#options.onSignal({ path, interface: name, member, body: message.body.map(plain) });
        }
    }
    #end() {
        if (this.#over)
            return;
        this.#over = true;
        const error = unreachable(this.#options.address, this.#lastError);
        for (const fail of [...this.#pending])
            fail(error);
        if (!this.#closing)
            this.#options.onLost();
    }
    /** A promise that also ends by the deadline, the signal and the connection's end. */
    #settled(timeoutMs, signal, member, begin) {
        return new Promise((resolve, reject) => {
            const finish = () => {
                clearTimeout(timer);
                signal?.removeEventListener("abort", onAbort);
                this.#pending.delete(fail);
            };
            const fail = (error) => {
                finish();
                reject(error);
            };
            const onAbort = () => fail(signal?.reason);
            const timer = setTimeout(() => fail(timedOut(member, timeoutMs)), timeoutMs);
            signal?.addEventListener("abort", onAbort, { once: true });
            this.#pending.add(fail);
            begin((value) => {
                finish();
                resolve(value);
            }, fail);
        });
    }
}
/** For `unix:path=` the library would load a native module if that is there; for `unix:socket=` it never does. */
function withoutNativeSocket(address) {
    return address.replace(/^unix:path=/, "unix:socket=");
}
/** Replaces variants by what they hold, all the way down. */
function plain(value) {
    if (value instanceof dbus.Variant)
        return plain(value.value);
    if (Array.isArray(value))
        return value.map(plain);
    if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
    }
    return value;
}
function asPlatformError(call, error, address) {
    if (error instanceof dbus.DBusError)
        return new BusError(call, error.type, error.text);
    return unreachable(address, error);
}
/** systemd cannot be spoken to now. Code `systemd-unreachable`, retryable. */
export function unreachable(address, cause) {
    return new PlatformError("systemd-unreachable", `Cannot reach systemd at "${address}"`, {
        ...(cause === undefined ? {} : { cause }),
        hint: "See `systemctl status dbus.service` on that host",
        retryable: true,
    });
}
function timedOut(member, timeoutMs) {
    return new PlatformError("systemd-timeout", `systemd did not answer ${member} within ${timeoutMs} ms`, {
        hint: "See `systemctl is-system-running` and `systemctl list-jobs` on that host",
        retryable: true,
    });
}
//# sourceMappingURL=bus-connection.js.map