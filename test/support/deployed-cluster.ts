/**
 * Real hosts with everything on them: etcd, Docker, agent and scheduler, installed as an operator would. What a test sees of
 * them is what a user or neighbour sees: `deisctl`, the records in etcd, and what runs on a host (`living-units.ts`).
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterTables, Mirror } from "../../cluster/ports.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { openEtcd } from "../../etcd/client.ts";
import { openMirror } from "../../etcd/mirror.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { clusterTables } from "../../etcd/tables.ts";
import { installAgents } from "../../hosts/agents.ts";
import type { Cluster } from "../../hosts/cluster.ts";
import { type CreateOptions, createCluster } from "../../hosts/create.ts";
import { etcdctlCommand } from "../../hosts/etcdctl.ts";
import type { Host } from "../../hosts/host.ts";
import { silent } from "../../hosts/progress.ts";
import { ensureRelease } from "../../hosts/release.ts";
import { attempt, commandFailed, type Finished, run } from "../../hosts/run.ts";
import { sweep } from "../../hosts/sweep.ts";
import { eventually } from "./eventually.ts";
import { freshClusterName } from "./host.ts";

export interface DeployOptions extends Pick<CreateOptions, "images" | "docker"> {
  /** Default 3. */
  readonly hosts?: number;
  /** Lines for the end of every host's settings file, about the scheduler. */
  readonly settings?: string;
}

/** The cluster of a test file that said `useDeployedCluster()`. */
export interface TestDeployment {
  readonly deployed: DeployedCluster;
}

/** Gives the tests of the enclosing `describe` a cluster with everything installed and a leader elected; removed afterwards. */
export function useDeployedCluster(options: DeployOptions = {}): TestDeployment {
  let deployed: DeployedCluster | undefined;

  before("install Deis on real hosts", async function () {
    // The first time on a machine builds the base, the images and the release.
    this.timeout(20 * 60_000);
    await sweep();
    deployed = await DeployedCluster.create(options);
  });

  afterEach("tell what the daemons said", async function () {
    if (this.currentTest?.state !== "failed" || deployed === undefined) return;
    this.timeout(30_000);
    for (const host of deployed.hosts.filter(({ state }) => state === "running"))
      process.stderr.write(`--- ${host.name}\n${await lastWords(host)}\n`);
  });

  after("remove the real hosts", async function () {
    this.timeout(120_000);
    await deployed?.down();
    deployed = undefined;
  });

  return {
    get deployed() {
      if (deployed === undefined)
        throw new Error("the real hosts exist only while the tests of their block run");
      return deployed;
    },
  };
}

/** One unit as the cluster's records have it. */
export interface Reported {
  readonly host: Host;
  readonly state: UnitState;
}

export class DeployedCluster {
  readonly cluster: Cluster;
  /** The operator's own connection, for looking at records and for spoiling them. */
  readonly etcd: EtcdClient;
  /** Everything in the store, kept current by a watch: times are taken from it without polling anything. */
  readonly records: Mirror<ClusterTables>;
  readonly #machines: Map<string, Host>;

  private constructor(cluster: Cluster, etcd: EtcdClient, machines: Map<string, Host>) {
    this.cluster = cluster;
    this.etcd = etcd;
    this.records = openMirror(etcd, clusterTables);
    this.#machines = machines;
  }

