/**
 * A platform to measure: real hosts with TLS etcd, Docker, agent and scheduler, installed as an operator would, and the records of
 * its store as they change. Whatever happens to the benchmark, nothing of it stays behind.
 */
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { ClusterStore, ClusterTables, Mirror } from "../cluster/ports.ts";
import { parseUnitFile, unitHash } from "../cluster/unit-file.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import { openEtcd } from "../etcd/client.ts";
import { openClusterStore } from "../etcd/cluster-store.ts";
import { clusterTables } from "../etcd/tables.ts";
import { installAgents } from "../hosts/agents.ts";
import type { Cluster } from "../hosts/cluster.ts";
import { createCluster } from "../hosts/create.ts";
import type { Host } from "../hosts/host.ts";
import { terminalProgress } from "../hosts/progress.ts";
import { ensureRelease } from "../hosts/release.ts";
import { sweep } from "../hosts/sweep.ts";

const signal = new AbortController().signal;

/** A unit that is to be on a host at once and out of it at once: what it runs is not what is measured. */
export const containerUnit = "[Container]\nImage=busybox\nExec=sleep 100000\nStopSignal=SIGKILL\n";
export const oneshotUnit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n";

export interface Platform {
  readonly cluster: Cluster;
  readonly store: ClusterStore;
  readonly records: Mirror<ClusterTables>;
  /** Machine ids in the order of the hosts. */
  readonly machines: readonly string[];
  /** Submits units of one text as launched, in as few transactions as fit. */
  submit(names: readonly string[], text: string): Promise<void>;
  destroy(names: readonly string[]): Promise<void>;
  /** Resolves as soon as `look` returns something, asked after each change of the records. Rejects after `withinMs`. */
  until<T>(what: string, look: () => T | undefined, withinMs?: number): Promise<T>;
  /** The states reported of a unit, by machine id. */
  statesOf(unit: string): ReadonlyMap<string, UnitState>;
  /** Sums of the etcd members' own counters, by name, or by name and one label value: `grpc_server_handled_total Range`. */
  etcdCounters(): Promise<ReadonlyMap<string, number>>;
  /** The number of the host whose etcd member leads. */
  etcdLeader(): Promise<number>;
}

/** Runs `work` on a platform of three hosts and removes it. */
export async function withPlatform(work: (platform: Platform) => Promise<void>): Promise<void> {
  await sweep();
  const release = await ensureRelease(terminalProgress(), signal, "without-node");
  const cluster = await createCluster({ name: `bench-${process.pid}`, hosts: 3, images: "foundation" });
  try {
    await installAgents(cluster, release);
    const store = openClusterStore(await openEtcd(cluster.etcd));
    const tables = Object.keys(clusterTables) as (keyof ClusterTables)[];
    const records = await store.follow(tables, signal);
    try {
      const machines = await Promise.all(cluster.hosts.map(machineId));
      const platform = platformOf(cluster, store, records, machines);
      await platform.until("a leader and three machines", () =>
        records.tables.leader.size === 1 && records.tables.machines.size === 3 ? true : undefined,
      );
      await work(platform);
    } finally {
      await records.close();
      await store.close();
    }
  } finally {
    await cluster.down();
  }
}

function platformOf(
  cluster: Cluster,
  store: ClusterStore,
  records: Mirror<ClusterTables>,
  machines: readonly string[],
): Platform {
  return {
    cluster,
    store,
    records,
    machines,
    submit: async (names, text) => {
      const hash = unitHash(parseUnitFile(text));
      await store.edit(
        names.map((name) => ({
          kind: "submit",
          name,
          hash,
          text,
          target: "launched",
          expected: records.tables.units.get(name),
        })),
        signal,
      );
    },
    destroy: async (names) => {
      await store.edit(
        names.map((name) => ({ kind: "destroy", name })),
        signal,
      );
    },
    until: (what, look, withinMs = 60_000) => until(records, what, look, withinMs),
    statesOf: (unit) => {
      const states = new Map<string, UnitState>();
      for (const machine of machines) {
        const state = records.tables.states.get(`${machine}/${unit}`);
        if (state) states.set(machine, state);
      }
      return states;
    },
    etcdCounters: () => etcdCounters(cluster),
    etcdLeader: async () => {
      const at = (await metricsPages(cluster)).findIndex((page) => /^etcd_server_is_leader 1$/m.test(page));
      return at + 1;
    },
  };
}

async function machineId(host: Host): Promise<string> {
  return (await host.exec(["cat", "/etc/machine-id"])).trim();
}

async function until<T>(
  records: Mirror<ClusterTables>,
  what: string,
  look: () => T | undefined,
  withinMs: number,
): Promise<T> {
  const deadline = new AbortController();
  let end: (() => void) | undefined;
  try {
    const seen = new Promise<T>((resolve) => {
      const check = () => {
        const found = look();
        if (found !== undefined) resolve(found);
      };
      end = records.onChange(check);
      check();
    });
    const lapse = delay(withinMs, undefined, { signal: deadline.signal }).then(() => {
      throw new PlatformError("bench-stuck", `Waited ${withinMs / 1_000} s in vain for ${what}`);
    });
    lapse.catch(() => undefined);
    return await Promise.race([seen, lapse]);
  } finally {
    end?.();
    deadline.abort();
  }
}

/** What each member says of itself, in the order of the hosts. */
async function metricsPages(cluster: Cluster): Promise<readonly string[]> {
  const { endpoints, ...files } = cluster.etcd;
  const [ca, cert, key] = await Promise.all(
    [files.cafile, files.certfile, files.keyfile].map((path) => readFile(path)),
  );
  return await Promise.all(endpoints.map((url) => get(`${url}/metrics`, { ca, cert, key })));
}

async function etcdCounters(cluster: Cluster): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  const text = (await metricsPages(cluster)).join("\n");
  for (const [, name = "", labels = "", value] of text.matchAll(counter)) {
    const method = /grpc_method="(\w+)"/.exec(labels)?.[1];
    const known = method === undefined ? name : `${name} ${method}`;
    sums.set(known, (sums.get(known) ?? 0) + Number(value));
  }
  return sums;
}

/** A line of the Prometheus text format. */
const counter = /^(\w+)(?:\{([^}]*)\})? ([0-9.e+]+)$/gm;

async function get(
  url: string,
  tls: { ca: Buffer | undefined; cert: Buffer | undefined; key: Buffer | undefined },
): Promise<string> {
  return await new Promise((resolve, reject) => {
    request(url, { ...tls, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(body));
      response.on("error", reject);
    })
      .on("error", reject)
      .end();
  });
}
