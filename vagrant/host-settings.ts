/**
 * The settings file of a host as the install script writes it: what the options name is changed, everything else stays as it
 * was, an administrator's own keys included. Pure.
 */
import { parse, stringify, type TomlTable } from "smol-toml";

/** The install script's options that are settings; an option that was not given changes nothing. */
export interface HostOptions {
  /** etcd's client endpoints. */
  readonly etcd?: readonly string[];
  /** The address that others reach this host at. */
  readonly address?: string;
  /** Takes the place of all metadata the host had. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** `host:port` of the agent's API. */
  readonly listen?: string;
  /** `host:port` of the cluster's API. */
  readonly apiListen?: string;
  /** Where this host's certificates are. */
  readonly certificates?: { readonly ca: string; readonly cert: string; readonly key: string };
}

const heading =
  "# Settings of this host; docs/agent.md has every key. After a change: systemctl restart deis-agent deis-scheduler\n";

/**
 * The text of the settings file with these options in force. A file that says so already is returned byte for byte;
 * a changed one loses its comments. Throws smol-toml's `TomlError` when `before` is not TOML.
 */
export function settingsWith(before: string | undefined, options: HostOptions): string {
  const present = before === undefined ? {} : parse(before);
  const { etcd, address, metadata, listen, apiListen, certificates } = options;
  const wanted = changed(present, {
    machine: { ...given("address", address), ...given("metadata", metadata) },
    etcd: {
      ...given("endpoints", etcd && [...etcd]),
      ...(certificates && {
        cafile: certificates.ca,
        certfile: certificates.cert,
        keyfile: certificates.key,
      }),
    },
    agent: { ...given("listen", listen) },
    api: { ...given("listen", apiListen) },
  });
  const text = stringify(wanted);
  if (before !== undefined && text === stringify(present)) return before;
  return `${heading}\n${text}`;
}

function changed(present: TomlTable, changes: Readonly<Record<string, TomlTable>>): TomlTable {
  const result: TomlTable = structuredClone(present);
  for (const [name, keys] of Object.entries(changes)) {
    if (Object.keys(keys).length === 0) continue;
    const table = result[name];
    result[name] = { ...(isTable(table) ? table : {}), ...keys };
  }
  return result;
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  const entry: Partial<Record<K, V>> = {};
  if (value !== undefined) entry[key] = value;
  return entry;
}

/**
 * Reads `key=value,key=value`. Throws a `RangeError` that says which pair is not one.
 * A value is everything after the first `=`; it cannot hold a comma.
 */
export function parseMetadata(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").map((pair) => {
    const [, key, value] = /^([^=\s]+)=(.+)$/s.exec(pair) ?? [];
    if (key === undefined || value === undefined) {
      throw new RangeError(`--metadata "${pair}" is not key=value`);
    }
    return [key, value] as const;
  });
  const repeated = pairs.find(([key], at) => pairs.findIndex(([other]) => other === key) !== at);
  if (repeated !== undefined) throw new RangeError(`--metadata names "${repeated[0]}" twice`);
  return Object.fromEntries(pairs);
}
