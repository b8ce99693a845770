/**
 * A way out of the cluster's network to the networks of this machine (for apt in a container build, say): user-mode NAT by
 * slirp4netns(1) in the switch's namespace. Not one packet filter rule of this machine is touched.
 */
import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";
import { Cgroup, type CgroupLayout } from "./cgroups.ts";
import type { ClusterNames, HostNames } from "./names.ts";
import { ip } from "./network.ts";
import { attempt, run } from "./run.ts";

/** slirp4netns' own name server, which asks this machine's. */
export const nameServer = "10.0.2.3";

const tap = "tap0";

/** Opens the way out. Rejects with `uplink-failed` if it is not there within 5 s. */
export async function openUplink(
  names: ClusterNames,
  layout: CgroupLayout,
  directory: string,
): Promise<void> {
  const ns = names.switchNamespace;
  await ip([`addr add ${names.switchAddress}/24 dev br0`], ns);
  const cgroup = new Cgroup(layout, names.uplinkCgroup);
  cgroup.create();
  const flags = ["--configure", "--mtu=1500", "--disable-host-loopback", "--netns-type=path"];
  const [program = "", ...rest] = cgroup.entering(["slirp4netns", ...flags, `/run/netns/${ns}`, tap]);
  const log = openSync(join(directory, "uplink.log"), "a");
  spawn(program, rest, { detached: true, stdio: ["ignore", log, log] }).unref();
  await tapConfigured(ns, directory);
  const rules = `echo 1 > /proc/sys/net/ipv4/ip_forward && iptables -t nat -A POSTROUTING -s ${names.subnet} -o ${tap} -j MASQUERADE`;
  await run(["ip", "netns", "exec", ns, "sh", "-c", rules]);
}

/** Closes the way out; what it configured goes with the switch. Repeatable. */
export async function closeUplink(names: ClusterNames, layout: CgroupLayout): Promise<void> {
  const cgroup = new Cgroup(layout, names.uplinkCgroup);
  await cgroup.kill();
  await cgroup.remove();
}

/** Sends a host's traffic for elsewhere to the switch, the way out. */
export async function routeThroughUplink(names: ClusterNames, host: HostNames): Promise<void> {
  await ip([`route replace default via ${names.switchAddress}`], host.qualified);
}

async function tapConfigured(namespace: string, directory: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!/inet 10\.0\.2\./.test((await attempt(["ip", "-n", namespace, "addr", "show", tap])).stdout)) {
    if (performance.now() > deadline) {
      throw new PlatformError(
        "uplink-failed",
        "slirp4netns did not bring up the cluster's way out within 5 s",
        {
          hint: `see ${join(directory, "uplink.log")}`,
        },
      );
    }
    await delay(20);
  }
}
