/**
 * A unit with `[Container]` as what the Docker Engine is asked to create. Pure: what only the host knows comes in as `HostFacts`.
 *
 * | systemd                  | Docker                                                                    |
 * |--------------------------|---------------------------------------------------------------------------|
 * | `MemoryMax=`             | memory limit, and no swap beyond it                                       |
 * | `CPUQuota=`              | `NanoCpus`                                                                |
 * | `CPUWeight=` (100)       | CPU shares (1 024), in proportion                                         |
 * | `Restart=always`         | `unless-stopped`: what was stopped stays so when the daemon is restarted  |
 * | `Restart=on-failure`     | `on-failure` without a limit of retries                                   |
 * | `RestartSec=`            | nothing: Docker waits 100 ms, doubled with each failure up to 1 min       |
 * | `TimeoutStopSec=`        | the container's own stop timeout, so that the daemon keeps it, too        |
 * | `Fence=true`             | a mount of the host's permit (`host-boot.ts`), without which it cannot start |
 */
import type { ContainerCreateOptions, HostConfig, MountSettings } from "dockerode";
import { type ContainerSpec, containerSpec } from "../../cluster/container-spec.ts";
import type { ContainerDevice, ContainerVolume, PublishedPort } from "../../cluster/container-values.ts";
import { parseRequirements } from "../../cluster/requirements.ts";
import type { SpecifierHost } from "../../cluster/specifiers.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import type { RuntimeUnit } from "../runtime.ts";
import { labels } from "./container-state.ts";

/** What is read on the host when a container is made. */
export interface HostFacts {
  /** The assignments of all `EnvironmentFile=`, in order. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** True if the host has this device. */
  readonly hasDevice: (path: string) => boolean;
  /** The host's permit, for a unit that must never run twice. */
  readonly permit?: string;
}

/** Where a container that needs the host's permit sees it: an empty file, read-only. */
const permitInContainer = "/.deis-permit";

/** The specification of a unit's container. Throws `unit-file-invalid`. */
export function specOf(unit: RuntimeUnit, host: SpecifierHost): ContainerSpec {
  return containerSpec(parseUnitFile(unit.text), unit.name, host);
}

/** True if the unit must never run twice. Throws `unit-file-invalid`. */
export function isFenced(unit: RuntimeUnit): boolean {
  return parseRequirements(parseUnitFile(unit.text)).fence;
}

/** The body of `POST /containers/create`, and the container's name. */
export function createOptions(
  unit: RuntimeUnit,
  spec: ContainerSpec,
  host: HostFacts,
): ContainerCreateOptions {
  const { ports, volumes } = spec;
  const anonymous = volumes.filter(({ source }) => source === undefined);
  return {
    name: spec.name,
    Image: withTag(spec.image),
    ...given("Cmd", spec.command && [...spec.command]),
    ...given("Entrypoint", spec.entrypoint && [...spec.entrypoint]),
    Env: [...new Map([...spec.environment, ...host.environment])].map(([name, value]) => `${name}=${value}`),
    Labels: {
      ...Object.fromEntries(spec.labels),
      [labels.unit]: unit.name,
      [labels.hash]: unit.hash,
      [labels.generation]: `${unit.generation}`,
    },
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    Volumes: Object.fromEntries(anonymous.map(({ target }) => [target, {}])),
    ...given("User", spec.user),
    ...given("WorkingDir", spec.workingDirectory),
    ...given("Hostname", spec.hostname),
    ...given("StopSignal", spec.stopSignal),
    StopTimeout: spec.stopTimeoutMs === undefined ? -1 : Math.ceil(spec.stopTimeoutMs / 1_000),
    HostConfig: hostConfig(spec, host),
    ...networking(spec),
  };
}

/** `nginx` means `nginx:latest`: without a tag a pull would fetch every tag there is. Digests and tags stay. */
export function withTag(image: string): string {
  return /@|:[^/]+$/.test(image) ? image : `${image}:latest`;
}

