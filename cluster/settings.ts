/**
 * The settings file of a host, `/etc/deis/agent.toml`: read by deis-agent, deis-scheduler and deis-api, and by deisctl for `[etcd]`.
 * Every key has a default; an unknown key or a wrong type is an error that names it, so that a typing mistake is never silent.
 */
import { PlatformError } from "./errors.ts";
import { readSettingsText } from "./settings-text.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** How to reach etcd. The three files go together: all or none. */
export interface EtcdSettings {
  readonly endpoints: readonly string[];
  readonly cafile?: string;
  readonly certfile?: string;
  readonly keyfile?: string;
}

export interface Settings {
  readonly machine: {
    /** The address others reach this host at. Default: the default route's source address. */
    readonly address?: string;
    readonly metadata: Readonly<Record<string, string>>;
    /** Bytes and thousandths of a processor kept from units for the host itself. */
    readonly reservedMemoryBytes: number;
    readonly reservedCpuMillis: number;
  };
  readonly etcd: EtcdSettings;
  readonly agent: {
    /** TTL of the machine's lease in seconds, 2 to 3 600: how long a silent host is still trusted. */
    readonly ttlSeconds: number;
    /** Where unit files are written for systemd. */
    readonly unitsDirectory: string;
    readonly dockerSocket: string;
    /** `host:port` of the agent's API over mutual TLS with the certificates of `[etcd]`. Absent: no API is served. */
    readonly listen?: string;
    /** How long routers may take to acknowledge a new or withdrawn endpoint, in seconds, 0 to 600. */
    readonly routedSeconds: number;
    /** How long requests under way on a withdrawn endpoint may take before its unit is stopped, in seconds, 0 to 3 600. */
    readonly drainSeconds: number;
  };
  readonly api: {
    /** Path of the unix socket that deis-api makes when systemd hands it none. */
    readonly socket: string;
    /** `host:port` of the cluster's API over mutual TLS with the certificates of `[etcd]`. Absent: on the socket only. */
    readonly listen?: string;
  };
  readonly scheduler: {
    /** TTL of the leader's lease in seconds, 2 to 3 600. */
    readonly ttlSeconds: number;
    /** Machine metadata keys across which instances of one template are spread, after machines themselves. */
    readonly spreadBy: readonly string[];
    /** How long re-placement holds when more than a third of the machines vanish at once, in seconds. */
    readonly massLossGraceSeconds: number;
    /** `host:port` of `/metrics` over plain HTTP. Absent: they are not served. */
    readonly metrics?: string;
  };
  readonly log: { readonly level: LogLevel };
}

/** The TOML names of every setting, by table. A name with another spelling is refused. */
const known = {
  machine: ["address", "metadata", "reserved_memory_bytes", "reserved_cpu_millis"],
  etcd: ["endpoints", "cafile", "certfile", "keyfile"],
  agent: ["ttl_seconds", "units_directory", "docker_socket", "listen", "routed_seconds", "drain_seconds"],
  api: ["socket", "listen"],
  scheduler: ["ttl_seconds", "spread_by", "mass_loss_grace_seconds", "metrics"],
  log: ["level"],
} as const;

/**
 * Parses the text of a settings file. `file` is named in errors.
 * Throws `settings-invalid` with the line, or with the key, its value and what is allowed.
 */
export function parseSettings(text: string, file: string): Settings {
  const document = readSettingsText(text, file);
  const reader = new TableReader(document, file);
  reader.refuseUnknown(known);
  const address = reader.text("machine", "address");
  const listen = reader.text("agent", "listen");
  const metrics = reader.text("scheduler", "metrics");
  const apiListen = reader.text("api", "listen");
  return {
    machine: {
      ...(address === undefined ? {} : { address }),
      metadata: reader.textMap("machine", "metadata"),
      reservedMemoryBytes: reader.integer("machine", "reserved_memory_bytes", 0, 0, Number.MAX_SAFE_INTEGER),
      reservedCpuMillis: reader.integer("machine", "reserved_cpu_millis", 0, 0, 1_000_000),
    },
    etcd: etcdSettings(reader),
    agent: {
      ttlSeconds: reader.integer("agent", "ttl_seconds", 5, 2, 3_600),
      unitsDirectory: reader.text("agent", "units_directory") ?? "/run/deis/units",
      dockerSocket: reader.text("agent", "docker_socket") ?? "/var/run/docker.sock",
      ...(listen === undefined ? {} : { listen }),
      routedSeconds: reader.integer("agent", "routed_seconds", 5, 0, 600),
      drainSeconds: reader.integer("agent", "drain_seconds", 10, 0, 3_600),
    },
    api: {
      socket: reader.text("api", "socket") ?? "/var/run/fleet.sock",
      ...(apiListen === undefined ? {} : { listen: apiListen }),
    },
    scheduler: {
      ttlSeconds: reader.integer("scheduler", "ttl_seconds", 5, 2, 3_600),
      spreadBy: reader.textList("scheduler", "spread_by") ?? [],
      massLossGraceSeconds: reader.integer("scheduler", "mass_loss_grace_seconds", 30, 0, 3_600),
      ...(metrics === undefined ? {} : { metrics }),
    },
    log: { level: reader.choice("log", "level", logLevels, "info") },
  };
}

