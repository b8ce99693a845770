/**
 * What is remembered of a cluster between commands, in a file beside its hosts. All names follow from it; what runs is
 * never read from here, but from the kernel.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { cacheDirectory } from "./cache.ts";
import type { CgroupLayout } from "./cgroups.ts";
import { claimsDirectory } from "./names.ts";
import type { Bind } from "./nspawn.ts";

/** A process, beyond doubt: ids are used again, a start time with them is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of proc_pid_stat(5). */
  readonly started: string;
}

export interface ClusterRecord {
  readonly version: 1;
  readonly name: string;
  /** Third octet of the subnet 10.77.<octet>.0/24. */
  readonly octet: number;
  readonly hosts: readonly number[];
  /** The numbers of the hosts that run an etcd member. */
  readonly members: readonly number[];
  readonly docker: boolean;
  /** The base root file system under every host. */
  readonly base: string;
  /** The images that every host starts with; undefined for none. */
  readonly images?: string;
  readonly cgroups: CgroupLayout;
  readonly binds: readonly Bind[];
  /** True once the hosts have a way out to the networks of this machine. */
  readonly uplink: boolean;
  /** The cluster is garbage once this process is gone. Absent: it stays until `down`. */
  readonly owner?: ProcessIdentity;
  readonly createdAt: string;
}

/** The directory of a cluster that is to be made. On the cache's file system, since images are shared by hard links. */
export function clusterDirectory(name: string): string {
  return join(cacheDirectory(), "clusters", name);
}

/** Where a cluster is, by its claim or else by this cache's directory; undefined if there is none of this name. */
export async function findClusterDirectory(name: string): Promise<string | undefined> {
  const claimed = await readlink(join(claimsDirectory, name)).catch(() => undefined);
  const directory = claimed ?? clusterDirectory(name);
  return claimed !== undefined || existsSync(directory) ? directory : undefined;
}

/** The names of all clusters that are claimed on this machine or lie in this cache, sorted. */
export async function clusterNamesOnDisk(): Promise<readonly string[]> {
  const claimed = await entries(claimsDirectory);
  const cached = await entries(join(cacheDirectory(), "clusters"));
  return [...new Set([...claimed, ...cached])].filter((name) => !name.startsWith(".")).sort();
}

/** Takes a cluster name for this machine. Rejects with `cluster-exists`. */
export async function claim(name: string, directory: string): Promise<void> {
  await mkdir(claimsDirectory, { recursive: true });
  try {
    await symlink(directory, join(claimsDirectory, name));
  } catch (cause) {
    throw new PlatformError(
      "cluster-exists",
      `Cannot make the cluster "${name}": there is one of this name`,
      {
        hint: `\`hosts list\` shows it, \`hosts down --name ${name}\` removes it`,
        cause,
      },
    );
  }
}

/** Gives a cluster name back. */
export async function unclaim(name: string): Promise<void> {
  await rm(join(claimsDirectory, name), { force: true });
}

/** Writes the record in one piece. */
export async function saveRecord(directory: string, record: ClusterRecord): Promise<void> {
  const path = join(directory, "cluster.json");
  await writeFile(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Reads a cluster's record; undefined if a run died before there was one. */
export function loadRecord(directory: string): ClusterRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(directory, "cluster.json"), "utf8")) as ClusterRecord;
    return record.version === 1 ? record : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The identity of a live process; undefined when there is none with this id. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold spaces: count from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, started] = [fields[0], fields[19]];
    // A zombie has ended; only its parent has not asked yet.
    if (started === undefined || state === "Z" || state === "X") return undefined;
    return { pid, started };
  } catch {
    // No such process.
    return undefined;
  }
}

/** True if that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

async function entries(directory: string): Promise<string[]> {
  return await readdir(directory).catch(() => []);
}
