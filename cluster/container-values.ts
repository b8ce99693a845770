/**
 * The forms that single values of a `[Container]` unit take: ports, volumes, devices and their kin. Each parser takes the value
 * without specifiers and fails with what is wrong and an example.
 *
 * Pure.
 */
import type { Fail } from "./container-options.ts";
import { parseByteSize } from "./resources.ts";

/** When an image is fetched: if the host has none, before each start, or not at all. */
export type PullPolicy = "missing" | "always" | "never";

/** When a container that ended is started again. */
export type RestartCondition = "no" | "always" | "on-failure";

export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** The host's address to listen on; absent: all. IPv6 without brackets. */
  readonly hostAddress?: string;
  /** Absent: the engine chooses a free one. */
  readonly hostPort?: number;
  /** With `hostPort` the bounds of a range in which the engine chooses a free one. */
  readonly lastHostPort?: number;
}

export interface ContainerVolume {
  /** An absolute path of the host, or a volume's name. Absent: an anonymous volume. */
  readonly source?: string;
  /** Absolute, in the container. */
  readonly target: string;
  readonly readOnly: boolean;
  /** The engine's other mount options as written: `z`, `rshared`, `nocopy`, … */
  readonly options: readonly string[];
}

export interface EnvironmentFile {
  /** Absolute, on the host. */
  readonly path: string;
  /** `-` before the path: it is no error if the file is missing. */
  readonly optional: boolean;
}

export interface ContainerDevice {
  readonly host: string;
  readonly container: string;
  /** Of `r`, `w` and `m`. */
  readonly permissions: string;
  /** `-` before the path: it is no error if the host has no such device. */
  readonly optional: boolean;
}

export interface ContainerUlimit {
  readonly name: string;
  /** -1: no limit. */
  readonly soft: number;
  readonly hard: number;
}

/** `NAME=value`; the value may be empty. */
export function parseAssignment(word: string, fail: Fail): readonly [name: string, value: string] {
  const equals = word.indexOf("=");
  if (equals < 1)
    return fail(`has "${word}", which is not NAME=value`, 'Write NAME=value or "NAME=two words"');
  return [word.slice(0, equals), word.slice(equals + 1)];
}

export function parseEnvironmentFile(value: string, fail: Fail): EnvironmentFile {
  const optional = value.startsWith("-");
  return { path: parseAbsolutePath(optional ? value.slice(1) : value, fail), optional };
}

export function parseAbsolutePath(value: string, fail: Fail): string {
  return value.startsWith("/") ? value : fail("is no absolute path", "Begin it with /");
}

/**
 * `80`, `8080:80`, `127.0.0.1:8080:80`, `127.0.0.1::80`, `[::1]:8080:80`, each with `/tcp`, `/udp` or `/sctp`; equal ranges
 * (`8000-8002:80-82`) give one port each, a host range before one port is for the engine to choose from.
 */
export function parsePorts(value: string, fail: Fail): readonly PublishedPort[] {
  const form = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):)??(?:([0-9-]*):)?([0-9-]+)(?:\/(\w+))?$/.exec(value);
  const hint = "Write PublishPort=8080:80, 127.0.0.1:8080:80 or 8080:80/udp";
  if (form === null) return fail("is no port to publish", hint);
  const [, ipv6, ipv4, hostRange = "", containerRange = "", protocol = "tcp"] = form;
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    return fail(`has the unknown protocol "${protocol}"`, "Protocols are tcp, udp and sctp");
  }
  const hostAddress = ipv6 ?? (ipv4 === "" ? undefined : ipv4);
  if (hostAddress !== undefined && ipv6 === undefined && !isIpv4(hostAddress)) {
    return fail(`has the host address "${hostAddress}", which is none`, hint);
  }
  const container = parseRange(containerRange) ?? fail(`has no port or range "${containerRange}"`, hint);
  const host =
    hostRange === ""
      ? undefined
      : (parseRange(hostRange) ?? fail(`has no port or range "${hostRange}"`, hint));
  const count = container.last - container.first + 1;
  const hostCount = host === undefined ? count : host.last - host.first + 1;
  if (count !== hostCount && count > 1) {
    return fail("has ranges of different lengths", "Give both ranges the same length: 8000-8002:80-82");
  }
  return Array.from({ length: count }, (_, offset) => ({
    containerPort: container.first + offset,
    protocol,
    ...(hostAddress === undefined ? {} : { hostAddress }),
    ...(host === undefined ? {} : { hostPort: host.first + offset }),
    ...(host === undefined || hostCount === count ? {} : { lastHostPort: host.last }),
  }));
}

const volumeOptions = /^(?:ro|rw|z|Z|nocopy|r?shared|r?slave|r?private|cached|delegated|consistent)$/;

/** `/data`, `name:/data` or `/host/data:/data`, each with `:ro,z`. */
export function parseVolume(value: string, fail: Fail): ContainerVolume {
  const hint = "Write Volume=/host/path:/path, name:/path or /path, with :ro to forbid writing";
  const parts = value.split(":");
  if (parts.length > 3) return fail("is no volume", hint);
  const [source, target, options = ""] = parts.length === 1 ? [undefined, value] : parts;
  if (target === undefined || !target.startsWith("/"))
    return fail("names no absolute path in the container", hint);
  if (source?.endsWith(".volume")) {
    return fail("names a Quadlet .volume unit, which Docker does not have", "Name the volume itself");
  }
  if (source !== undefined && !source.startsWith("/") && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(source)) {
    return fail(`has the source "${source}", which is neither an absolute path nor a volume's name`, hint);
  }
  const words = options.split(",").filter((word) => word !== "");
  const unknown = words.find((word) => !volumeOptions.test(word));
  if (unknown !== undefined) return fail(`has the unknown option "${unknown}"`, hint);
  return {
    ...(source === undefined ? {} : { source }),
    target,
    readOnly: words.includes("ro"),
    options: words.filter((word) => word !== "ro" && word !== "rw"),
  };
}

