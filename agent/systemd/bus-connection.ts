/**
 * One connection to a D-Bus daemon. It is used until it breaks and then thrown away; `bus.ts` makes the next.
 *
 * This is the only file that knows dbus-next, and none of its types leave it. The library never settles a call whose
 * connection breaks and has no timeouts: both are added here. Every call ends, by its reply, its deadline, its signal or
 * the connection's end.
 */
import dbus from "dbus-next";
import { PlatformError } from "../../cluster/errors.ts";
import { Slots } from "./slots.ts";

/** Where a method is and what it is given; `signature` and `body` in D-Bus's own terms, 64-bit numbers as `bigint`. */
export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

/** A signal as it came, variants replaced by what they hold. */
export interface BusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export interface BusConnectionOptions {
  /** As in `DBUS_SYSTEM_BUS_ADDRESS`: `unix:path=/run/dbus/system_bus_socket`. */
  readonly address: string;
  /** How long a call may take, in ms. */
  readonly callTimeoutMs: number;
  readonly onSignal: (signal: BusSignal) => void;
  /** Called once when the connection has ended for any reason but `close`. */
  readonly onLost: () => void;
}

/** A call that the other side answered with an error, which `name` tells: `org.freedesktop.systemd1.NoSuchUnit`. */
export class BusError extends PlatformError {
  readonly busName: string;

  constructor(call: BusCall, name: string, text: string) {
    // Who did not answer because it is being restarted will answer the next call.
    const retryable = /\.(NoReply|Timeout|TimedOut|Disconnected|ServiceUnknown|LimitsExceeded)$/.test(name);
    super("systemd-call-failed", `${call.member} was refused: ${text} (${name})`, { retryable });
    this.busName = name;
  }
}

/** dbus-daemon refuses more than 128 calls without a reply on one connection. */
const callsInFlight = 64;

interface Socket {
  once(event: "close", listener: () => void): void;
  destroy(): void;
}

export class BusConnection {
  readonly #options: BusConnectionOptions;
  readonly #bus: dbus.MessageBus;
  readonly #socket: Socket;
  readonly #slots = new Slots(callsInFlight);
  readonly #pending = new Set<(error: PlatformError) => void>();
  #over = false;
  #closing = false;
  #lastError: unknown;

  private constructor(options: BusConnectionOptions) {
    this.#options = options;
    this.#bus = dbus.sessionBus({ busAddress: withoutNativeSocket(options.address) });
    // The library has no event for the end of its connection; the version is pinned for this one private field.
    this.#socket = (this.#bus as unknown as { _connection: { stream: Socket } })._connection.stream;
    this.#socket.once("close", () => this.#end());
    // Errors of the socket and of the handshake; the "close" above follows each of the former.
    this.#bus.on("error", (error: unknown) => {
      this.#lastError = error;
      this.#socket.destroy();
    });
    this.#bus.on("message", (message: dbus.Message) => this.#receive(message));
  }

  /** Connects and says hello. Rejects with code `systemd-unreachable` (retryable), or with the signal's reason. */
  static async connect(options: BusConnectionOptions, signal: AbortSignal): Promise<BusConnection> {
    signal.throwIfAborted();
    let connection: BusConnection;
    try {
      connection = new BusConnection(options);
    } catch (cause) {
      throw unreachable(options.address, cause);
    }
    try {
      await connection.#settled<void>(options.callTimeoutMs, signal, "Hello", (resolve) => {
        connection.#bus.once("connect", () => resolve());
      });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Calls a method and resolves to the body of its reply. Rejects with `BusError` when it is answered by an error, with codes
   * `systemd-unreachable` or `systemd-timeout` (retryable), or with the signal's reason.
   */
  async call(call: BusCall, signal?: AbortSignal): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(signal?.reason);
      // The slot is held until the answer is here, though nobody may wait for it any more: the bus counts the call until then.
      void this.#slots.run(async () => {
        if (signal?.aborted) return giveUp();
        signal?.addEventListener("abort", giveUp, { once: true });
        try {
          resolve(await this.#answer(call));
        } catch (error) {
          reject(error);
        } finally {
          signal?.removeEventListener("abort", giveUp);
        }
      });
    });
  }

  async #answer(call: BusCall): Promise<readonly unknown[]> {
    if (this.#over) throw unreachable(this.#options.address, this.#lastError);
    const message = new dbus.Message({
      ...call,
      signature: call.signature ?? "",
      body: [...(call.body ?? [])],
    });
    return this.#settled(this.#options.callTimeoutMs, undefined, call.member, (resolve, reject) => {
      this.#bus.call(message).then(
        (reply) => resolve(reply ? reply.body.map(plain) : []),
        (error: unknown) => reject(asPlatformError(call, error, this.#options.address)),
      );
    });
  }

  /** Ends the connection; calls in flight are rejected. `onLost` is not called. */
  close(): void {
    this.#closing = true;
    this.#socket.destroy();
    this.#end();
  }

  #receive(message: dbus.Message): void {
    if (message.type !== dbus.MessageType.SIGNAL || this.#over) return;
    const { path, interface: name, member } = message;
    if (path && name && member) {
      this.#options.onSignal({ path, interface: name, member, body: message.body.map(plain) });
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const error = unreachable(this.#options.address, this.#lastError);
    for (const fail of [...this.#pending]) fail(error);
    if (!this.#closing) this.#options.onLost();
  }

  /** A promise that also ends by the deadline, the signal and the connection's end. */
  #settled<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    member: string,
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#pending.delete(fail);
      };
      const fail = (error: unknown): void => {
        finish();
        reject(error);
      };
      const onAbort = (): void => fail(signal?.reason);
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
function withoutNativeSocket(address: string): string {
  return address.replace(/^unix:path=/, "unix:socket=");
}

/** Replaces variants by what they hold, all the way down. */
function plain(value: unknown): unknown {
  if (value instanceof dbus.Variant) return plain(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

function asPlatformError(call: BusCall, error: unknown, address: string): PlatformError {
  if (error instanceof dbus.DBusError) return new BusError(call, error.type, error.text);
  return unreachable(address, error);
}

/** systemd cannot be spoken to now. Code `systemd-unreachable`, retryable. */
export function unreachable(address: string, cause?: unknown): PlatformError {
  return new PlatformError("systemd-unreachable", `Cannot reach systemd at "${address}"`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "See `systemctl status dbus.service` on that host",
    retryable: true,
  });
}

function timedOut(member: string, timeoutMs: number): PlatformError {
  return new PlatformError("systemd-timeout", `systemd did not answer ${member} within ${timeoutMs} ms`, {
    hint: "See `systemctl is-system-running` and `systemctl list-jobs` on that host",
    retryable: true,
  });
}
