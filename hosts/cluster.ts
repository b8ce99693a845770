/**
 * A cluster of real hosts on this machine: made, found again by name, grown, parted and removed. Several can be side by
 * side. Whatever happens to the process that made one, everything of it can be found by name and removed.
 */
import { existsSync } from "node:fs";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { cacheDirectory, removeTree } from "./cache.ts";
import { cgroupLayout } from "./cgroups.ts";
import { clientUrl, maxMembers, membersHealthy } from "./etcd-member.ts";
import { Host } from "./host.ts";
import { type Leash, leash } from "./leash.ts";
import { withLock } from "./lock.ts";
import {
  type ClusterNames,
  checkClusterName,
  claimsDirectory,
  clusterNames,
  freeOctet,
  hostNames,
  maxHosts,
} from "./names.ts";
import { createSwitch, healHosts, partHosts, removeSwitch } from "./network.ts";
import type { Bind } from "./nspawn.ts";
import { createAuthority, createClientCertificate, type Identity, identity } from "./pki.ts";
import { type Progress, silent } from "./progress.ts";
import { hostTable, provision } from "./provision.ts";
import {
  type ClusterRecord,
  claim,
  clusterDirectory,
  clusterNamesOnDisk,
  findClusterDirectory,
  identify,
  isAlive,
  loadRecord,
  saveRecord,
  unclaim,
} from "./record.ts";
import { closeUplink, nameServer, openUplink, routeThroughUplink } from "./uplink.ts";

export interface ClusterOptions {
  /** Up to 31 lower-case letters, digits and dashes. */
  readonly name: string;
  /** How many hosts, from 1. Default 3. */
  readonly hosts?: number;
  /** Whether Docker runs on each host. Default true. */
  readonly docker?: boolean;
  /** Whether the first hosts, three at most, run a TLS etcd. Default true. */
  readonly etcd?: boolean;
  /** The base root file system; see `ensureBase`. */
  readonly base: string;
  /** The images that each host's Docker has from the start; see `ensureImages`. Default: none. */
  readonly images?: string;
  /** Further files of this machine that the hosts see, beside its node at /usr/bin/node. */
  readonly binds?: readonly Bind[];
  /** `process`: the cluster is garbage once the calling process is gone. `none`: it stays until `down`. Default `process`. */
  readonly owner?: "process" | "none";
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** How to reach a cluster's etcd as its operator; the shape of `[etcd]` in a settings file. */
export interface EtcdAccess extends Identity {
  readonly endpoints: readonly string[];
}

/** Where every host sees its cluster's share, read-only. */
export const shareInHost = "/mnt/share";

export class Cluster {
  readonly name: string;
  readonly directory: string;
  #record: ClusterRecord;
  #hosts: readonly Host[];
  #leash: Leash | undefined;

  private constructor(directory: string, record: ClusterRecord) {
    this.name = record.name;
    this.directory = directory;
    this.#record = record;
    this.#hosts = record.hosts.map((number) => this.#makeHost(number));
  }

