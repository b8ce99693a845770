/**
 * What an operator may set: confd's command line and its `confd.toml`. A flag that was given wins over the file, the file over the
 * environment and the default. (confd documents this order and does the reverse.)
 *
 * Pure.
 */
import { PlatformError } from "../cluster/errors.ts";
import { readSettingsText } from "../cluster/settings-text.ts";
import { type FlagSpec, parseFlags } from "./go-flags.ts";
import { type MissingKey, missingKeyChoices } from "./resource.ts";

export const levels = ["panic", "fatal", "error", "warn", "info", "debug", "trace"] as const;
export type Level = (typeof levels)[number];

export interface RendererSettings {
  readonly mode: "once" | "watch" | "interval" | "validate" | "diff" | "version" | "help";
  readonly backend: string;
  readonly nodes: readonly string[];
  readonly scheme: string;
  readonly srvRecord: string;
  readonly clientCaKeys: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly clientInsecure: boolean;
  readonly basicAuth: boolean;
  readonly username: string;
  readonly password: string;
  readonly confdir: string;
  readonly files: readonly string[];
  readonly filter: string;
  readonly intervalSeconds: number;
  readonly keepStageFile: boolean;
  readonly level: Level;
  readonly noop: boolean;
  readonly prefix: string;
  readonly syncOnly: boolean;
  readonly missingKey: MissingKey;
  /** `host:port` where metrics are served, or empty. */
  readonly metrics: string;
}

/** All flags: confd's, then ours. */
export const flagSpecs: readonly FlagSpec[] = [
  flag("app-id", "text", "Vault app-id (refused: there is no such backend)"),
  flag("auth-token", "text", "bearer token (refused: no backend takes one)"),
  flag("auth-type", "text", "Vault auth backend (refused: there is no such backend)"),
  flag("backend", "text", 'where keys are: etcdv3 (also "etcd"), file or env (default "etcd")'),
  flag("basic-auth", "switch", "use -username and -password"),
  flag("client-ca-keys", "text", "file of the CA that signed etcd's certificates"),
  flag("client-cert", "text", "file of the client's certificate"),
  flag("client-insecure", "switch", "do not verify etcd's certificate (refused)"),
  flag("client-key", "text", "file of the client's key"),
  flag("confdir", "text", 'directory of conf.d and templates (default "/etc/confd")'),
  flag("config-file", "text", 'settings (default "/etc/confd/confd.toml")'),
  flag("file", "texts", "YAML or JSON file, or directory of such, of the file backend; may be repeated"),
  flag("filter", "text", 'which files of a directory the file backend reads (default "*")'),
  flag("interval", "whole", "seconds between two passes without -watch (default 600)"),
  flag("keep-stage-file", "switch", "keep staged files that are not put in place"),
  flag("log-level", "text", `${levels.join(", ")} (default "info")`),
  flag("node", "texts", "address of etcd; may be repeated"),
  flag("noop", "switch", "only tell what would be changed"),
  flag("onetime", "switch", "one pass, then exit"),
  flag("password", "text", "password of -username"),
  flag("path", "text", "Vault mount path (refused: there is no such backend)"),
  flag("prefix", "text", "prefix of all keys; replaces that of every resource"),
  flag("role-id", "text", "Vault role-id (refused: there is no such backend)"),
  flag("scheme", "text", 'scheme of nodes found by SRV records: http or https (default "http")'),
  flag("secret-id", "text", "Vault secret-id (refused: there is no such backend)"),
  flag("separator", "text", "Redis key separator (refused: there is no such backend)"),
  flag("srv-domain", "text", "domain whose SRV record _<backend>._tcp names the nodes"),
  flag("srv-record", "text", "SRV record that names the nodes, such as _etcd-client._tcp.example.com"),
  flag("sync-only", "switch", "put files in place without check_cmd and reload_cmd"),
  flag("table", "text", "DynamoDB table (refused: there is no such backend)"),
  flag("user-id", "text", "Vault user-id (refused: there is no such backend)"),
  flag("username", "text", "user of etcd"),
  flag("version", "switch", "print the version and exit"),
  flag("watch", "switch", "follow the keys instead of reading them every -interval seconds"),
  flag("diff", "switch", "print what a pass would change, as a unified diff, and exit"),
  flag("metrics", "text", "host:port where /metrics and /healthz are served"),
  flag(
    "missing-key",
    "text",
    `what getv of a missing key does unless a resource says: ${missingKeyChoices.join(" or ")} (default "error")`,
  ),
  flag("validate", "switch", "check settings, resources and templates without reading keys, and exit"),
  flag("help", "switch", "print this"),
  flag("h", "switch", "print this"),
];

