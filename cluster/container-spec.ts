/**
 * A unit with `[Container]` as data for a container engine. Names and forms are Quadlet's (`podman-systemd.unit(5)`), so far as
 * Docker can do what they say; every other name is an error, never a silence.
 *
 * Words that say how the unit as a whole behaves (restart, timeouts, resources) stay in `[Service]`. As in systemd an empty
 * assignment takes back the earlier ones, a later single value replaces an earlier one, and lists add up.
 *
 * Pure: files that a unit names (`EnvironmentFile=`) are read where it runs.
 */
import { OptionReader, refuseForeignOptions } from "./container-options.ts";
import {
  type ContainerDevice,
  type ContainerUlimit,
  type ContainerVolume,
  type EnvironmentFile,
  type PublishedPort,
  type PullPolicy,
  parseAbsolutePath,
  parseAssignment,
  parseContainerName,
  parseDevice,
  parseEnvironmentFile,
  parseHost,
  parseImage,
  parseLimit,
  parseNetwork,
  parsePorts,
  parsePullPolicy,
  parseRestart,
  parseSignal,
  parseSize,
  parseTmpfs,
  parseUlimit,
  parseVolume,
  type RestartCondition,
} from "./container-values.ts";
import { PlatformError } from "./errors.ts";
import { parseResources, type Resources } from "./resources.ts";
import type { SpecifierHost } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";
import { nameParts, type UnitNameParts } from "./unit-name.ts";

export interface ContainerSpec {
  /** `Image=`, as written: a tag or digest may be missing. */
  readonly image: string;
  readonly pull: PullPolicy;
  /** `ContainerName=`, by default the unit's name without suffix, with `-` for what Docker does not allow. */
  readonly name: string;
  /** `Exec=` in words. Absent: the image's own command. */
  readonly command?: readonly string[];
  /** `Entrypoint=` in words. Absent: the image's own. */
  readonly entrypoint?: readonly string[];
  /** `Environment=`. What `environmentFiles` say wins over these, as in systemd. */
  readonly environment: ReadonlyMap<string, string>;
  /** `EnvironmentFile=`, to be read on the host when the container is made; later files win. */
  readonly environmentFiles: readonly EnvironmentFile[];
  readonly labels: ReadonlyMap<string, string>;
  readonly ports: readonly PublishedPort[];
  readonly volumes: readonly ContainerVolume[];
  /** `Tmpfs=`: mount options by path. */
  readonly tmpfs: ReadonlyMap<string, string>;
  readonly devices: readonly ContainerDevice[];
  /** `Network=`: `bridge`, `host`, `none`, `container:<name>` or a network's name. Absent: the engine's default. */
  readonly network?: string;
  readonly networkAliases: readonly string[];
  readonly hostname?: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `AddHost=`, each `name:address`. */
  readonly extraHosts: readonly string[];
  /** `User=` and `Group=`: `user` or `user:group`. */
  readonly user?: string;
  readonly supplementaryGroups: readonly string[];
  readonly workingDirectory?: string;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly privileged: boolean;
  readonly noNewPrivileges: boolean;
  readonly readOnly: boolean;
  /** `RunInit=`: an init process reaps and forwards signals. */
  readonly init: boolean;
  readonly shmSizeBytes?: number;
  readonly pidsLimit?: number;
  readonly ulimits: readonly ContainerUlimit[];
  readonly sysctls: ReadonlyMap<string, string>;
  readonly logDriver?: string;
  readonly logOptions: ReadonlyMap<string, string>;
  /** `StopSignal=`, else `KillSignal=` of `[Service]`: `SIGTERM`, … Absent: the image's own. */
  readonly stopSignal?: string;
  readonly restart: { readonly when: RestartCondition; readonly delayMs: number };
  /** `TimeoutStartSec=`, by default 90 s as in systemd. Absent: no limit. */
  readonly startTimeoutMs?: number;
  /** `TimeoutStopSec=`: how long after the stop signal the container is killed; by default 90 s. Absent: never. */
  readonly stopTimeoutMs?: number;
  readonly resources: Resources;
}

const defaultTimeoutMs = 90_000;
const defaultRestartDelayMs = 100;

/**
 * Reads the file of the unit called `name`. `%H` and `%m` are expanded when `host` is given, as an agent does; a submitter leaves
 * it out and they stay. Throws `unit-file-invalid` with the line, what is wrong and what is allowed.
 */
export function containerSpec(file: UnitFile, name: string, host?: SpecifierHost): ContainerSpec {
  refuseForeignOptions(file);
  const parts = nameParts(name);
  if (parts?.type !== "service") {
    throw new PlatformError("unit-file-invalid", `"${name}" has a [Container] section but is no service`, {
      hint: "Name it with the suffix .service",
    });
  }
  const container = new OptionReader(file, "Container", parts, host);
  const service = new OptionReader(file, "Service", parts, host);
  return {
    ...imageOf(container, name),
    name: container.last("ContainerName", parseContainerName) ?? defaultContainerName(parts),
    ...processOf(container),
    ...storageOf(container),
    ...networkOf(container),
    ...securityOf(container),
    ...limitsOf(container),
    ...lifeOf(container, service),
    resources: parseResources(file),
  };
}

