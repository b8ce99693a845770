/**
 * install.sh on a real host as an operator runs it, and what can be seen of it: files, services, processes. The release comes
 * from this checkout and lies in the cluster's share; a second one, `changed`, differs from it in its version.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../cluster/version.ts";
import { shareRelease } from "../../hosts/agents.ts";
import { type Cluster, shareInHost } from "../../hosts/cluster.ts";
import type { Host } from "../../hosts/host.ts";
import { silent } from "../../hosts/progress.ts";
import { ensureRelease } from "../../hosts/release.ts";
import { type Finished, run } from "../../hosts/run.ts";

/** Where a host has its certificates before they are installed. */
export const pki = "/root/pki";

/** The two releases as the host sees them, and the tarball of the first, which carries a Node.js. */
export const releases = {
  current: `${shareInHost}/release`,
  changed: `${shareInHost}/changed`,
  tarball: `${shareInHost}/deis.tar.gz`,
};
/** The version of `releases.changed`. */
export const changedVersion = "0.9.9";

/** Puts the releases into the cluster's share and the host's certificates into `pki`. */
export async function prepareInstallation(cluster: Cluster, host: Host): Promise<void> {
  const release = await ensureRelease(silent, new AbortController().signal);
  await shareRelease(cluster, release);
  const changed = join(cluster.share, "changed");
  await run(["cp", "-a", join(cluster.share, "release"), changed]);
  // The code has it too, and so has the bundle of the commands.
  for (const file of await readdir(join(changed, "dist"), { recursive: true })) {
    if (!file.endsWith(".js")) continue;
    const text = await readFile(join(changed, "dist", file), "utf8");
    const next = text.replace(`version = "${version}"`, `version = "${changedVersion}"`);
    if (next !== text) await writeFile(join(changed, "dist", file), next);
  }
  const manifest: unknown = JSON.parse(await readFile(join(changed, "package.json"), "utf8"));
  await writeFile(
    join(changed, "package.json"),
    JSON.stringify({ ...Object(manifest), version: changedVersion }),
  );
  await run(["cp", `${release}.tar.gz`, join(cluster.share, "deis.tar.gz")]);
  const { cafile, certfile, keyfile } = host.identity;
  for (const [name, path] of Object.entries({ "ca.crt": cafile, "h1.crt": certfile, "h1.key": keyfile }))
    await host.write(`${pki}/${name}`, await readFile(path), { mode: 0o600 });
}

/** The options that make a host a member of the cluster, as docs/install.md has them. */
export function clusterOptions(cluster: Cluster, host: Host): readonly string[] {
  return [
    ...["--etcd", cluster.etcd.endpoints.join(",")],
    ...["--ca", `${pki}/ca.crt`, "--cert", `${pki}/h1.crt`, "--key", `${pki}/h1.key`],
    ...["--address", host.address, "--listen", `${host.address}:7002`],
  ];
}

/** Runs the release's own install.sh with these arguments and resolves to how it ended. */
export function tryInstall(
  host: Host,
  args: readonly string[],
  release = releases.current,
): Promise<Finished> {
  return host.attempt(["bash", `${release}/install.sh`, ...args], { deadlineMs: 60_000 });
}

/** As `tryInstall`, and resolves to what it said. Rejects unless it succeeds. */
export function install(host: Host, args: readonly string[], release = releases.current): Promise<string> {
  return host.exec(["bash", `${release}/install.sh`, ...args], { deadlineMs: 60_000 });
}

/** Directories that an installation might write to, but for what others keep changing there. */
const watched = "/etc /opt /usr /root /home /srv /var";
const others = ["docker", "containerd", "etcd", "systemd", "deis"].map((name) => `/var/lib/${name}`);

/**
 * Every file of the host by path, with type, mode, owner, inode and time of change: equal before and after means that nothing
 * was written in between. With `only: "paths"` just the paths, which a file that was put back as it was also leaves equal.
 */
export async function filesOf(host: Host, only: "paths" | "all" = "all"): Promise<readonly string[]> {
  const prune = [...others, "/var/log/journal", "/var/tmp"]
    .map((path) => `-path ${path} -prune`)
    .join(" -o ");
  const format = only === "paths" ? "%p" : "%p %y %m %u:%g %i %T@";
  const listing = await host.exec([
    "sh",
    "-c",
    `find ${watched} -xdev \\( ${prune} \\) -o ! -type d -printf '${format}\\n'; find /var/tmp ${others.at(-1)} /run/deis -printf '%p\\n' 2>/dev/null; true`,
  ]);
  return listing.trimEnd().split("\n").sort();
}

/** Properties of a service or other unit of the host's systemd, by name. */
export async function unitProperties<K extends string>(
  host: Host,
  unit: string,
  names: readonly K[],
): Promise<Record<K, string>> {
  const text = await host.exec(["systemctl", "show", `--property=${names.join(",")}`, unit]);
  const found = new Map(
    text
      .trimEnd()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line]),
  );
  const result: Partial<Record<K, string>> = {};
  for (const name of names) result[name] = found.get(name)?.slice(name.length + 1) ?? "";
  return result as Record<K, string>;
}

/** What tells one run of the daemons from the next. */
export async function daemonRuns(host: Host): Promise<readonly string[]> {
  const services = ["deis-agent.service", "deis-scheduler.service"];
  return await Promise.all(
    services.map(async (service) => {
      const { MainPID, InvocationID } = await unitProperties(host, service, ["MainPID", "InvocationID"]);
      return `${service} ${MainPID} ${InvocationID}`;
    }),
  );
}
