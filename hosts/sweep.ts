/**
 * Removing what dead runs left: clusters whose owner is gone, and namespaces, links, mounts and cgroups that bear our names but
 * belong to no cluster. What a living process uses, or a person made to stay, is not touched.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory, removeTree } from "./cache.ts";
import { findCgroups } from "./cgroups.ts";
import { Cluster } from "./cluster.ts";
import { withLock } from "./lock.ts";
import { claimsDirectory, clusterOf } from "./names.ts";
import { removeNamespace } from "./network.ts";
import { propagateDirectory } from "./nspawn.ts";
import { clusterNamesOnDisk, findClusterDirectory, unclaim } from "./record.ts";
import { attempt, run } from "./run.ts";

/** Removes dead clusters and stray things; with `all`, every cluster. Resolves to the names of what was removed. */
export async function sweep(options: { readonly all?: boolean } = {}): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const cluster of await Cluster.list()) {
    if (!options.all && !cluster.isGarbage) continue;
    await cluster.down();
    removed.push(cluster.name);
  }
  // Under the lock that a new cluster is claimed with: what has no cluster then, nobody is about to use.
  const strays = await withLock(join(claimsDirectory, ".lock"), removeStrays);
  return [...removed, ...strays];
}

/** Removes everything that belongs to no readable cluster. */
async function removeStrays(): Promise<readonly string[]> {
  const clusters = new Set((await Cluster.list()).map((cluster) => cluster.name));
  const isStray = (name: string) => {
    const cluster = clusterOf(name);
    return cluster !== undefined && !clusters.has(cluster);
  };
  const removed: string[] = [];
  for (const cgroup of findCgroups(isStray)) {
    await cgroup.kill();
    removed.push(`cgroup ${cgroup.name}`);
  }
  await unmountBelow(join(cacheDirectory(), "clusters"), clusters);
  // After the mounts: a mounted root keeps the processes' cgroups busy for a moment.
  for (const cgroup of findCgroups(isStray)) await cgroup.remove();
  for (const name of await readdir(propagateDirectory).catch(() => [])) {
    if (isStray(name)) await removeTree(join(propagateDirectory, name));
  }
  for (const name of await readdir("/run/netns").catch(() => [])) {
    if (!isStray(name)) continue;
    // Deleting the switch's namespace takes this machine's link with it, its other end being in there.
    await removeNamespace(name);
    removed.push(`network namespace ${name}`);
  }
  for (const name of await clusterNamesOnDisk()) {
    if (clusters.has(name)) continue;
    const directory = await findClusterDirectory(name);
    if (directory !== undefined) await removeTree(directory);
    await unclaim(name);
    removed.push(`directory of ${name}`);
  }
  return removed;
}

/** Unmounts the roots of hosts whose cluster is not among `clusters`. */
async function unmountBelow(directory: string, clusters: ReadonlySet<string>): Promise<void> {
  const mounts = (await readFile("/proc/self/mounts", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  for (const path of mounts) {
    if (!path.startsWith(`${directory}/`)) continue;
    const [cluster = ""] = path.slice(directory.length + 1).split("/");
    if (clusters.has(cluster)) continue;
    if ((await attempt(["umount", path])).code !== 0) await run(["umount", "--lazy", path]);
  }
}