/** Flags of backends that there are not. Given, they are an error: a setting must not be lost in silence. */
const foreign = [
  "app-id",
  "auth-token",
  "auth-type",
  "path",
  "role-id",
  "secret-id",
  "separator",
  "table",
  "user-id",
];

/** Names in `confd.toml` of flags that are called otherwise there. */
const tomlNames: Readonly<Record<string, string>> = {
  "client-ca-keys": "client_cakeys",
  "client-cert": "client_cert",
  "client-insecure": "client_insecure",
  "client-key": "client_key",
  node: "nodes",
  "srv-domain": "srv_domain",
  "srv-record": "srv_record",
  "auth-token": "auth_token",
  "auth-type": "auth_type",
  "basic-auth": "basic_auth",
  "role-id": "role_id",
  "secret-id": "secret_id",
  "app-id": "app_id",
  "user-id": "user_id",
  "missing-key": "missing_key",
};

/** Flags that only a command line may give. */
const onlyFlags: ReadonlySet<string> = new Set([
  "onetime",
  "version",
  "config-file",
  "keep-stage-file",
  "diff",
  "validate",
  "help",
  "h",
]);

export interface GivenFlags {
  readonly values: ReadonlyMap<string, unknown>;
  readonly configFile: string;
  /** True if the file was asked for by name: a missing one is then worth a warning. */
  readonly help: boolean;
  readonly version: boolean;
}

/** Reads the command line. Throws `usage`. */
export function readFlags(words: readonly string[]): GivenFlags {
  const { values } = parseFlags(words, flagSpecs);
  const file = values.get("config-file");
  return {
    values,
    configFile: typeof file === "string" ? file : "/etc/confd/confd.toml",
    help: values.get("help") === true || values.get("h") === true,
    version: values.get("version") === true,
  };
}

/**
 * Puts flags, the text of the settings file (undefined if there is none) and the environment together. Throws `settings-invalid`, with the
 * line or the name of what is wrong.
 */
export function mergeSettings(
  given: GivenFlags,
  fileText: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): RendererSettings {
  const table = fileText === undefined ? {} : readSettingsText(fileText, given.configFile);
  const read = new Values(given, table);
  for (const name of foreign) {
    if (read.has(name)) throw unsupported(`-${name}`, "No backend that this program has takes it");
  }
  const backend = read.text("backend", "etcd");
  const domain = read.text("srv-domain", "");
  const srv = read.text("srv-record", "");
  const nodes = read.texts("node");
  const peers = backend === "etcd" ? environment.ETCDCTL_PEERS : undefined;
  const settings: RendererSettings = {
    mode: modeOf(read),
    backend,
    nodes: nodes.length === 0 && peers ? peers.split(",") : nodes,
    scheme: read.text("scheme", "http"),
    srvRecord: srv === "" && domain !== "" ? `_${backend}._tcp.${domain}.` : srv,
    clientCaKeys: read.text("client-ca-keys", environment.CONFD_CLIENT_CAKEYS ?? ""),
    clientCert: read.text("client-cert", environment.CONFD_CLIENT_CERT ?? ""),
    clientKey: read.text("client-key", environment.CONFD_CLIENT_KEY ?? ""),
    clientInsecure: read.flag("client-insecure"),
    basicAuth: read.flag("basic-auth"),
    username: read.text("username", ""),
    password: read.text("password", ""),
    confdir: read.text("confdir", "/etc/confd"),
    files: read.texts("file"),
    filter: read.text("filter", "*"),
    intervalSeconds: read.whole("interval", 600),
    keepStageFile: read.flag("keep-stage-file"),
    level: levelOf(read.text("log-level", "info")),
    noop: read.flag("noop") || read.flag("diff"),
    prefix: read.text("prefix", ""),
    syncOnly: read.flag("sync-only"),
    missingKey: choiceOf("missing-key", read.text("missing-key", "error"), missingKeyChoices),
    metrics: read.text("metrics", ""),
  };
  refuseUnsupported(settings);
  return settings;
}