function imageOf(container: OptionReader, name: string): Pick<ContainerSpec, "image" | "pull"> {
  const image = container.last("Image", parseImage);
  if (image === undefined) {
    throw new PlatformError("unit-file-invalid", `"${name}" has a [Container] section without Image=`, {
      hint: "Say which image to run: Image=nginx:1.27",
    });
  }
  return { image, pull: container.last("Pull", parsePullPolicy) ?? "missing" };
}

function processOf(container: OptionReader) {
  const group = container.text("Group");
  const user = container.text("User");
  if (group !== undefined && user === undefined) {
    throw new PlatformError("unit-file-invalid", `Group="${group}" is set without User=`, {
      hint: "Say both, for example User=1000 and Group=1000",
    });
  }
  return {
    ...given("command", container.lastWords("Exec")),
    ...given("entrypoint", container.lastWords("Entrypoint")),
    environment: new Map(container.words("Environment", parseAssignment)),
    environmentFiles: container.list("EnvironmentFile", parseEnvironmentFile),
    labels: new Map(container.words("Label", parseAssignment)),
    ...given("user", user !== undefined && group !== undefined ? `${user}:${group}` : user),
    supplementaryGroups: container.words("GroupAdd", asWritten),
    ...given("workingDirectory", container.last("WorkingDir", parseAbsolutePath)),
    init: container.flag("RunInit"),
  };
}

function storageOf(container: OptionReader) {
  return {
    volumes: container.list("Volume", parseVolume),
    tmpfs: new Map(container.list("Tmpfs", parseTmpfs)),
    devices: container.words("AddDevice", parseDevice),
    readOnly: container.flag("ReadOnly"),
    ...given("shmSizeBytes", container.last("ShmSize", parseSize)),
  };
}

function networkOf(container: OptionReader) {
  const network = container.last("Network", parseNetwork);
  const ports = container.list("PublishPort", parsePorts).flat();
  if (ports.length > 0 && (network === "host" || network === "none" || network?.startsWith("container:"))) {
    throw new PlatformError("unit-file-invalid", `PublishPort= has no effect with Network="${network}"`, {
      hint: "Drop one of the two",
    });
  }
  return {
    ports,
    ...given("network", network),
    networkAliases: container.words("NetworkAlias", asWritten),
    ...given("hostname", container.text("HostName")),
    dns: container.words("DNS", asWritten),
    dnsSearch: container.words("DNSSearch", asWritten),
    dnsOptions: container.words("DNSOption", asWritten),
    extraHosts: container.words("AddHost", parseHost),
  };
}

function securityOf(container: OptionReader) {
  return {
    addCapabilities: container.words("AddCapability", asWritten),
    dropCapabilities: container.words("DropCapability", asWritten),
    privileged: container.flag("Privileged"),
    noNewPrivileges: container.flag("NoNewPrivileges"),
  };
}

function limitsOf(container: OptionReader) {
  return {
    ...given("pidsLimit", container.last("PidsLimit", parseLimit)),
    ulimits: container.words("Ulimit", parseUlimit),
    sysctls: new Map(container.words("Sysctl", parseAssignment)),
  };
}

function lifeOf(container: OptionReader, service: OptionReader) {
  const stopSignal = container.last("StopSignal", parseSignal) ?? service.last("KillSignal", parseSignal);
  const timeout = service.timeSpan("TimeoutSec");
  return {
    ...given("logDriver", container.text("LogDriver")),
    logOptions: new Map(container.list("LogOpt", parseAssignment)),
    ...given("stopSignal", stopSignal),
    restart: {
      when: service.last("Restart", parseRestart) ?? ("no" as const),
      delayMs: service.timeSpan("RestartSec") ?? defaultRestartDelayMs,
    },
    ...given("startTimeoutMs", limit(service.timeSpan("TimeoutStartSec") ?? timeout)),
    ...given("stopTimeoutMs", limit(service.timeSpan("TimeoutStopSec") ?? timeout)),
  };
}

/** systemd reads a timeout of 0 as none, too. */
function limit(milliseconds = defaultTimeoutMs): number | undefined {
  return milliseconds === 0 || milliseconds === Number.POSITIVE_INFINITY ? undefined : milliseconds;
}

/** A property to spread, or none: optional properties are absent rather than undefined. */
function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

/** `web@1` becomes `web-1`. Docker wants `[a-zA-Z0-9][a-zA-Z0-9_.-]+`. */
function defaultContainerName(parts: UnitNameParts): string {
  const name = parts.stem.replaceAll(/[^a-zA-Z0-9_.-]/g, "-");
  return /^[a-zA-Z0-9]./.test(name) ? name : `unit-${name}`;
}

function asWritten(word: string): string {
  return word;
}
