/**
 * The root file system that every host shares, read-only, below its own writable layer: Debian with systemd, D-Bus,
 * Docker and etcd. Nothing of it starts by itself; a host's own layer enables what that host runs.
 */
import { chmod, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromCache, type Recipe } from "./cache.ts";
import { debootstrap, suite } from "./debian.ts";
import type { Progress } from "./progress.ts";

const packages = [
  "systemd,systemd-sysv,dbus,iproute2,iputils-ping,ca-certificates,iptables,procps,kmod,libnss-myhostname",
  "docker.io,etcd-server,etcd-client,openssl,curl,netcat-openbsd,openssh-server,git,libstdc++6",
].flatMap((line) => line.split(","));

/** Units that cannot work in a container, or only cost time there. */
const masked = [
  ...["resolved", "timesyncd", "networkd", "udevd", "udev-trigger", "logind"].map(
    (name) => `systemd-${name}.service`,
  ),
  ...["e2scrub_reap.service", "getty@tty1.service", "console-getty.service"],
  ...["e2scrub_all", "apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "fstrim"].map(
    (name) => `${name}.timer`,
  ),
  ...["config", "debug", "tracing"].map((name) => `sys-kernel-${name}.mount`),
];

/** Enabled by their Debian packages; here each host enables its own. */
const disabled = [
  ...["etcd", "docker", "containerd", "ssh"].map((name) => `multi-user.target.wants/${name}.service`),
  "sockets.target.wants/docker.socket",
];

const dockerDropIn = `[Service]
# systemd-nspawn mounts cgroup v1 controllers read-only. Our cgroup namespace already confines the host to its own subtree.
ExecStartPre=/bin/sh -c 'for d in /sys/fs/cgroup/*/; do mountpoint -q "$d" && mount -o remount,rw,bind "$d"; done; true'
`;

const etcdDropIn = `[Unit]
StartLimitIntervalSec=0
[Service]
# A member comes back however it ended, as it would under any supervisor of a production cluster.
Restart=always
RestartSec=1
TimeoutStartSec=60
`;

/**
 * runc refuses to grant a capability that the machine's own root lacks (some sandboxes withhold CAP_SYS_RESOURCE), which
 * would break \`docker run --privileged\`. So what the host does not hold is not asked for.
 */
const runcWrapper = `#!/bin/sh
bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
if [ $(( 0x$bounding >> 24 & 1 )) = 0 ]; then
  previous=
  for argument in "$@"; do
    file=
    case $previous in
      --bundle | -b) file=$argument/config.json ;;
      --process | -p) file=$argument ;;
    esac
    [ -n "$file" ] && [ -f "$file" ] && sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
    previous=$argument
  done
fi
exec /usr/sbin/runc "$@"
`;

const dockerSettings = {
  "default-runtime": "runc-bounded",
  runtimes: { "runc-bounded": { path: "/usr/local/sbin/runc-bounded" } },
  "insecure-registries": ["10.0.0.0/8"],
  "log-level": "warn",
};

/** What the base is made of; its cache entry is named for this. */
export const baseRecipe: Recipe = {
  kind: "base",
  title: `base root file system (Debian ${suite} with systemd, Docker and etcd; once per machine)`,
  inputs: [
    suite,
    ...packages,
    ...masked,
    ...disabled,
    dockerDropIn,
    etcdDropIn,
    runcWrapper,
    JSON.stringify(dockerSettings),
    process.arch,
    "recipe 1",
  ],
  async build(directory, signal) {
    await debootstrap(directory, packages, signal);
    await settle(directory);
  },
};

/** The directory of the base root file system, built if this machine has none yet. Never write to it. */
export function ensureBase(progress: Progress, signal: AbortSignal): Promise<string> {
  return fromCache(baseRecipe, progress, signal);
}

async function settle(root: string): Promise<void> {
  const units = join(root, "etc/systemd/system");
  for (const path of disabled) await rm(join(units, path), { force: true });
  for (const unit of masked) await replaceByLink("/dev/null", join(units, unit));
  await put(join(units, "docker.service.d/10-cgroups.conf"), dockerDropIn);
  await put(join(units, "etcd.service.d/10-restart.conf"), etcdDropIn);
  await put(join(root, "etc/docker/daemon.json"), `${JSON.stringify(dockerSettings, null, 2)}\n`);
  await put(join(root, "usr/local/sbin/runc-bounded"), runcWrapper, 0o755);
  // CoreOS' /bin/sh is bash, and the unit files written for it rely on that.
  await replaceByLink("bash", join(root, "bin/sh"));
  await writeFile(join(root, "etc/machine-id"), "");
  await replaceByLink("/etc/machine-id", join(root, "var/lib/dbus/machine-id"));
  await rm(join(root, "etc/resolv.conf"), { force: true });
  await writeFile(join(root, "etc/resolv.conf"), "");
  await slim(root);
}

/** Removes what a throw-away system never reads: package lists, manual pages, translations. */
export async function slim(root: string): Promise<void> {
  for (const path of [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "var/lib/apt/lists",
    "var/cache/apt/archives",
  ]) {
    const directory = join(root, path);
    for (const name of await readdir(directory).catch(() => [])) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
  await chmod(path, mode);
}

async function replaceByLink(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await mkdir(join(path, ".."), { recursive: true });
  await symlink(target, path);
}
