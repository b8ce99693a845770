/**
 * Deis on the hosts of a cluster: the project's own install script, run on each host as any operator would run it on a
 * server, with the cluster's certificates and etcd.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "./cache.ts";
import { type Cluster, shareInHost } from "./cluster.ts";
import type { Host } from "./host.ts";
import { run } from "./run.ts";

/** The port of the agents' API. */
const agentPort = 7002;

export interface InstallOptions {
  /** The machine's metadata beside `host=<name>`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Puts a release where every host of the cluster sees it. Its Node.js stays behind: hosts have this machine's. */
export async function shareRelease(cluster: Cluster, release: string): Promise<void> {
  const shared = join(cluster.share, "release");
  await removeTree(shared);
  await run(["mkdir", "-p", shared]);
  await run([
    "sh",
    "-c",
    'tar -C "$1" --exclude=./bin -cf - . | tar -C "$2" -xf -',
    "share",
    release,
    shared,
  ]);
}

/** Installs or upgrades agent and scheduler on a host, from the release that was shared last. Rejects with `command-failed`. */
export async function installAgent(
  cluster: Cluster,
  host: Host,
  options: InstallOptions = {},
): Promise<void> {
  const pki = "/run/deis-install";
  const { cafile, certfile, keyfile } = host.identity;
  const files = { "ca.crt": cafile, "host.crt": certfile, "host.key": keyfile };
  for (const [name, path] of Object.entries(files))
    await host.write(`${pki}/${name}`, await readFile(path), { mode: 0o600 });
  const metadata = Object.entries({ host: host.name, ...options.metadata }).map(
    ([key, value]) => `${key}=${value}`,
  );
  const release = `${shareInHost}/release`;
  const script = ["bash", `${release}/install.sh`, "--release", release];
  const certificates = ["--ca", `${pki}/ca.crt`, "--cert", `${pki}/host.crt`, "--key", `${pki}/host.key`];
  const place = ["--address", host.address, "--listen", `${host.address}:${agentPort}`];
  const etcd = ["--etcd", cluster.etcd.endpoints.join(","), "--metadata", metadata.join(",")];
  try {
    await host.exec([...script, ...etcd, ...certificates, ...place], { deadlineMs: 60_000 });
  } finally {
    await host.exec(["rm", "-rf", pki]);
  }
}

/** Installs or upgrades Deis on every host that runs. */
export async function installAgents(
  cluster: Cluster,
  release: string,
  options: InstallOptions = {},
): Promise<void> {
  await shareRelease(cluster, release);
  const running = cluster.hosts.filter((host) => host.state === "running");
  await Promise.all(running.map((host) => installAgent(cluster, host, options)));
}
