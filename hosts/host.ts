/**
 * One host of a cluster: a Debian with its own systemd, network, machine id and Docker, on this machine. What can happen to a
 * server can happen to it: it stops, reboots, loses its power or its cable, and hangs.
 */
import { existsSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";
import { Cgroup, signalProcess } from "./cgroups.ts";
import { clusterNames, type HostNames, hostNames } from "./names.ts";
import { type Cable, cables, createHostNetwork, cutCable, joinCable, removeHostNetwork } from "./network.ts";
import {
  enteringHost,
  type HostDirectories,
  hostDirectories,
  leaderOf,
  nspawnArguments,
  removeTraces,
  superviseHost,
} from "./nspawn.ts";
import { type Identity, identity } from "./pki.ts";
import type { ClusterRecord } from "./record.ts";
import { attempt, commandFailed, type Finished, type RunOptions, run } from "./run.ts";

/** `SIGRTMIN+4` of glibc: systemd(1) powers off. */
const powerOffSignal = 38;

export type HostState = "running" | "frozen" | "stopped";

/** Mode and owner of a file that is written into a host. Default: 0644, root. */
export interface FileOptions {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export class Host {
  readonly number: number;
  /** `h1`: also its hostname and the name of its etcd member. */
  readonly name: string;
  readonly address: string;
  /** Its certificate and key on this machine: a server's and a client's at once. */
  readonly identity: Identity;
  readonly #record: () => ClusterRecord;
  readonly #names: HostNames;
  readonly #directories: HostDirectories;
  readonly #cgroup: Cgroup;

  /** `record` is asked each time, since hosts may be added and a way out be opened while this host lives. */
  constructor(number: number, directory: string, record: () => ClusterRecord) {
    const { name: cluster, octet, cgroups } = record();
    this.#record = record;
    this.#names = hostNames(cluster, octet, number);
    this.#directories = hostDirectories(directory, this.#names.hostname);
    this.#cgroup = new Cgroup(cgroups, this.#names.qualified);
    this.number = number;
    this.name = this.#names.hostname;
    this.address = this.#names.address;
    this.identity = identity(join(directory, "pki"), this.name);
  }

  get state(): HostState {
    if (this.leader === undefined) return "stopped";
    return this.#cgroup.frozen ? "frozen" : "running";
  }

  /** The id of its systemd, seen from this machine; undefined when the host does not run. */
  get leader(): number | undefined {
    return leaderOf(this.#directories);
  }

  /** The D-Bus address of its systemd, for this machine. Throws `host-not-running`. */
  get busAddress(): string {
    return `unix:path=${this.path("/run/dbus/system_bus_socket")}`;
  }

  /** Its Docker's socket, for this machine. Throws `host-not-running`. */
  get dockerSocket(): string {
    return this.path("/run/docker.sock");
  }

  /** A path of the host as this machine sees it while the host runs. Throws `host-not-running`. */
  path(inHost: string): string {
    return join(`/proc/${this.#requireLeader()}/root`, inHost);
  }

  /** The state of its cable. */
  async cable(): Promise<Cable> {
    const { name, octet } = this.#record();
    return (await cables(clusterNames(name, octet))).get(this.name) ?? "absent";
  }

  /** Runs a command in the host and resolves to its standard output. Rejects with `command-failed` on a non-zero status. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(argv, options);
    if (code === 0) return stdout;
    throw commandFailed([`${this.name}:`, ...argv], code, stderr || stdout);
  }

  /** Runs a command in the host and resolves to how it ended. Rejects with `host-not-running`, or as `run.attempt` does. */
  attempt(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return attempt(this.command(argv), options);
  }

  /** The command of this machine that runs `argv` in the host, with the caller's terminal. Throws `host-not-running`. */
  command(argv: readonly string[], term?: string): readonly string[] {
    const leader = this.#requireLeader();
    if (this.#cgroup.frozen) throw this.#isNot("running, it is frozen", `hosts thaw ${this.name}`);
    // In the host's cgroups: else what is started would outlive a power cut.
    return this.#cgroup.joining(enteringHost(leader, argv, term));
  }

  /** Writes a file of the host, running or not, with the directories above it. */
  async write(inHost: string, content: string | Uint8Array, options: FileOptions = {}): Promise<void> {
    const path = this.#onDisk(inHost);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, options.mode ?? 0o644);
    if (options.uid !== undefined) await chown(path, options.uid, options.gid ?? options.uid);
  }

  /** Copies a file or a directory's content of this machine to a path of the host, running or not. */
  async copyIn(source: string, inHost: string): Promise<void> {
    const path = this.#onDisk(inHost);
    await mkdir(dirname(path), { recursive: true });
    await run(["cp", "-a", "--no-target-directory", source, path], { deadlineMs: 120_000 });
  }

  /** Makes the directories of a new host, with the cluster's images in its Docker's. */
  async prepare(): Promise<void> {
    const { upper, work, root, docker, containerd } = this.#directories;
    for (const directory of [upper, work, root, docker, containerd])
      await mkdir(directory, { recursive: true });
    const { images } = this.#record();
    if (images !== undefined)
      await run(["cp", "-al", join(images, "overlay2"), join(images, "image"), docker]);
  }

  /** Has a unit of the base start at every boot, from the next one on. */
  async enable(unit: string): Promise<void> {
    const link = this.#onDisk(`/etc/systemd/system/multi-user.target.wants/${unit}`);
    await mkdir(dirname(link), { recursive: true });
    await rm(link, { force: true });
    await symlink(`/lib/systemd/system/${unit}`, link);
  }

  /** Boots the host and resolves when its systemd has started everything it should. A host that runs is left alone. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.leader !== undefined) return;
    const { name, octet, base, binds, uplink } = this.#record();
    const cluster = clusterNames(name, octet);
    const { root, upper, work, pidFile } = this.#directories;
    await createHostNetwork(cluster, this.#names, uplink ? cluster.switchAddress : cluster.machineAddress);
    if ((await attempt(["mountpoint", "-q", root])).code !== 0) {
      await run([
        "mount",
        "-t",
        "overlay",
        "-o",
        `lowerdir=${base},upperdir=${upper},workdir=${work}`,
        "overlay",
        root,
      ]);
    }
    this.#cgroup.create();
    await rm(pidFile, { force: true });
    superviseHost(this.#cgroup, this.#directories, nspawnArguments(this.#names, this.#directories, binds));
    await this.#booted(undefined, signal);
  }

  /** Shuts the host down in order, as `systemctl poweroff` does, and cuts its power after 30 s. Its disk stays. */
  async stop(): Promise<void> {
    const leader = this.leader;
    if (leader !== undefined) {
      this.thaw();
      signalProcess(leader, powerOffSignal);
      const deadline = performance.now() + 30_000;
      while (this.#cgroup.processes().length > 0 && performance.now() < deadline) await delay(20);
    }
    await this.#release();
  }

  /**
   * Cuts the host's power: no process gets to say goodbye, and its network falls silent first, so that no peer is told
   * (the kernel would still close the connections of the dead). Its disk stays.
   */
  async kill(): Promise<void> {
    const { name, octet } = this.#record();
    const cluster = clusterNames(name, octet);
    if ((await this.cable()) !== "absent") await cutCable(cluster, this.#names);
    await this.#cgroup.kill();
    await this.#release();
    await removeHostNetwork(cluster, this.#names);
  }

  /** Reboots the host and resolves when it is up again: another boot id, the same machine id. */
  async reboot(signal?: AbortSignal): Promise<void> {
    const before = this.#requireLeader();
    // Its answer may be lost with the host that gives it.
    await this.attempt(["systemctl", "--no-block", "reboot"]);
    await this.#booted(before, signal);
  }

  /** Stops every process of the host where it is, until `thaw`: a hang. Its kernel goes on answering for it. */
  async freeze(): Promise<void> {
    this.#requireLeader();
    await this.#cgroup.freeze();
  }

  /** Lets a frozen host go on. */
  thaw(): void {
    this.#cgroup.thaw();
  }

  /** Pulls its network cable: the host sees the carrier go. */
  async cut(): Promise<void> {
    const { name, octet } = this.#record();
    await cutCable(clusterNames(name, octet), this.#names);
  }

  /** Plugs its network cable in again. */
  async join(): Promise<void> {
    const { name, octet } = this.#record();
    await joinCable(clusterNames(name, octet), this.#names);
  }

  /** Its console: what nspawn and the boot printed. */
  get consoleFile(): string {
    return this.#directories.console;
  }

  /** Kills the host and removes everything of it from this machine but its directory. Repeatable. */
  async remove(): Promise<void> {
    const { name, octet } = this.#record();
    await this.#cgroup.kill();
    await this.#release();
    await removeHostNetwork(clusterNames(name, octet), this.#names);
  }

  async #release(): Promise<void> {
    await this.#cgroup.kill();
    await removeTraces(this.#names, this.#directories);
    const { root } = this.#directories;
    while ((await attempt(["mountpoint", "-q", root])).code === 0) {
      const { code } = await attempt(["umount", root]);
      if (code !== 0) await run(["umount", "--lazy", root]);
    }
    await this.#cgroup.remove();
    await rm(this.#directories.pidFile, { force: true });
  }

  /** Waits for a PID 1 other than `before`, for its D-Bus, and until its start-up queue is empty. */
  async #booted(before: number | undefined, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + 60_000;
    const options = signal ? { signal } : {};
    const bus = () => {
      const leader = this.leader;
      return (
        leader !== undefined &&
        leader !== before &&
        existsSync(`/proc/${leader}/root/run/dbus/system_bus_socket`)
      );
    };
    const started = performance.now();
    while (!bus()) {
      const dead = performance.now() - started > 2_000 && this.#cgroup.processes().length === 0;
      if (dead || performance.now() > deadline)
        throw this.#notBooted(dead ? "systemd-nspawn has ended" : "no D-Bus");
      await delay(10, undefined, options);
    }
    // "degraded" is up as well: a unit failed, and `systemctl --failed` in the host says which.
    let said = "";
    while (!/^(running|degraded)$/m.test(said)) {
      if (performance.now() > deadline) throw this.#notBooted(`system state "${said.trim()}"`);
      const left = Math.max(1_000, deadline - performance.now());
      said = (
        await this.attempt(["systemctl", "is-system-running", "--wait"], { ...options, deadlineMs: left })
      ).stdout;
    }
  }

  #onDisk(inHost: string): string {
    const leader = this.leader;
    return join(leader === undefined ? this.#directories.upper : `/proc/${leader}/root`, inHost);
  }

  #requireLeader(): number {
    const leader = this.leader;
    if (leader === undefined) throw this.#isNot("running", `hosts start ${this.name}`);
    return leader;
  }

  #isNot(what: string, command: string): PlatformError {
    const { name } = this.#record();
    return new PlatformError("host-not-running", `Host "${this.name}" of cluster "${name}" is not ${what}`, {
      hint: `\`${command} --name ${name}\` changes that`,
    });
  }

  #notBooted(seen: string): PlatformError {
    const said = tail(this.consoleFile);
    return new PlatformError("host-not-booted", `Host "${this.name}" did not boot: ${seen}${said}`);
  }
}

/** The last lines of a log, each on a line of its own; empty when there are none. */
function tail(path: string): string {
  if (!existsSync(path)) return "";
  const lines = readFileSync(path, "utf8").trimEnd().split("\n").slice(-5);
  return `; its console said last:\n${lines.join("\n")}`;
}