function hostConfig(spec: ContainerSpec, host: HostFacts): HostConfig {
  return {
    ...limits(spec),
    RestartPolicy: restartPolicy(spec),
    PortBindings: portBindings(spec.ports),
    Binds: spec.volumes.flatMap(bind),
    ...given("Mounts", host.permit === undefined ? undefined : [permitMount(host.permit)]),
    Tmpfs: Object.fromEntries(spec.tmpfs),
    Devices: spec.devices
      .filter(({ optional, host: path }) => !optional || host.hasDevice(path))
      .map(deviceMapping),
    ...given("NetworkMode", spec.network),
    Dns: [...spec.dns],
    DnsSearch: [...spec.dnsSearch],
    DnsOptions: [...spec.dnsOptions],
    ExtraHosts: [...spec.extraHosts],
    GroupAdd: [...spec.supplementaryGroups],
    CapAdd: [...spec.addCapabilities],
    CapDrop: [...spec.dropCapabilities],
    Privileged: spec.privileged,
    SecurityOpt: spec.noNewPrivileges ? ["no-new-privileges"] : [],
    ReadonlyRootfs: spec.readOnly,
    // Absent, not false: the daemon may have been told to give every container an init.
    ...(spec.init ? { Init: true } : {}),
    Sysctls: Object.fromEntries(spec.sysctls),
    ...logConfig(spec),
  };
}

function limits(spec: ContainerSpec): HostConfig {
  const { memoryBytes, cpuMillis, cpuWeight } = spec.resources;
  return {
    // Docker would add as much swap again if it were not told.
    ...(memoryBytes > 0 ? { Memory: memoryBytes, MemorySwap: memoryBytes } : {}),
    ...(cpuMillis > 0 ? { NanoCpus: cpuMillis * 1_000_000 } : {}),
    ...(cpuWeight === undefined ? {} : { CpuShares: Math.max(2, Math.round((cpuWeight * 1_024) / 100)) }),
    ...given("PidsLimit", spec.pidsLimit),
    ...given("ShmSize", spec.shmSizeBytes),
    Ulimits: spec.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  };
}

function restartPolicy({ restart }: ContainerSpec): NonNullable<HostConfig["RestartPolicy"]> {
  switch (restart.when) {
    case "no":
      return { Name: "no" };
    case "always":
      return { Name: "unless-stopped" };
    case "on-failure":
      return { Name: "on-failure", MaximumRetryCount: 0 };
  }
}

function portBindings(
  ports: readonly PublishedPort[],
): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const { hostAddress = "", hostPort, lastHostPort } = port;
    const range = lastHostPort === undefined ? `${hostPort ?? ""}` : `${hostPort}-${lastHostPort}`;
    const key = portKey(port);
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostAddress, HostPort: range }];
  }
  return bindings;
}

function portKey({ containerPort, protocol }: PublishedPort): string {
  return `${containerPort}/${protocol}`;
}

function bind({ source, target, readOnly, options }: ContainerVolume): string[] {
  if (source === undefined) return [];
  const words = [...(readOnly ? ["ro"] : []), ...options];
  return [[source, target, ...(words.length > 0 ? [words.join(",")] : [])].join(":")];
}

/** A mount, not a bind: of a bind that is missing on the host Docker makes a directory, and starts the container. */
function permitMount(source: string): MountSettings {
  return { Type: "bind", Source: source, Target: permitInContainer, ReadOnly: true };
}

function deviceMapping({ host, container, permissions }: ContainerDevice) {
  return { PathOnHost: host, PathInContainer: container, CgroupPermissions: permissions };
}

function networking({
  network,
  networkAliases,
}: ContainerSpec): Pick<ContainerCreateOptions, "NetworkingConfig"> {
  if (network === undefined || networkAliases.length === 0) return {};
  return { NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [...networkAliases] } } } };
}

function logConfig({ logDriver, logOptions }: ContainerSpec): Pick<HostConfig, "LogConfig"> {
  if (logDriver === undefined && logOptions.size === 0) return {};
  return { LogConfig: { Type: logDriver ?? "", Config: Object.fromEntries(logOptions) } };
}

/** A property to spread, or none: Docker reads an absent one as "the image's own". */
function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