/** `/path` or `/path:size=64m,mode=1777`. */
export function parseTmpfs(value: string, fail: Fail): readonly [path: string, options: string] {
  const colon = value.indexOf(":");
  const path = colon === -1 ? value : value.slice(0, colon);
  return [parseAbsolutePath(path, fail), colon === -1 ? "" : value.slice(colon + 1)];
}

/** `/dev/fuse`, `/dev/sda:/dev/xvda`, `/dev/sda:/dev/xvda:rw`; `-` before it if it may be missing. */
export function parseDevice(value: string, fail: Fail): ContainerDevice {
  const optional = value.startsWith("-");
  const [host = "", second, third, ...more] = (optional ? value.slice(1) : value).split(":");
  const path = second?.startsWith("/") ? second : host;
  const permissions = (second?.startsWith("/") ? third : second) ?? "rwm";
  const tooMany = more.length > 0 || (third !== undefined && !second?.startsWith("/"));
  if (tooMany || !host.startsWith("/") || !/^[rwm]{1,3}$/.test(permissions)) {
    return fail(`has "${value}", which is no device`, "Write AddDevice=/dev/fuse or /dev/sda:/dev/xvda:rwm");
  }
  return { host, container: path, permissions, optional };
}

/** `name:address`; the address may be `host-gateway`. */
export function parseHost(value: string, fail: Fail): string {
  if (/^[^\s:]+:\S+$/.test(value)) return value;
  return fail(`has "${value}", which is not name:address`, "Write AddHost=db:10.0.0.7");
}

/** `nofile=1024`, `nofile=1024:2048`; -1 for no limit. */
export function parseUlimit(value: string, fail: Fail): ContainerUlimit {
  const form = /^([a-z]+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(value);
  if (form === null) return fail(`has "${value}", which is no limit`, "Write Ulimit=nofile=1024:2048");
  const [, name = "", soft, hard] = form;
  return { name, soft: Number(soft), hard: Number(hard ?? soft) };
}

export function parsePullPolicy(value: string, fail: Fail): PullPolicy {
  if (value === "missing" || value === "always" || value === "never") return value;
  return fail("is no pull policy", "Write missing, always or never");
}

/** systemd's conditions, as near as an engine can keep them while no daemon of ours runs. */
export function parseRestart(value: string, fail: Fail): RestartCondition {
  switch (value) {
    case "no":
    case "always":
    case "on-failure":
      return value;
    // A container's end by a signal is a failure like any other to the engine.
    case "on-abnormal":
    case "on-abort":
      return "on-failure";
    default:
      return fail("is no condition that Docker can keep", "Write no, always or on-failure");
  }
}

/** Linux's signals from 1 (`signal(7)`, x86 and Arm). */
const signals: readonly string[] = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT " +
  "CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
  .split(" ")
  .map((name) => `SIG${name}`);
const realTimeSignal = /^SIGRTM(?:IN(?:\+\d{1,2})?|AX(?:-\d{1,2})?)$/;

/** `SIGTERM`, `TERM` or `15`, as `SIGTERM`; real-time signals as `SIGRTMIN+3`. */
export function parseSignal(value: string, fail: Fail): string {
  const hint = "Write a signal's name, for example SIGTERM or SIGQUIT";
  const name = /^\d+$/.test(value) ? signals[Number(value) - 1] : value.replace(/^(?:SIG)?/, "SIG");
  if (name !== undefined && (signals.includes(name) || realTimeSignal.test(name))) return name;
  return fail("is no signal", hint);
}

/** Bytes of `64m`, `1G` or a bare number. */
export function parseSize(value: string, fail: Fail): number {
  return (
    parseByteSize(value.toUpperCase()) || fail("is no size", "Write a number with K, M or G: ShmSize=64M")
  );
}

/** A count, or -1 for no limit. */
export function parseLimit(value: string, fail: Fail): number {
  const count = /^(?:-1|\d{1,9})$/.test(value) ? Number(value) : 0;
  return count || fail("is no count", "Write a whole number, or -1 for no limit");
}

export function parseImage(value: string, fail: Fail): string {
  if (/\s/.test(value)) return fail("is no image reference", "Write it like Image=nginx:1.27");
  if (!/\.(?:image|build)$/.test(value)) return value;
  return fail("names a Quadlet .image or .build unit, which Docker does not have", "Name the image itself");
}

export function parseNetwork(value: string, fail: Fail): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.:-]*$/.test(value) && !value.endsWith(".network")) return value;
  return fail("is no network of Docker's", "Write bridge, host, none, container:<name> or a network's name");
}

/** What Docker takes; before an agent knows its host the name may still hold `%H` or `%m`. */
export function parseContainerName(value: string, fail: Fail): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(value.replaceAll(/%[Hm]/g, "x0"))) return value;
  return fail("is no container name", "Write a letter or digit, then letters, digits, _ . or -");
}

function parseRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return range.first >= 1 && range.first <= range.last && range.last <= 65_535 ? range : undefined;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}
