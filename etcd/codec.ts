/**
 * Between records and the bytes in the store. A reader takes nothing on trust: each field is checked, and what is wrong becomes
 * `record-unreadable` with the key in it. Fields that are not known are ignored, so that hosts of two versions can share a cluster.
 */
import type { Cordon } from "../cluster/cordon.ts";
import { PlatformError } from "../cluster/errors.ts";
import { type Machine, type RuntimeName, runtimeNames } from "../cluster/machine.ts";
import type { Placement, Unplaced } from "../cluster/placement.ts";
import type { StoredEndpoint } from "../cluster/ports.ts";
import type { RouterRecord } from "../cluster/router-record.ts";
import { type Held, type TargetState, targetStates, type UnitRecord } from "../cluster/unit.ts";
import type { PublishedState, UnitState } from "../cluster/unit-state.ts";
import type { WantedMove } from "../cluster/wanted-move.ts";

/** Turns a value into its record; `lease` is the one its key hangs on, "0" for none. Throws `record-unreadable`. */
export type Decode<V> = (value: Buffer, key: string, lease?: string) => V;

export const decodeText: Decode<string> = (value) => value.toString("utf8");

export const decodeUnit: Decode<UnitRecord> = (value, key) => {
  const fields = new Fields(value, key);
  const held = fields.has("held") ? fields.innerList("held").map(decodeHeld) : [];
  return {
    hash: fields.text("hash"),
    target: fields.choice("target", targetStates),
    generation: fields.count("generation"),
    ...(held.length === 0 ? {} : { held }),
  };
};

const decodeHeld = (fields: Fields): Held => ({
  hash: fields.text("hash"),
  generation: fields.count("generation"),
  machines: fields.textList("machines"),
});

export const decodeMachine: Decode<Machine> = (value, key) => {
  const fields = new Fields(value, key);
  const capacity = fields.inner("capacity");
  const api = fields.optionalText("api");
  return {
    id: fields.choice("id", [key.slice(key.lastIndexOf("/") + 1)]),
    address: fields.text("address"),
    metadata: fields.textMap("metadata"),
    capacity: { memoryBytes: capacity.count("memoryBytes"), cpuMillis: capacity.count("cpuMillis") },
    runtimes: fields.textList("runtimes").filter(isRuntime),
    version: fields.text("version"),
    ...(api === undefined ? {} : { api }),
  };
};

/** Machine and unit are in the key, `…/<machine>/<unit>`, and nowhere else. */
export const decodePlacement: Decode<Placement> = (value, key) => {
  const fields = new Fields(value, key);
  const [machine, unit] = key.split("/").slice(-2);
  if (!machine || !unit) throw unreadable(key, 'its key does not end in "<machine>/<unit>"');
  const move = fields.optionalChoice("move", ["arriving", "leaving"]);
  const run = fields.optionalText("run");
  return {
    machine,
    unit,
    hash: fields.text("hash"),
    target: fields.choice("target", placedStates),
    generation: fields.count("generation"),
    ...(run === undefined ? {} : { run }),
    reason: fields.text("reason"),
    ...(move === undefined ? {} : { move }),
  };
};

export const decodeState: Decode<UnitState> = (value, key) => {
  const fields = new Fields(value, key);
  const exitStatus = fields.optionalInteger("exitStatus");
  const containerId = fields.optionalText("containerId");
  const problem = fields.optionalText("problem");
  const published = fields.optionalInner("published");
  return {
    load: fields.text("load"),
    active: fields.text("active"),
    sub: fields.text("sub"),
    hash: fields.text("hash"),
    generation: fields.count("generation"),
    since: fields.text("since"),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(problem === undefined ? {} : { problem }),
    ...(published === undefined ? {} : { published: decodePublished(published) }),
  };
};

