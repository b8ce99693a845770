/**
 * The flags before (or after) every command, and where their values come from: the flag, else the environment
 * (`DEISCTL_<NAME>`), else the host's settings file. Pure.
 */
import type { EtcdSettings } from "../cluster/settings.ts";
import { type Flag, UsageError } from "./command.ts";

export const globalFlags: readonly Flag[] = [
  { flags: "--endpoint <urls>", description: "etcd, comma-separated (default: [etcd] of --config)" },
  { flags: "--etcd-cafile <file>", description: "the authority that signed etcd's certificate" },
  { flags: "--etcd-certfile <file>", description: "your certificate" },
  { flags: "--etcd-keyfile <file>", description: "its key" },
  { flags: "--request-timeout <seconds>", description: "how long etcd may take to answer (default 10)" },
  { flags: "--config <file>", description: "settings file (default /etc/deis/agent.toml)" },
  { flags: "--output <format>", description: "text or json (default text)" },
  { flags: "--no-color", description: "no colours" },
  // fleetctl's and Deis v1's: those that say how etcd is reached mean the same, those about what is gone are let pass.
  { flags: "--ca-file <file>", description: "as --etcd-cafile", hidden: true },
  { flags: "--cert-file <file>", description: "as --etcd-certfile", hidden: true },
  { flags: "--key-file <file>", description: "as --etcd-keyfile", hidden: true },
  { flags: "--driver <name>", description: "accepted and ignored", hidden: true },
  { flags: "--debug", description: "accepted and ignored", hidden: true },
  { flags: "--experimental-api", description: "accepted and ignored", hidden: true },
  { flags: "--known-hosts-file <file>", description: "accepted and ignored", hidden: true },
  { flags: "--strict-host-key-checking <bool>", description: "accepted and ignored", hidden: true },
  { flags: "--ssh-timeout <seconds>", description: "accepted and ignored", hidden: true },
  { flags: "--ssh-username <name>", description: "accepted and ignored", hidden: true },
  { flags: "--tunnel <host>", description: "refused, with what to do instead", hidden: true },
  { flags: "--etcd-key-prefix <key>", description: "refused unless it is fleet's default", hidden: true },
];

const fleetPrefix = "/_coreos.com/fleet";

/** What commander parsed. */
export type GlobalFlags = Readonly<Record<string, unknown>>;

export interface GlobalSettings {
  readonly endpoints?: readonly string[];
  readonly cafile?: string;
  readonly certfile?: string;
  readonly keyfile?: string;
  readonly requestTimeoutMs: number;
  /** Absent: the default file, which need not exist. */
  readonly configFile?: string;
  readonly output: string;
  readonly color: boolean;
}

const defaultTimeoutSeconds = 10;
const longestTimeoutSeconds = 3_600;

/** Reads flags and environment. Throws `UsageError` naming the flag or variable and what is allowed. */
export function globalSettings(
  flags: GlobalFlags,
  env: Readonly<Record<string, string | undefined>>,
): GlobalSettings {
  const value = (name: string, variable: string): string | undefined => {
    const given = flags[name];
    if (typeof given === "string") return given;
    const inherited = env[variable];
    return inherited === "" ? undefined : inherited;
  };
  refuseWhatIsGone(flags, env);
  const endpoint = value("endpoint", "DEISCTL_ENDPOINT");
  const cafile = fileFlag(flags.caFile) ?? value("etcdCafile", "DEISCTL_ETCD_CAFILE");
  const certfile = fileFlag(flags.certFile) ?? value("etcdCertfile", "DEISCTL_ETCD_CERTFILE");
  const keyfile = fileFlag(flags.keyFile) ?? value("etcdKeyfile", "DEISCTL_ETCD_KEYFILE");
  const configFile = value("config", "DEISCTL_CONFIG");
  return {
    ...(endpoint === undefined ? {} : { endpoints: endpointsOf(endpoint) }),
    ...(cafile === undefined ? {} : { cafile }),
    ...(certfile === undefined ? {} : { certfile }),
    ...(keyfile === undefined ? {} : { keyfile }),
    ...(configFile === undefined ? {} : { configFile }),
    requestTimeoutMs: timeoutMs(value("requestTimeout", "DEISCTL_REQUEST_TIMEOUT")),
    output: value("output", "DEISCTL_OUTPUT") ?? "text",
    // https://no-color.org: any non-empty value.
    color: flags.color !== false && !env.NO_COLOR && !env.DEISCTL_NO_COLOR,
  };
}

function fileFlag(given: unknown): string | undefined {
  return typeof given === "string" ? given : undefined;
}

/** To let these pass would be to talk to another cluster than the one that is meant. */
function refuseWhatIsGone(flags: GlobalFlags, env: Readonly<Record<string, string | undefined>>): void {
  const reached = typeof flags.endpoint === "string" || env.DEISCTL_ENDPOINT;
  const tunnel = flags.tunnel ?? (reached ? undefined : env.DEISCTL_TUNNEL || undefined);
  if (tunnel !== undefined) {
    throw new UsageError(
      `There is no tunnel to "${tunnel}" any more: deisctl talks to etcd itself, over TLS. Name etcd with --endpoint, or run it there: ssh ${tunnel} deisctl ...`,
    );
  }
  const prefix = flags.etcdKeyPrefix;
  if (typeof prefix === "string" && prefix.replace(/\/$/, "") !== fleetPrefix) {
    throw new UsageError(
      `--etcd-key-prefix is "${prefix}": all keys are below /deis here, one cluster an etcd`,
    );
  }
}

/** The etcd to talk to: what was given by hand, completed from the settings file. Throws `UsageError` for a half-given TLS. */
export function mergeEtcd(given: GlobalSettings, file: EtcdSettings | undefined): EtcdSettings {
  const endpoints = given.endpoints ?? file?.endpoints ?? ["http://127.0.0.1:2379"];
  if (endpoints.every((endpoint) => endpoint.startsWith("http://"))) return { endpoints };
  const cafile = given.cafile ?? file?.cafile;
  const certfile = given.certfile ?? file?.certfile;
  const keyfile = given.keyfile ?? file?.keyfile;
  if (cafile === undefined && certfile === undefined && keyfile === undefined) return { endpoints };
  if (cafile === undefined || certfile === undefined || keyfile === undefined) {
    throw new UsageError("--etcd-cafile, --etcd-certfile and --etcd-keyfile go together: only some are set");
  }
  return { endpoints, cafile, certfile, keyfile };
}

function endpointsOf(text: string): readonly string[] {
  const endpoints = text.split(",").map((endpoint) => endpoint.trim().replace(/\/$/, ""));
  for (const endpoint of endpoints) {
    if (/^https?:\/\/[^\s/]+$/.test(endpoint)) continue;
    throw new UsageError(
      `--endpoint is "${endpoint}", allowed are URLs such as https://10.0.0.1:2379, comma-separated`,
    );
  }
  return endpoints;
}

function timeoutMs(text: string | undefined): number {
  const seconds = text === undefined ? defaultTimeoutSeconds : Number(text);
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= longestTimeoutSeconds) return seconds * 1_000;
  throw new UsageError(
    `--request-timeout is "${text}", allowed are seconds, more than 0 to ${longestTimeoutSeconds}`,
  );
}