  static async create({ hosts = 3, settings, ...options }: DeployOptions): Promise<DeployedCluster> {
    const release = await ensureRelease(silent, new AbortController().signal);
    const name = freshClusterName();
    const cluster = await createCluster({ name, hosts, ...options });
    try {
      await installAgents(cluster, release);
      if (settings !== undefined) await Promise.all(cluster.hosts.map((host) => addSettings(host, settings)));
      const machines = new Map<string, Host>();
      for (const host of cluster.hosts)
        machines.set((await host.exec(["cat", "/etc/machine-id"])).trim(), host);
      const deployed = new DeployedCluster(cluster, await openEtcd(cluster.etcd), machines);
      await deployed.write({});
      await deployed.allPresent();
      await eventually(() => deployed.leader !== undefined, { within: 15_000 });
      return deployed;
    } catch (error) {
      await cluster.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.records.close();
    await this.etcd.close();
    await this.cluster.down();
  }

  get hosts(): readonly Host[] {
    return this.cluster.hosts;
  }

  machineOf(host: Host): string {
    for (const [id, candidate] of this.#machines) if (candidate === host) return id;
    throw new Error(`${host.name} is not of this cluster`);
  }

  /** From now on this machine id means this host, too. */
  alsoKnown(id: string, host: Host): void {
    this.#machines.set(id, host);
  }

  /** The ids of the machines that are there. */
  get machineIds(): readonly string[] {
    return [...this.records.tables.machines.entries()].map(([id]) => id);
  }

  /** The names of the hosts whose agents are alive, sorted. */
  get present(): readonly string[] {
    return this.machineIds.map((id) => this.#hostOf(id).name).sort();
  }

  /** Resolves once every host is among the machines. */
  async allPresent(within = 20_000): Promise<void> {
    await eventually(() => this.present.length === this.hosts.length, { within });
  }

  /** The host of the leading scheduler. */
  get leader(): Host | undefined {
    const id = this.records.tables.leader.get("");
    return id === undefined ? undefined : this.#hostOf(id);
  }

  /** Hands the scheduler's lead to this host, as an operator would: by stopping the others' schedulers for a moment. */
  async leadFrom(host: Host): Promise<void> {
    const others = this.hosts.filter((other) => other !== host && other.state === "running");
    for (const other of others) await other.exec(["systemctl", "stop", "deis-scheduler"]);
    await eventually(() => this.leader === host, { within: 15_000 });
    for (const other of others) await other.exec(["systemctl", "start", "deis-scheduler"]);
  }

  /** The host whose etcd leads, and the members' ids by host name. Hosts that are off are left out. */
  async #members(): Promise<{
    readonly leader: Host | undefined;
    readonly ids: ReadonlyMap<string, string>;
  }> {
    const ids = new Map<string, string>();
    let leader: Host | undefined;
    for (const host of this.hosts.filter(({ state }) => state === "running")) {
      // url, member id, version, size, whether it leads, …
      const { stdout } = await attempt(this.#etcdctl(["endpoint", "status"], host));
      const [, id, , , leads] = stdout.split(", ");
      if (id === undefined) continue;
      ids.set(host.name, id);
      if (leads === "true") leader = host;
    }
    return { leader, ids };
  }

  /** The host whose etcd leads: raft's own leader. */
  async storeLeader(): Promise<Host> {
    return await eventually(async () => {
      const { leader } = await this.#members();
      if (leader === undefined) throw new Error("no member of etcd leads");
      return leader;
    });
  }

  /** Hands the lead of etcd to this host's member. */
  async storeLeadFrom(host: Host): Promise<void> {
    const { leader, ids } = await this.#members();
    if (leader === host) return;
    await this.etcdctl(["move-leader", ids.get(host.name) ?? ""], leader);
  }

  /** Runs etcdctl as the operator, against all members or one. Resolves to standard output. */
  async etcdctl(args: readonly string[], member?: Host): Promise<string> {
    return await run(this.#etcdctl(args, member));
  }

  #etcdctl(args: readonly string[], member?: Host): readonly string[] {
    const { etcd } = this.cluster;
    const endpoints = etcd.endpoints.filter(
      (url) => member === undefined || url.includes(`${member.address}:`),
    );
    return etcdctlCommand({ ...etcd, endpoints }, args);
  }

  /** Runs the released deisctl as the operator and resolves to how it ended. */
  async tryDeisctl(...args: readonly string[]): Promise<Finished> {
    const { endpoints, cafile, certfile, keyfile } = this.cluster.etcd;
    const env = {
      ...process.env,
      DEISCTL_ENDPOINT: endpoints.join(","),
      DEISCTL_ETCD_CAFILE: cafile,
      DEISCTL_ETCD_CERTFILE: certfile,
      DEISCTL_ETCD_KEYFILE: keyfile,
    };
    const main = join(this.cluster.share, "release/dist/deisctl/main.js");
    return await attempt([process.execPath, main, ...args], {
      env,
      cwd: this.#workshop,
      deadlineMs: 120_000,
    });
  }

  /** Runs the released deisctl and resolves to its standard output; rejects unless it ends with 0. */
  async deisctl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryDeisctl(...args);
    if (code !== 0) throw commandFailed(["deisctl", ...args], code, `${stdout}${stderr}`);
    return stdout;
  }

  /** Writes unit files beside the operator, where deisctl finds them, by name. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(this.#workshop, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.#workshop, name), text);
  }

  /** Removes every file that was written: a file left behind would be taken before a template of the next test. */
  async clearFiles(): Promise<void> {
    await rm(this.#workshop, { recursive: true, force: true });
    await this.write({});
  }

  /** The hosts on which the unit is placed, by name. */
  placedOn(unit: string): readonly string[] {
    const placed = [...this.records.tables.placements.entries()].filter(([, record]) => record.unit === unit);
    return placed.map(([, { machine }]) => this.#hostOf(machine).name).sort();
  }

  /** The one host on which the unit is placed. Throws if it is on none or on several. */
  hostWith(unit: string): Host {
    const names = this.placedOn(unit);
    const [name, ...others] = names;
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined || others.length > 0)
      throw new Error(`${unit} is on ${names.join(", ") || "no host"}`);
    return host;
  }

  /** All placements as `unit host`, sorted: two moments are compared by it. */
  get placements(): readonly string[] {
    const placed = [...this.records.tables.placements.entries()];
    return placed.map(([, { unit, machine }]) => `${unit} ${this.#hostOf(machine).name}`).sort();
  }

  /** The unit as each host last reported it. */
  reported(unit: string): readonly Reported[] {
    const found: Reported[] = [];
    for (const [key, state] of this.records.tables.states.entries()) {
      const [machine = "", name] = key.split("/");
      if (name === unit) found.push({ host: this.#hostOf(machine), state });
    }
    return found;
  }

  /** The names of the hosts that report the unit active. */
  activeOn(unit: string): readonly string[] {
    const active = this.reported(unit).filter(({ state }) => state.active === "active");
    return active.map(({ host }) => host.name).sort();
  }

  /** Resolves once all of these units are reported active on exactly the host each is placed on. */
  async allActive(units: readonly string[], within = 15_000): Promise<void> {
    await eventually(
      () => {
        for (const unit of units) {
          const [placed, active] = [this.placedOn(unit), this.activeOn(unit)].map((names) => names.join());
          const seen = this.reported(unit).map(({ state }) => `${state.active}: ${state.problem ?? "-"}`);
          if (active !== placed || active === "")
            throw new Error(`${unit} is placed on "${placed}", active on "${active}" (${seen.join("; ")})`);
        }
      },
      { within },
    );
  }

  #hostOf(machine: string): Host {
    const host = this.#machines.get(machine);
    if (host === undefined) throw new Error(`no host has the machine id ${machine}`);
    return host;
  }

  get #workshop(): string {
    return join(this.cluster.directory, "workshop");
  }
}

/** The end of what agent, scheduler and etcd of a host logged. */
export async function lastWords(host: Host): Promise<string> {
  const units = ["deis-agent", "deis-scheduler", "etcd"].flatMap((unit) => ["-u", unit]);
  return (await host.attempt(["journalctl", ...units, "-o", "short-precise", "-n", "80", "--no-pager"]))
    .stdout;
}

async function addSettings(host: Host, lines: string): Promise<void> {
  const file = "/etc/deis/agent.toml";
  await host.write(file, `${await host.exec(["cat", file])}\n${lines}\n`);
  // Not the agents: a machine that is away for a moment would be no part of what follows.
  await host.exec(["systemctl", "restart", "deis-scheduler"]);
}