function etcdSettings(reader: TableReader): EtcdSettings {
  const endpoints = reader.textList("etcd", "endpoints") ?? ["http://127.0.0.1:2379"];
  for (const endpoint of endpoints) {
    if (!/^https?:\/\/[^\s/]+$/.test(endpoint)) {
      throw reader.invalid("etcd", "endpoints", endpoint, 'a list of URLs such as "https://10.0.0.1:2379"');
    }
  }
  if (endpoints.length === 0) throw reader.invalid("etcd", "endpoints", [], "at least one URL");
  const cafile = reader.text("etcd", "cafile");
  const certfile = reader.text("etcd", "certfile");
  const keyfile = reader.text("etcd", "keyfile");
  const given = [cafile, certfile, keyfile].filter((path) => path !== undefined).length;
  if (given !== 0 && given !== 3) {
    throw new PlatformError(
      "settings-invalid",
      "Only some of etcd.cafile, etcd.certfile and etcd.keyfile are set",
      {
        hint: "Set all three, or none for an etcd without TLS",
      },
    );
  }
  if (cafile === undefined || certfile === undefined || keyfile === undefined) return { endpoints };
  return { endpoints, cafile, certfile, keyfile };
}

/** Typed, checked access to a document of tables. */
class TableReader {
  readonly #document: Record<string, unknown>;
  readonly #file: string;

  constructor(document: Record<string, unknown>, file: string) {
    this.#document = document;
    this.#file = file;
  }

  refuseUnknown(tables: Readonly<Record<string, readonly string[]>>): void {
    for (const [table, value] of Object.entries(this.#document)) {
      const keys = Object.hasOwn(tables, table) ? tables[table] : undefined;
      if (!keys) throw this.#unknown(`[${table}]`, Object.keys(tables));
      if (!isTable(value)) throw this.invalid(table, "", value, "a table");
      for (const key of Object.keys(value)) {
        if (!keys.includes(key)) throw this.#unknown(`${table}.${key}`, keys);
      }
    }
  }

  text(table: string, key: string): string | undefined {
    const value = this.#value(table, key);
    if (value === undefined) return undefined;
    if (typeof value !== "string" || value === "")
      throw this.invalid(table, key, value, "a non-empty string");
    return value;
  }

  textList(table: string, key: string): readonly string[] | undefined {
    const value = this.#value(table, key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
      throw this.invalid(table, key, value, "a list of strings");
    }
    return value;
  }

  textMap(table: string, key: string): Readonly<Record<string, string>> {
    const value = this.#value(table, key) ?? {};
    if (!isTable(value)) throw this.invalid(table, key, value, 'a table such as { region = "lab" }');
    const entries = Object.entries(value);
    for (const [name, item] of entries) {
      if (typeof item !== "string") throw this.invalid(table, `${key}.${name}`, item, "a string");
    }
    return Object.fromEntries(entries) as Record<string, string>;
  }

  integer(table: string, key: string, fallback: number, least: number, most: number): number {
    const value = this.#value(table, key) ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
      throw this.invalid(table, key, value, `a whole number from ${least} to ${most}`);
    }
    return value;
  }

  choice<T extends string>(table: string, key: string, allowed: readonly T[], fallback: T): T {
    const value = this.#value(table, key) ?? fallback;
    const found = allowed.find((item) => item === value);
    if (found === undefined) throw this.invalid(table, key, value, `one of ${allowed.join(", ")}`);
    return found;
  }

  invalid(table: string, key: string, value: unknown, allowed: string): PlatformError {
    const name = key === "" ? table : `${table}.${key}`;
    return new PlatformError(
      "settings-invalid",
      `Setting ${name} is ${JSON.stringify(value)} in "${this.#file}"`,
      {
        hint: `Set ${name} to ${allowed}`,
      },
    );
  }

  #unknown(name: string, allowed: readonly string[]): PlatformError {
    return new PlatformError("settings-invalid", `Unknown setting ${name} in "${this.#file}"`, {
      hint: `Known here: ${allowed.join(", ")}`,
    });
  }

  #value(table: string, key: string): unknown {
    const values = this.#document[table];
    return isTable(values) && Object.hasOwn(values, key) ? values[key] : undefined;
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
