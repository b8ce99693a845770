/**
 * What fleet kept in etcd's version 2 keyspace, read from the JSON of a recursive GET: `job/<unit>/object` with the hash of the unit's
 * text as an array of bytes, `unit/<sha1>` with the text, `job/<unit>/target-state`, and metadata given to machines at run time.
 *
 * Pure. A record that cannot be read hides only its own unit, with the reason. Facts: fleet's registry package.
 */
import { PlatformError } from "../cluster/errors.ts";

export interface FleetUnit {
  readonly name: string;
  /** 40 hex digits. */
  readonly hash: string;
  /** fleet's canonical text: comments were lost when it was submitted. */
  readonly text: string;
  /** As stored; empty if nothing was. */
  readonly target: string;
}

export interface FleetKeyspace {
  /** Sorted by name. */
  readonly units: readonly FleetUnit[];
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
  readonly metadata: readonly { readonly machine: string; readonly key: string; readonly value: string }[];
}

/** Throws `fleet-dump-invalid` if this is no answer of etcd's version 2 API, or fleet's prefix is not in it. */
export function readFleetKeyspace(json: string, prefix: string): FleetKeyspace {
  const root = `/${prefix.split("/").filter(Boolean).join("/")}`;
  const values = valuesOf(json);
  const own = new Map<string, string>();
  for (const [key, value] of values)
    if (key.startsWith(`${root}/`)) own.set(key.slice(root.length + 1), value);
  if (own.size === 0) {
    const seen = [...values.keys()][0];
    throw new PlatformError("fleet-dump-invalid", `Nothing is stored below "${root}"`, {
      hint:
        seen === undefined
          ? "Name fleet's etcd_key_prefix with --prefix, and dump that key itself: etcd hides keys that begin with _ from lists"
          : `Name fleet's etcd_key_prefix with --prefix; the first key here is "${seen}"`,
    });
  }
  const units: FleetUnit[] = [];
  const unreadable: { name: string; reason: string }[] = [];
  const names = [...own.keys()].flatMap(
    (key) => /^job\/([^/]+)\/(?:object|target-state)$/.exec(key)?.[1] ?? [],
  );
  for (const name of [...new Set(names)].sort()) {
    const unit = readUnit(name, own);
    if (typeof unit === "string") unreadable.push({ name, reason: unit });
    else units.push(unit);
  }
  const metadata = [...own]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, value]) => {
      const [, machine, key] = /^machines\/([^/]+)\/metadata\/(.+)$/.exec(path) ?? [];
      return machine === undefined || key === undefined ? [] : [{ machine, key, value }];
    });
  return { units, unreadable, metadata };
}

/** The unit, or why it cannot be read. */
function readUnit(name: string, own: ReadonlyMap<string, string>): FleetUnit | string {
  const object = parsed(own.get(`job/${name}/object`));
  if (!isObject(object)) return `its record job/${name}/object is missing or no JSON object`;
  const hash = hexOf(object.UnitHash);
  if (hash === undefined) return `"UnitHash" in job/${name}/object is not an array of 20 bytes`;
  const stored = parsed(own.get(`unit/${hash}`));
  const text = isObject(stored) ? stored.Raw : undefined;
  if (typeof text !== "string") return `its text unit/${hash} is missing`;
  return { name, hash, text, target: own.get(`job/${name}/target-state`) ?? "" };
}

function hexOf(bytes: unknown): string | undefined {
  if (!Array.isArray(bytes) || bytes.length !== 20) return undefined;
  const isByte = (byte: unknown): byte is number =>
    Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) <= 255;
  return bytes.every(isByte) ? Buffer.from(bytes).toString("hex") : undefined;
}

/** Every key with its value. */
function valuesOf(json: string): ReadonlyMap<string, string> {
  const answer = parsed(json);
  const node = isObject(answer) ? answer.node : undefined;
  if (!isObject(node)) {
    const cause = isObject(answer) && typeof answer.message === "string" ? ` ("${answer.message}")` : "";
    throw new PlatformError("fleet-dump-invalid", `This is no answer of etcd's version 2 API${cause}`, {
      hint: "Make it with: curl 'http://127.0.0.1:2379/v2/keys/_coreos.com/fleet?recursive=true' > fleet.json",
    });
  }
  const values = new Map<string, string>();
  const pending: Readonly<Record<string, unknown>>[] = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next.key === "string" && typeof next.value === "string") values.set(next.key, next.value);
    if (Array.isArray(next.nodes)) pending.push(...next.nodes.filter(isObject));
  }
  return values;
}

function parsed(json: string | undefined): unknown {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