  /**
   * Makes a cluster and resolves when every host is up, with its Docker and a healthy etcd. On failure or abort nothing of it
   * is left. Rejects with `cluster-exists`, `not-root`, …
   */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const { name, hosts = 3, docker = true, etcd = true, base, images, progress = silent } = options;
    const signal = options.signal ?? new AbortController().signal;
    checkClusterName(name);
    checkSize(hosts);
    requireRoot();
    const numbers = Array.from({ length: hosts }, (_, at) => at + 1);
    const owner = identify(process.pid);
    const cluster = await Cluster.#claim({
      version: 1,
      name,
      hosts: numbers,
      members: etcd ? numbers.slice(0, maxMembers) : [],
      docker,
      base,
      ...(images === undefined || !docker ? {} : { images }),
      cgroups: cgroupLayout(),
      binds: [
        { source: await realpath(process.execPath), target: "/usr/bin/node" },
        { source: join(clusterDirectory(name), "share"), target: shareInHost },
        ...(options.binds ?? []),
      ],
      uplink: false,
      // Until it is up it is this process's, so that a crash now leaves garbage that is known as such.
      ...(owner === undefined ? {} : { owner }),
      createdAt: new Date().toISOString(),
    });
    try {
      await progress.step(`${hosts} ${hosts === 1 ? "host" : "hosts"}, cluster "${name}"`, () =>
        cluster.#build(signal),
      );
      if (options.owner === "none") {
        await cluster.#change({ owner: undefined });
        cluster.#leash?.release();
      }
      return cluster;
    } catch (error) {
      await cluster.down();
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** The cluster of this name, whoever made it; undefined if there is none. */
  static async find(name: string): Promise<Cluster | undefined> {
    const directory = await findClusterDirectory(name);
    const record = directory === undefined ? undefined : loadRecord(directory);
    return directory === undefined || record === undefined ? undefined : new Cluster(directory, record);
  }

  /** The cluster of this name. Rejects with `cluster-not-found`. */
  static async open(name: string): Promise<Cluster> {
    const cluster = await Cluster.find(name);
    if (cluster !== undefined) return cluster;
    const names = await clusterNamesOnDisk();
    throw new PlatformError("cluster-not-found", `There is no cluster "${name}"`, {
      hint: names.length > 0 ? `there is ${names.join(", ")}` : `\`hosts up --name ${name}\` makes it`,
    });
  }

  /** All clusters of this machine that can be read, by name. */
  static async list(): Promise<readonly Cluster[]> {
    const found = await Promise.all((await clusterNamesOnDisk()).map((name) => Cluster.find(name)));
    return found.filter((cluster) => cluster !== undefined);
  }

  static async #claim(record: Omit<ClusterRecord, "octet">): Promise<Cluster> {
    return await withLock(join(claimsDirectory, ".lock"), async () => {
      const previous = await Cluster.find(record.name);
      if (previous?.isGarbage) await previous.down();
      const directory = clusterDirectory(record.name);
      await claim(record.name, directory);
      // Without a claim, what lies there is from before a reboot of this machine.
      await removeTree(directory);
      await mkdir(directory, { recursive: true, mode: 0o755 });
      await mkdir(join(directory, "share"));
      const others = await Cluster.list();
      const octet = freeOctet(new Set(others.map((cluster) => cluster.#record.octet)), localAddresses());
      const cluster = new Cluster(directory, { ...record, octet });
      await saveRecord(directory, cluster.#record);
      cluster.#leash = leash(record.name);
      await createSwitch(cluster.#names);
      return cluster;
    });
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** The cluster's subnet, 10.77.N.0/24. Host h<i> is 10 + i in it, this machine is 1. */
  get subnet(): string {
    return this.#names.subnet;
  }

  /** This machine's address as the hosts see it. */
  get machineAddress(): string {
    return this.#names.machineAddress;
  }

  /** A directory of this machine that every host sees, read-only, as `shareInHost`. */
  get share(): string {
    return join(this.directory, "share");
  }

  /** The cache entries that its hosts have mounted or share files with. */
  get cacheEntries(): readonly string[] {
    const { base, images } = this.#record;
    return images === undefined ? [base] : [base, images];
  }

  /** True if the process that the cluster was made for is gone. */
  get isGarbage(): boolean {
    const { owner } = this.#record;
    return owner !== undefined && !isAlive(owner);
  }

  /** The certificate and key of this machine's operator. */
  get operator(): Identity {
    return identity(this.#pki, "operator");
  }

  /** The operator's way to the cluster's etcd. `endpoints` is empty for a cluster without one. */
  get etcd(): EtcdAccess {
    const { name, octet, members } = this.#record;
    return {
      endpoints: members.map((number) => clientUrl(hostNames(name, octet, number))),
      ...this.operator,
    };
  }

  /** What a shell evaluates so that deisctl and etcdctl talk to this cluster; kept in the file `operator.env` as well. */
  get operatorEnvironment(): string {
    const { endpoints, cafile, certfile, keyfile } = this.etcd;
    const urls = endpoints.join(",");
    const deisctl = { ENDPOINT: urls, ETCD_CAFILE: cafile, ETCD_CERTFILE: certfile, ETCD_KEYFILE: keyfile };
    const etcdctl = { API: "3", ENDPOINTS: urls, CACERT: cafile, CERT: certfile, KEY: keyfile };
    const assign = (prefix: string) => (entry: [string, string]) =>
      `export ${prefix}_${entry[0]}='${entry[1]}'\n`;
    return [
      ...Object.entries(deisctl).map(assign("DEISCTL")),
      ...Object.entries(etcdctl).map(assign("ETCDCTL")),
    ].join("");
  }

  /** The host of this number. Throws `host-not-found`. */
  host(number: number): Host {
    const host = this.#hosts.find((candidate) => candidate.number === number);
    if (host !== undefined) return host;
    throw new PlatformError("host-not-found", `Cluster "${this.name}" has no host "h${number}"`, {
      hint: `it has ${this.#hosts.map((candidate) => candidate.name).join(", ")}`,
    });
  }

  /** Makes one more host, a client of the cluster's etcd, and resolves when it is up. */
  async add(signal: AbortSignal = new AbortController().signal): Promise<Host> {
    const number = Math.max(...this.#record.hosts) + 1;
    checkSize(number);
    const host = this.#makeHost(number);
    await this.#change({ hosts: [...this.#record.hosts, number] });
    this.#hosts = [...this.#hosts, host];
    try {
      await provision(host, this.#record, this.#pki);
      await host.start(signal);
      for (const other of this.#hosts) await other.write("/etc/hosts", hostTable(this.#record));
      return host;
    } catch (error) {
      await this.#forget(host);
      throw error;
    }
  }

  /** Parts these hosts from the others and from this machine, silently: packets are lost, links stay up. */
  async part(numbers: readonly number[]): Promise<void> {
    const hosts = numbers.map((number) => this.host(number));
    await partHosts(this.#names, this.#networkNames(hosts));
  }

  /** Ends every partition. */
  async heal(): Promise<void> {
    const there = await Promise.all(this.#hosts.map(async (host) => ({ host, cable: await host.cable() })));
    const parted = there.filter(({ cable }) => cable !== "absent").map(({ host }) => host);
    await healHosts(this.#names, this.#networkNames(parted));
  }

  /** Opens a way out to this machine's networks for all hosts, unless there is one. */
  async openUplink(): Promise<void> {
    if (this.#record.uplink) return;
    await openUplink(this.#names, this.#record.cgroups, this.directory);
    await this.#change({ uplink: true });
    for (const host of this.#hosts) {
      await host.write("/etc/resolv.conf", `nameserver ${nameServer}\n`);
      if (host.leader !== undefined) await routeThroughUplink(this.#names, this.#hostNames(host));
    }
  }

  /** Resolves when every etcd member whose host runs is healthy. Rejects with `etcd-unhealthy`. */
  async etcdHealthy(signal: AbortSignal = new AbortController().signal, deadlineMs?: number): Promise<void> {
    const running = this.#hosts.filter(
      (host) => host.state === "running" && this.#record.members.includes(host.number),
    );
    await membersHealthy(
      running.map((host) => clientUrl(this.#hostNames(host))),
      this.operator,
      signal,
      deadlineMs,
    );
  }

  /**
   * Removes the cluster and everything of it from this machine: hosts, processes, mounts, namespaces, links, cgroups, files.
   * Repeatable, also after it failed halfway.
   */
  async down(): Promise<void> {
    const lock = join(claimsDirectory, `.${this.name}.lock`);
    await withLock(lock, async () => {
      const present = loadRecord(this.directory);
      // While we waited it was removed, and another one of the same name made.
      if (present !== undefined && present.createdAt !== this.#record.createdAt) return;
      await Promise.all(this.#hosts.map((host) => host.remove()));
      await closeUplink(this.#names, this.#record.cgroups);
      await removeSwitch(this.#names);
      await removeTree(this.directory);
      await unclaim(this.name);
      await rm(lock, { force: true });
    });
    this.#leash?.release();
  }

  async #build(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await createAuthority(this.#pki, this.name);
    await allDone([
      createClientCertificate(this.#pki, "operator"),
      ...this.#hosts.map((host) => provision(host, this.#record, this.#pki)),
    ]);
    // All at once: a member's etcd is up only when a majority is.
    await allDone(this.#hosts.map((host) => host.start(signal)));
    await this.etcdHealthy(signal);
    await writeFile(join(this.directory, "operator.env"), this.operatorEnvironment);
  }

  async #forget(host: Host): Promise<void> {
    await host.remove();
    this.#hosts = this.#hosts.filter((other) => other !== host);
    await this.#change({ hosts: this.#hosts.map((other) => other.number) });
    await removeTree(join(this.directory, host.name));
  }

  async #change(
    change: { readonly [K in keyof ClusterRecord]?: ClusterRecord[K] | undefined },
  ): Promise<void> {
    const changed = { ...this.#record, ...change };
    const entries = Object.entries(changed).filter(([, value]) => value !== undefined);
    this.#record = Object.fromEntries(entries) as unknown as ClusterRecord;
    await saveRecord(this.directory, this.#record);
  }

  #makeHost(number: number): Host {
    return new Host(number, this.directory, () => this.#record);
  }

  #hostNames(host: Host) {
    return hostNames(this.name, this.#record.octet, host.number);
  }

  #networkNames(hosts: readonly Host[]) {
    return hosts.map((host) => this.#hostNames(host));
  }

  get #names(): ClusterNames {
    return clusterNames(this.name, this.#record.octet);
  }

  get #pki(): string {
    return join(this.directory, "pki");
  }
}

/** Waits for all, also when one fails: nothing may still be under way when a failure is cleaned up after. */
async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === "rejected") throw result.reason;
}

function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}

function checkSize(hosts: number): void {
  if (Number.isInteger(hosts) && hosts >= 1 && hosts <= maxHosts) return;
  throw new PlatformError("cluster-size-invalid", `A cluster cannot have ${hosts} hosts`, {
    hint: `1 to ${maxHosts} are possible`,
  });
}

function requireRoot(): void {
  if (process.getuid?.() === 0 && existsSync("/proc/self/ns/net")) return;
  throw new PlatformError("not-root", "Real hosts need root on Linux", {
    hint: `run it as root; everything is kept below ${cacheDirectory()}`,
  });
}