function refuseUnsupported({
  mode,
  backend,
  clientInsecure,
  basicAuth,
  username,
  files,
  intervalSeconds,
}: RendererSettings): void {
  if (!["etcd", "etcdv3", "file", "env"].includes(backend)) {
    throw new PlatformError("settings-invalid", `Invalid backend "${backend}"`, {
      hint: "Use etcdv3 (etcd is the same), file or env",
    });
  }
  if (clientInsecure) throw unsupported("-client-insecure", "Give the CA's certificate with -client-ca-keys");
  if (basicAuth || username !== "") {
    throw unsupported(
      "-username",
      "Give the client a certificate whose common name is the user, with -client-cert and -client-key",
    );
  }
  if (backend === "file" && files.length === 0) {
    throw new PlatformError("settings-invalid", "No file is given for the file backend", {
      hint: "Name one with -file",
    });
  }
  if (intervalSeconds < 1 && (mode === "interval" || mode === "watch")) {
    throw new PlatformError("settings-invalid", `Interval is ${intervalSeconds}`, {
      hint: "Set it to a number of seconds from 1",
    });
  }
}

function modeOf(read: Values): RendererSettings["mode"] {
  for (const mode of ["version", "validate", "diff"] as const) if (read.flag(mode)) return mode;
  if (read.flag("help") || read.flag("h")) return "help";
  if (read.flag("onetime")) return "once";
  return read.flag("watch") ? "watch" : "interval";
}

/** A level by its name; `warning` is another name of `warn`. */
function levelOf(text: string): Level {
  const name = text.toLowerCase();
  return choiceOf("log-level", name === "warning" ? "warn" : name, levels);
}

function choiceOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((item) => item === text);
  if (found !== undefined) return found;
  throw new PlatformError("settings-invalid", `${name} is "${text}"`, {
    hint: `Set it to one of ${allowed.join(", ")}`,
  });
}

/** Looks values up: the flag, else the file's key, else the default. */
class Values {
  readonly #given: GivenFlags;
  readonly #table: Readonly<Record<string, unknown>>;

  constructor(given: GivenFlags, table: Readonly<Record<string, unknown>>) {
    this.#given = given;
    this.#table = table;
  }

  has(name: string): boolean {
    const value = this.#value(name);
    return value !== undefined && value !== "";
  }

  text(name: string, fallback: string): string {
    const value = this.#value(name);
    if (value === undefined || value === "") return fallback;
    return typeof value === "string" ? value : this.#refuse(name, value, "a string");
  }

  texts(name: string): readonly string[] {
    const value = this.#value(name) ?? [];
    if (typeof value === "string") return [value];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.#refuse(name, value, "a list of strings");
  }

  flag(name: string): boolean {
    const value = this.#value(name) ?? false;
    return typeof value === "boolean" ? value : this.#refuse(name, value, "true or false");
  }

  whole(name: string, fallback: number): number {
    const value = this.#value(name) ?? fallback;
    if (typeof value === "number" && Number.isInteger(value)) return value;
    return this.#refuse(name, value, "a whole number");
  }

  #value(name: string): unknown {
    const given = this.#given.values.get(name);
    if (given !== undefined || onlyFlags.has(name)) return given;
    const wanted = tomlNames[name] ?? name;
    if (Object.hasOwn(this.#table, wanted)) return this.#table[wanted];
    const other = Object.keys(this.#table).find((key) => key.toLowerCase() === wanted);
    return other === undefined ? undefined : this.#table[other];
  }

  #refuse(name: string, value: unknown, wanted: string): never {
    const where = `${tomlNames[name] ?? name} in "${this.#given.configFile}"`;
    throw new PlatformError("settings-invalid", `Setting ${where} is ${JSON.stringify(value)}`, {
      hint: `Set it to ${wanted}`,
    });
  }
}

function unsupported(what: string, hint: string): PlatformError {
  return new PlatformError("settings-unsupported", `${what} is not supported`, { hint });
}

function flag(name: string, kind: FlagSpec["kind"], help: string): FlagSpec {
  return { name, kind, help };
}
