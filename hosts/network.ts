/**
 * The cluster's network. Its switch is a network namespace with two bridges, so that this machine's own packet filter
 * (Docker drops what it forwards) has no say between two hosts, and so that hosts can be parted without noticing: moving a
 * port to the second bridge loses packets silently, as a broken switch does. Pulling the cable is taking the port down.
 *
 * In this machine's own namespace there is one link and no packet filter rule.
 */
import { existsSync } from "node:fs";
import { PlatformError } from "../cluster/errors.ts";
import type { ClusterNames, HostNames } from "./names.ts";
import { attempt, run } from "./run.ts";

const mainBridge = "br0";
const otherBridge = "br1";
/** The switch's port to this machine. */
const machinePort = "machine";

/** What is seen of a host's port on the switch. `cut`: the cable is out. `parted`: on the other side of a partition. */
export type Cable = "joined" | "cut" | "parted" | "absent";

/** Makes the switch and this machine's link into it. Rejects with `network-failed`. */
export async function createSwitch(names: ClusterNames): Promise<void> {
  const ns = names.switchNamespace;
  await ip([`netns add ${ns}`]);
  await ip(
    [
      "link set lo up",
      ...[mainBridge, otherBridge].flatMap((bridge) => [
        `link add ${bridge} type bridge forward_delay 0`,
        `link set ${bridge} up`,
      ]),
    ],
    ns,
  );
  await attempt(["ip", "netns", "exec", ns, "sh", "-c", noBridgeFilter]);
  await ip([`link add ${names.machineLink} type veth peer name ${machinePort} netns ${ns}`]);
  await ip([`link set ${machinePort} master ${mainBridge} up`], ns);
  await ip([
    `addr add ${names.machineAddress}/24 dev ${names.machineLink}`,
    `link set ${names.machineLink} up`,
  ]);
}

/** Frames that cross a bridge must not be judged by iptables rules of whoever. The files are missing without br_netfilter. */
const noBridgeFilter =
  'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ -e "$f" ] && echo 0 > "$f"; done; true';

/** Removes the switch and the link; finds nothing wrong in having less to remove. */
export async function removeSwitch(names: ClusterNames): Promise<void> {
  await attempt(["ip", "link", "del", names.machineLink]);
  await removeNamespace(names.switchNamespace);
}

/** Gives a host its namespace, its address and a port on the switch, unless it has them (they outlive a clean stop). */
export async function createHostNetwork(
  cluster: ClusterNames,
  host: HostNames,
  gateway: string,
): Promise<void> {
  if (existsSync(`/run/netns/${host.qualified}`)) return;
  const port = host.hostname;
  await ip([`netns add ${host.qualified}`]);
  // A namespace that is gone may live on for minutes while old sockets hold it, and keep its port's name taken.
  await attempt(["ip", "-n", cluster.switchNamespace, "link", "del", port]);
  await ip(
    [
      `link add ${port} type veth peer name host0 netns ${host.qualified}`,
      `link set ${port} master ${mainBridge} up`,
    ],
    cluster.switchNamespace,
  );
  await ip(
    [
      "link set lo up",
      `addr add ${host.address}/24 dev host0`,
      `link set host0 address ${host.hardwareAddress} up`,
      `route add default via ${gateway}`,
    ],
    host.qualified,
  );
}

/** Takes a host's network away for good: its port, its addresses, and the rules and links its Docker made. */
export async function removeHostNetwork(cluster: ClusterNames, host: HostNames): Promise<void> {
  await attempt(["ip", "-n", cluster.switchNamespace, "link", "del", host.hostname]);
  await removeNamespace(host.qualified);
}

/** Removes a network namespace by name, if it is there. */
export async function removeNamespace(name: string): Promise<void> {
  if (existsSync(`/run/netns/${name}`)) await ip([`netns del ${name}`]);
}

/** Takes a host's port down: its kernel sees the carrier go. */
export async function cutCable(cluster: ClusterNames, host: HostNames): Promise<void> {
  await ip([`link set ${host.hostname} down`], cluster.switchNamespace);
}

/** Brings a host's port up again, on the main bridge or where it was. */
export async function joinCable(cluster: ClusterNames, host: HostNames): Promise<void> {
  await ip([`link set ${host.hostname} up`], cluster.switchNamespace);
}

/** Puts these hosts on the far side of a partition: they see each other, and nobody else. */
export async function partHosts(cluster: ClusterNames, hosts: readonly HostNames[]): Promise<void> {
  await ip(
    hosts.map((host) => `link set ${host.hostname} master ${otherBridge}`),
    cluster.switchNamespace,
  );
}

/** Brings these hosts back from the far side of a partition. */
export async function healHosts(cluster: ClusterNames, hosts: readonly HostNames[]): Promise<void> {
  await ip(
    hosts.map((host) => `link set ${host.hostname} master ${mainBridge}`),
    cluster.switchNamespace,
  );
}

/** The state of every port of the switch, by hostname. Empty when there is no switch. */
export async function cables(cluster: ClusterNames): Promise<ReadonlyMap<string, Cable>> {
  const { code, stdout } = await attempt(["ip", "-n", cluster.switchNamespace, "-j", "link", "show"]);
  if (code !== 0) return new Map();
  const links = JSON.parse(stdout || "[]") as { ifname: string; master?: string; flags: string[] }[];
  return new Map(
    links
      .filter((link) => /^h\d+$/.test(link.ifname))
      .map((link) => [link.ifname, link.flags.includes("UP") ? sideOf(link.master) : "cut"]),
  );
}

function sideOf(bridge: string | undefined): Cable {
  return bridge === otherBridge ? "parted" : "joined";
}

/** Runs `ip` commands in one go, in this namespace or the named one. Rejects with `network-failed` at the first that fails. */
export async function ip(commands: readonly string[], namespace?: string): Promise<void> {
  if (commands.length === 0) return;
  const where = namespace === undefined ? [] : ["-n", namespace];
  try {
    await run(["ip", ...where, "-batch", "-"], { input: `${commands.join("\n")}\n` });
  } catch (cause) {
    throw new PlatformError("network-failed", `Cannot do "${commands.join("; ")}"${inside(namespace)}`, {
      cause,
    });
  }
}

function inside(namespace: string | undefined): string {
  return namespace === undefined ? "" : ` in the network namespace "${namespace}"`;
}
