/** What a cluster has on this machine, looked up in the kernel and on the disk, not in the room's own records. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../hosts/cache.ts";
import { run } from "../../hosts/run.ts";

/** Every mount, namespace, link, cgroup, process, claim and directory that bears the cluster's name. */
export async function footprint(cluster: string, octet?: number): Promise<readonly string[]> {
  const marks = [`deis-${cluster}-`, `/clusters/${cluster}/`];
  const named = (text: string) => marks.some((mark) => text.includes(mark));
  const mounts = lines(readFileSync("/proc/self/mounts", "utf8")).filter(named);
  const namespaces = names("/run/netns").filter(named);
  const links = lines(await run(["ip", "-o", "link"])).filter((line) => line.includes(` deis${octet}@`));
  const cgroups = lines(
    await run(["find", "/sys/fs/cgroup", "-maxdepth", "5", "-type", "d", "-name", `deis-${cluster}-*`]),
  );
  const processes = names("/proc")
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .map((pid) => `${pid} ${commandLine(pid)}`)
    .filter((line) => named(line) || line.includes(`reap --name ${cluster}`));
  const files = [
    ...names("/run/systemd/nspawn/propagate").filter(named),
    ...names("/run/deis-hosts").filter((name) => name === cluster || name === `.${cluster}.lock`),
    ...names(join(cacheDirectory(), "clusters")).filter((name) => name === cluster),
  ];
  return [...mounts, ...namespaces, ...links, ...cgroups, ...processes, ...files];
}

/** The packet filter of this machine's own namespace, without its counters. */
export async function packetFilter(): Promise<string> {
  return (await run(["iptables-save"])).replace(/^#.*$/gm, "").replace(/\[\d+:\d+\]/g, "");
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // It is made when it is first needed.
    return [];
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    // It ended while we looked.
    return "";
  }
}