function decodePublished(fields: Fields): PublishedState {
  const endpoint = fields.optionalText("endpoint");
  const problem = fields.optionalText("problem");
  return {
    service: fields.text("service"),
    ...(endpoint === undefined ? {} : { endpoint }),
    routed: fields.flag("routed"),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Any text is an endpoint here: who publishes checks its own, and a wrong one written by hand is only ever replaced. */
export const decodeEndpoint: Decode<StoredEndpoint> = (value, _key, lease = "0") => ({
  address: value.toString("utf8"),
  lease,
});

export const decodeUnplaced: Decode<Unplaced> = (value, key) => {
  const fields = new Fields(value, key);
  return { hash: fields.text("hash"), reason: fields.text("reason") };
};

/** Revisions are text in JSON: they may be more than a double holds. */
export const decodeRouter: Decode<RouterRecord> = (value, key) => {
  const fields = new Fields(value, key);
  return {
    address: fields.text("address"),
    revision: fields.revision("revision"),
    drained: fields.revision("drained"),
  };
};

export const decodeApp: Decode<Readonly<Record<string, unknown>>> = (value, key) => parseObject(value, key);

export const decodeCordon: Decode<Cordon> = (value, key) => {
  const fields = new Fields(value, key);
  const reason = fields.optionalText("reason");
  return {
    drain: fields.flag("drain"),
    ...(reason === undefined ? {} : { reason }),
    since: fields.text("since"),
  };
};

export const decodeWantedMove: Decode<WantedMove> = (value, key) => {
  const fields = new Fields(value, key);
  const to = fields.optionalText("to");
  return { from: fields.text("from"), ...(to === undefined ? {} : { to }), reason: fields.text("reason") };
};

export const encodeText = (text: string): Buffer => Buffer.from(text, "utf8");

export const encodeUnit = ({ hash, target, generation, held }: UnitRecord): Buffer =>
  encode({ hash, target, generation, held });

export const encodeMachine = (machine: Machine): Buffer => {
  const { id, address, metadata, capacity, runtimes, version, api } = machine;
  return encode({ id, address, metadata, capacity, runtimes, version, api });
};

export const encodePlacement = ({ hash, target, generation, run, reason, move }: Placement): Buffer =>
  encode({ hash, target, generation, run, reason, move });

export const encodeState = (state: UnitState): Buffer => {
  const { load, active, sub, hash, generation, since, exitStatus, containerId, problem, published } = state;
  return encode({
    load,
    active,
    sub,
    hash,
    generation,
    since,
    exitStatus,
    containerId,
    problem,
    published: published && {
      service: published.service,
      endpoint: published.endpoint,
      routed: published.routed,
      problem: published.problem,
    },
  });
};

export const encodeRouter = ({ address, revision, drained }: RouterRecord): Buffer =>
  encode({ address, revision: `${revision}`, drained: `${drained}` });

export const encodeUnplaced = ({ hash, reason }: Unplaced): Buffer => encode({ hash, reason });

export const encodeApp = (): Buffer => encode({});

export const encodeCordon = ({ drain, reason, since }: Cordon): Buffer => encode({ drain, reason, since });

export const encodeWantedMove = ({ from, to, reason }: WantedMove): Buffer => encode({ from, to, reason });

const placedStates = ["loaded", "launched"] as const satisfies readonly TargetState[];

/** A runtime that this version does not know is none that it could use. */
function isRuntime(name: string): name is RuntimeName {
  return runtimeNames.some((known) => known === name);
}

/** One object, fields in the order given, those that are undefined left out. */
export function encode(record: object): Buffer {
  return Buffer.from(JSON.stringify(record), "utf8");
}

/** What a decoder throws. */
export function unreadable(key: string, why: string, cause?: unknown): PlatformError {
  return new PlatformError("record-unreadable", `Cannot read the record at "${key}": ${why}`, {
    cause,
    hint: `Look at it with \`etcdctl get ${key}\`, then mend or delete it`,
  });
}

/** Checked access to the fields of a JSON object. */
export class Fields {
  readonly #key: string;
  readonly #path: string;
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(value: Buffer | Readonly<Record<string, unknown>>, key: string, path = "") {
    this.#key = key;
    this.#path = path;
    this.#object = Buffer.isBuffer(value) ? parseObject(value, key) : value;
  }

  text(name: string): string {
    const value = this.#get(name);
    return typeof value === "string" ? value : this.#refuse(name, value, "a string");
  }

  optionalText(name: string): string | undefined {
    return this.#absent(name) ? undefined : this.text(name);
  }

  /** A whole number from 0 that is exact. */
  count(name: string): number {
    const value = this.#get(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    return this.#refuse(name, value, "a whole number from 0");
  }

  /** A revision of the store, as decimal text. */
  revision(name: string): bigint {
    const value = this.#get(name);
    if (typeof value === "string" && /^(?:0|[1-9][0-9]{0,18})$/.test(value)) return BigInt(value);
    return this.#refuse(name, value, "a revision in digits");
  }

  optionalInteger(name: string): number | undefined {
    if (this.#absent(name)) return undefined;
    const value = this.#get(name);
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    return this.#refuse(name, value, "a whole number");
  }

  flag(name: string): boolean {
    const value = this.#get(name);
    return typeof value === "boolean" ? value : this.#refuse(name, value, "true or false");
  }

  choice<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#get(name);
    return (
      allowed.find((item) => item === value) ?? this.#refuse(name, value, `one of ${allowed.join(", ")}`)
    );
  }

  optionalChoice<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    return this.#absent(name) ? undefined : this.choice(name, allowed);
  }

  textList(name: string): readonly string[] {
    const value = this.#get(name);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.#refuse(name, value, "a list of strings");
  }

  textMap(name: string): Readonly<Record<string, string>> {
    const value = this.#get(name);
    if (isObject(value) && isTextMap(value)) return value;
    return this.#refuse(name, value, "an object of strings");
  }

  /** A list of objects. */
  innerList(name: string): readonly Fields[] {
    const value = this.#get(name);
    if (!Array.isArray(value) || !value.every(isObject))
      return this.#refuse(name, value, "a list of objects");
    return value.map((item, at) => new Fields(item, this.#key, `${this.#path}${name}[${at}].`));
  }

  has(name: string): boolean {
    return !this.#absent(name);
  }

  inner(name: string): Fields {
    const value = this.#get(name);
    return isObject(value)
      ? new Fields(value, this.#key, `${this.#path}${name}.`)
      : this.#refuse(name, value, "an object");
  }

  optionalInner(name: string): Fields | undefined {
    return this.#absent(name) ? undefined : this.inner(name);
  }

  #absent(name: string): boolean {
    const value = this.#get(name);
    return value === undefined || value === null;
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  #refuse(name: string, value: unknown, wanted: string): never {
    const shown = value === undefined ? "missing" : `${JSON.stringify(value)}`;
    throw unreadable(this.#key, `"${this.#path}${name}" is ${shown}, not ${wanted}`);
  }
}

function parseObject(value: Buffer, key: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value.toString("utf8"));
  } catch (error) {
    throw unreadable(key, "it is not JSON", error);
  }
  if (!isObject(parsed)) throw unreadable(key, "it is not a JSON object");
  return parsed;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextMap(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, string>> {
  return Object.values(value).every((item) => typeof item === "string");
}
