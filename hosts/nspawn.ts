/**
 * How a host is run: systemd-nspawn with a full systemd inside, supervised by a small shell loop, since with `--keep-unit`
 * nspawn leaves a reboot to its caller (it exits with 133). Supervisor and host live in the host's cgroup, not in the
 * process that started them: a host outlives the command that made it.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Cgroup } from "./cgroups.ts";
import type { HostNames } from "./names.ts";

/** A file or directory of this machine that a host sees. Not below /run or /tmp, which a host mounts over. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly writable?: boolean;
}

/** The directories of one host on this machine. */
export interface HostDirectories {
  /** What the host wrote, over the base; kept through stop, power cut and start. */
  readonly upper: string;
  readonly work: string;
  /** Where both are mounted as one. */
  readonly root: string;
  /** Docker's own directories: overlayfs cannot lie on overlayfs, so they are bound from the disk. */
  readonly docker: string;
  readonly containerd: string;
  readonly pidFile: string;
  readonly console: string;
}

/** The directories of a host below its cluster's. */
export function hostDirectories(clusterDirectory: string, hostname: string): HostDirectories {
  const at = (name: string) => join(clusterDirectory, hostname, name);
  return {
    upper: at("upper"),
    work: at("work"),
    root: at("root"),
    docker: at("docker"),
    containerd: at("containerd"),
    pidFile: at("nspawn.pid"),
    console: at("console.log"),
  };
}

/** The arguments of systemd-nspawn(1) for a host. */
export function nspawnArguments(
  names: HostNames,
  directories: HostDirectories,
  binds: readonly Bind[],
): readonly string[] {
  const own: Bind[] = [
    { source: directories.docker, target: "/var/lib/docker", writable: true },
    { source: directories.containerd, target: "/var/lib/containerd", writable: true },
  ];
  return [
    "systemd-nspawn",
    "--quiet",
    `--directory=${directories.root}`,
    `--machine=${names.qualified}`,
    `--hostname=${names.hostname}`,
    "--register=no",
    "--keep-unit",
    `--network-namespace-path=/run/netns/${names.qualified}`,
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    // What Docker needs to run containers, privileged ones too.
    "--capability=all",
    "--system-call-filter=add_key keyctl bpf @keyring @mount",
    ...[...own, ...binds].map(
      ({ source, target, writable }) => `--bind${writable ? "" : "-ro"}=${source}:${target}`,
    ),
    "--console=pipe",
    "--boot",
    "systemd.log_target=journal",
  ];
}

/** The variables that systemd-nspawn reads; see systemd's ENVIRONMENT document. */
export function nspawnEnvironment(unified: boolean): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    // Docker writes /proc/sys/net.
    SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network",
    ...(unified ? { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" } : {}),
  };
}

const supervise = `
pid_file=$1; console=$2; shift 2
while :; do
  "$@" </dev/null >>"$console" 2>&1 &
  echo $! > "$pid_file"
  wait $!
  [ $? = 133 ] || exit 0
done`;

/** Starts the supervisor of a host in its cgroup and leaves it to itself. */
export function superviseHost(cgroup: Cgroup, directories: HostDirectories, nspawn: readonly string[]): void {
  const loop = ["bash", "-c", supervise, "host", directories.pidFile, directories.console, ...nspawn];
  const [program = "", ...rest] = cgroup.entering(loop);
  const options = {
    detached: true,
    stdio: "ignore",
    env: nspawnEnvironment(cgroup.unified),
    cwd: "/",
  } as const;
  spawn(program, rest, options).unref();
}

/** Where systemd-nspawn keeps a directory a machine and a lock a root; a machine that was killed leaves both. */
export const propagateDirectory = "/run/systemd/nspawn/propagate";
const locksDirectory = "/run/systemd/nspawn/locks";

/** Removes what systemd-nspawn leaves of a host that was killed. Its root must still be mounted for its lock to be found. */
export async function removeTraces(names: HostNames, directories: HostDirectories): Promise<void> {
  await rm(join(propagateDirectory, names.qualified), { recursive: true, force: true });
  const root = await stat(directories.root).catch(() => undefined);
  if (root !== undefined) await rm(join(locksDirectory, `inode-${root.dev}:${root.ino}`), { force: true });
}

/** The process id, seen from this machine, of the systemd that is PID 1 of a host; undefined when it does not run. */
export function leaderOf(directories: HostDirectories): number | undefined {
  try {
    const nspawn = Number(readFileSync(directories.pidFile, "utf8"));
    // The id may be another process's by now.
    if (readFileSync(`/proc/${nspawn}/comm`, "utf8").trim() !== "systemd-nspawn") return undefined;
    if (!readFileSync(`/proc/${nspawn}/cmdline`, "utf8").includes(directories.root)) return undefined;
    const children = readFileSync(`/proc/${nspawn}/task/${nspawn}/children`, "utf8").trim().split(/\s+/);
    return Number(children[0]) || undefined;
  } catch {
    // No file or no such process: it does not run.
    return undefined;
  }
}

/** The words before a command that make it run in all namespaces of the process `leader`, with a clean environment. */
export function enteringHost(leader: number, argv: readonly string[], term = "dumb"): readonly string[] {
  const namespaces = ["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"];
  const environment = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    `TERM=${term}`,
  ];
  return ["nsenter", "-t", String(leader), ...namespaces, "env", "-i", ...environment, ...argv];
}
