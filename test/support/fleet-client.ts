/**
 * What fleetctl 1.0 does over HTTP, command by command: the same requests, in the same order, with the same headers and the same
 * reading of the answers as its generated client (google-api-go-client 0.5). Only the unhurried parts are hurried: it looks every
 * 10 ms where fleetctl looked every 250 ms.
 */
import { once } from "node:events";
import { request } from "node:http";
import { eventually } from "./eventually.ts";

export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

export interface SchemaUnit {
  readonly name: string;
  readonly currentState: string;
  readonly desiredState: string;
  readonly machineID?: string;
  readonly options?: readonly UnitOption[];
}

export interface SchemaState {
  readonly name: string;
  readonly machineID: string;
  readonly hash: string;
  readonly systemdLoadState: string;
  readonly systemdActiveState: string;
  readonly systemdSubState: string;
}

export interface SchemaMachine {
  readonly id: string;
  readonly primaryIP: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An answer that googleapi.CheckResponse takes for an error. */
export class GoogleApiError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export class FleetClient {
  readonly #socketPath: string;
  /** Requests as `METHOD path`, for tests that count them. */
  readonly asked: string[] = [];

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** `fleetctl submit`: creates the unit and waits until it reads back inactive. */
  async submit(name: string, options: readonly UnitOption[]): Promise<void> {
    if (await this.unit(name)) return;
    await this.#create(name, options);
  }

  /** `fleetctl load`, `start`, `stop`, `unload`: sets the target and waits for the state. */
  async bring(name: string, state: "inactive" | "loaded" | "launched"): Promise<SchemaUnit> {
    await this.trigger(name, state);
    const unit = await this.#until(name, state);
    if (unit.machineID !== undefined) await this.machines();
    return unit;
  }

  /** The same with `--no-block`, and for global units always. */
  async trigger(name: string, state: "inactive" | "loaded" | "launched"): Promise<void> {
    await this.#ask("PUT", `units/${escaped(name)}`, JSON.stringify({ desiredState: state, name }));
  }

  /** `fleetctl start` of an instance: the text comes from the template in the registry. */
  async startInstance(name: string, template: string): Promise<SchemaState> {
    if (!(await this.unit(name))) {
      const known = await this.unit(template);
      if (!known?.options) throw new Error(`unable to find template Unit(${template}) in Registry`);
      await this.#create(name, known.options);
    }
    return await this.start(name);
  }

  /** `fleetctl start`: launched, then active as systemd says. */
  async start(name: string): Promise<SchemaState> {
    await this.bring(name, "launched");
    return await eventually(async () => {
      const state = (await this.#get(`state/${escaped(name)}`)) as SchemaState;
      if (state.systemdActiveState !== "active") throw new Error(`it is ${state.systemdActiveState}`);
      return state;
    });
  }

  /** `fleetctl start --replace`: fleetctl first makes the unit inactive, then creates it anew, then starts it. */
  async replace(name: string, options: readonly UnitOption[]): Promise<SchemaState> {
    await this.bring(name, "inactive");
    await this.#create(name, options);
    return await this.start(name);
  }

  /**
   * `fleetctl restart` of a unit that runs: it asks for `loaded`, waits for `launched` all the same, and asks for that. Here it looks for
   * the first time only once the unit has stopped, as fleetctl may.
   */
  async restart(name: string): Promise<SchemaState> {
    await this.trigger(name, "loaded");
    await eventually(async () => {
      const states = await this.states();
      if (states.some((state) => state.name === name && state.systemdActiveState === "active")) {
        throw new Error(`${name} is active`);
      }
    });
    await this.#until(name, "launched");
    return await this.start(name);
  }

  /** `fleetctl destroy`. */
  async destroy(name: string): Promise<void> {
    await this.#ask("DELETE", `units/${escaped(name)}`);
  }

  /** `fleetctl cat`, `status`, `journal`: undefined if the unit does not exist. */
  async unit(name: string): Promise<SchemaUnit | undefined> {
    try {
      return (await this.#get(`units/${escaped(name)}`)) as SchemaUnit;
    } catch (error) {
      if (error instanceof GoogleApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  /** `fleetctl list-unit-files`. */
  units(): Promise<readonly SchemaUnit[]> {
    return this.#all<SchemaUnit>("units", "units");
  }

  /** `fleetctl list-units`. */
  states(): Promise<readonly SchemaState[]> {
    return this.#all<SchemaState>("state", "states");
  }

  /** `fleetctl list-machines`. */
  machines(): Promise<readonly SchemaMachine[]> {
    return this.#all<SchemaMachine>("machines", "machines");
  }

  async #create(name: string, options: readonly UnitOption[]): Promise<void> {
    await this.#ask("PUT", `units/${escaped(name)}`, JSON.stringify({ name, options }));
    await this.#until(name, "inactive");
  }

  #until(name: string, state: string): Promise<SchemaUnit> {
    return eventually(async () => {
      const unit = await this.unit(name);
      if (!unit) throw new Error(`unit ${name} not found`);
      if (unit.currentState !== state) throw new Error(`${name} is ${unit.currentState}, not ${state}`);
      return unit;
    });
  }

  async #all<T>(path: string, field: string): Promise<readonly T[]> {
    const items: T[] = [];
    let token = "";
    do {
      const more = token === "" ? "" : `&nextPageToken=${encodeURIComponent(token)}`;
      const page = (await this.#get(path, more)) as Record<string, T[]> & { nextPageToken?: string };
      items.push(...(page[field] ?? []));
      token = page.nextPageToken ?? "";
    } while (token !== "");
    return items;
  }

  async #get(path: string, query = ""): Promise<unknown> {
    const { type, body } = await this.#ask("GET", path, undefined, query);
    if (type !== "application/json") throw new Error(`the answer is ${type}`);
    return JSON.parse(body);
  }

  async #ask(
    method: string,
    path: string,
    body?: string,
    query = "",
  ): Promise<{ type: string | undefined; body: string }> {
    this.asked.push(`${method} ${path}`);
    const outgoing = request({
      socketPath: this.#socketPath,
      method,
      path: `/fleet/v1/${path}?alt=json${query}`,
      agent: false,
      headers: {
        host: "domain-sock",
        "user-agent": "google-api-go-client/0.5",
        "accept-encoding": "gzip",
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
    });
    outgoing.end(body);
    const [incoming] = await once(outgoing, "response");
    let text = "";
    for await (const chunk of incoming.setEncoding("utf8")) text += chunk;
    const status: number = incoming.statusCode;
    if (status >= 200 && status <= 299) return { type: incoming.headers["content-type"], body: text };
    const message: string = JSON.parse(text).error.message;
    throw new GoogleApiError(status, message);
  }
}

/** As googleapi.Expand escapes a path's parameter. */
function escaped(name: string): string {
  return encodeURIComponent(name);
}
