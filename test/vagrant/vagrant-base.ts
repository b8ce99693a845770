/**
 * Vagrant as Debian packages it, with its lxc and libvirt providers, and a box for it: both kept in the cache of the real
 * hosts, so that nothing is installed on this machine itself.
 */
import { cp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureBase } from "../../hosts/base.ts";
import { fromCache } from "../../hosts/cache.ts";
import { debootstrap } from "../../hosts/debian.ts";
import type { Progress } from "../../hosts/progress.ts";
import { attempt, run } from "../../hosts/run.ts";

const packages = ["vagrant", "vagrant-lxc", "vagrant-libvirt", "lxc", "bridge-utils", "sudo"];

/** The root file system of the real hosts, with Vagrant in it; built in about 20 s if this machine has none yet. */
export async function ensureVagrant(progress: Progress, signal: AbortSignal): Promise<string> {
  const base = await ensureBase(progress, signal);
  return await fromCache(
    {
      kind: "vagrant",
      title: "Vagrant with its lxc and libvirt providers (once per machine)",
      inputs: [base, ...packages, "recipe 1"],
      async build(directory, building) {
        await run(["cp", "-a", `${base}/.`, directory], { deadlineMs: 120_000, signal: building });
        await installPackages(directory, building);
      },
    },
    progress,
    signal,
  );
}

async function installPackages(root: string, signal: AbortSignal): Promise<void> {
  const inRoot = (argv: readonly string[]) =>
    run(["chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", ...argv], {
      deadlineMs: 10 * 60_000,
      signal,
    });
  // A package's service must not start on this machine (invoke-rc.d(8)).
  const policy = join(root, "usr/sbin/policy-rc.d");
  await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  await cp("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  await inRoot(["apt-get", "update", "-q"]);
  await inRoot(["apt-get", "install", "-q", "-y", "--no-install-recommends", ...packages]);
  await inRoot(["apt-get", "clean"]);
  await rm(policy);
  await writeFile(join(root, "etc/resolv.conf"), "");
}

/** What a Debian box has beside a minimal system: neither Docker nor etcd, which the provisioning installs. */
const boxPackages = [
  ...["systemd", "systemd-sysv", "dbus", "libnss-myhostname", "iproute2", "iputils-ping", "procps"],
  ...["openssh-server", "sudo", "ca-certificates", "curl"],
];

/** LXC's settings of the box's containers: systemd and Docker run in them. */
const lxcConfig = `lxc.mount.auto = proc:rw sys:mixed cgroup:rw
lxc.apparmor.profile = unconfined
lxc.cap.drop =
lxc.autodev = 1
lxc.tty.max = 2
lxc.pty.max = 1024
`;

/** The private network's address is set from outside: networkd must leave every link but the first alone. */
const network = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nClientIdentifier=mac\n";

/** A box of Debian 12 for vagrant-lxc, `<directory>/bookworm.box`; built if this machine has none yet. */
export async function ensureBox(progress: Progress, signal: AbortSignal): Promise<string> {
  const vagrant = await ensureVagrant(progress, signal);
  const directory = await fromCache(
    {
      kind: "box",
      title: "a box of Debian 12 for vagrant-lxc (once per machine)",
      inputs: [...boxPackages, lxcConfig, network, "recipe 2"],
      async build(target, building) {
        const rootfs = join(target, "rootfs");
        await mkdir(rootfs);
        await debootstrap(rootfs, boxPackages, building);
        await makeLogin(rootfs, vagrant);
        await pack(target, building);
      },
    },
    progress,
    signal,
  );
  return join(directory, "bookworm.box");
}

/** What Vagrant expects of every box: a user `vagrant` with its well-known key, who may do all; and a network. */
async function makeLogin(rootfs: string, vagrant: string): Promise<void> {
  await run(["chroot", rootfs, "useradd", "--create-home", "--shell", "/bin/bash", "vagrant"]);
  const { stdout } = await attempt(["find", join(vagrant, "usr/share"), "-name", "vagrant.pub"]);
  const ssh = join(rootfs, "home/vagrant/.ssh");
  await mkdir(ssh, { mode: 0o700 });
  await cp(stdout.trim().split("\n")[0] ?? "", join(ssh, "authorized_keys"));
  await run(["chroot", rootfs, "chown", "-R", "vagrant:vagrant", "/home/vagrant"]);
  await writeFile(join(rootfs, "etc/sudoers.d/vagrant"), "vagrant ALL=(ALL) NOPASSWD:ALL\n", { mode: 0o440 });
  await writeFile(join(rootfs, "etc/systemd/network/eth0.network"), network);
  // Each machine makes its own id at its first boot; machines with the same one would be one machine to the cluster.
  await writeFile(join(rootfs, "etc/machine-id"), "");
  await rm(join(rootfs, "var/lib/dbus/machine-id"), { force: true });
  const wants = join(rootfs, "etc/systemd/system/multi-user.target.wants");
  await mkdir(wants, { recursive: true });
  await symlink("/lib/systemd/system/systemd-networkd.service", join(wants, "systemd-networkd.service"));
}

async function pack(directory: string, signal: AbortSignal): Promise<void> {
  const options = { deadlineMs: 300_000, signal };
  await writeFile(join(directory, "metadata.json"), '{"provider":"lxc","version":"1.0.0"}\n');
  await writeFile(join(directory, "lxc-config"), lxcConfig);
  const all = ["--numeric-owner", "--exclude=./rootfs/dev/*", "--use-compress-program=gzip -1"];
  await run(["tar", "-C", directory, ...all, "-cf", join(directory, "rootfs.tar.gz"), "./rootfs"], options);
  await rm(join(directory, "rootfs"), { recursive: true });
  const files = ["metadata.json", "lxc-config", "rootfs.tar.gz"];
  await run(["tar", "-C", directory, "-cf", join(directory, "bookworm.box"), ...files], options);
  await rm(join(directory, "rootfs.tar.gz"));
}
