/**
 * The names of everything a cluster makes on this machine. All follow from the cluster's name, its subnet and the host's
 * number, so that what a dead run left can be found and removed without its memory. Pure.
 */
import { PlatformError } from "../cluster/errors.ts";

/** Every network namespace, cgroup and machine of this room starts with this. */
export const prefix = "deis-";

/** The clusters of this machine are claimed here; a reboot of the machine empties it, as it does the network namespaces. */
export const claimsDirectory = "/run/deis-hosts";

/** The names of one cluster's things. */
export interface ClusterNames {
  /** The network namespace that holds the cluster's switch: two bridges, the second one for partitions. */
  readonly switchNamespace: string;
  /** This machine's own link into the cluster's network. */
  readonly machineLink: string;
  /** The cgroup of the cluster's way out. */
  readonly uplinkCgroup: string;
  /** This machine's address in the cluster's network. */
  readonly machineAddress: string;
  /** The switch's own address, the hosts' gateway once there is a way out. */
  readonly switchAddress: string;
  readonly subnet: string;
}

/** The names of one host's things. */
export interface HostNames {
  /** `h1`: its hostname, its port on the switch, its etcd member name. */
  readonly hostname: string;
  /** Its network namespace, machine name and cgroup. */
  readonly qualified: string;
  readonly address: string;
  /** Of its network interface: kept for life, as a server keeps its card. Else others go on sending to the card before the power cut. */
  readonly hardwareAddress: string;
}

/** The highest host number of a cluster: the last octet is 10 + the number, and 253 and 254 are the switch's. */
export const maxHosts = 240;

/** Refuses a cluster name that is not a short lower-case word. Throws `cluster-name-invalid`. */
export function checkClusterName(name: string): void {
  if (/^[a-z][a-z0-9-]{0,30}$/.test(name) && !name.endsWith("-")) return;
  throw new PlatformError("cluster-name-invalid", `Cannot name a cluster "${name}"`, {
    hint: "use up to 31 lower-case letters, digits and dashes, a letter first",
  });
}

/** `octet` is the third one of the cluster's subnet, 10.77.<octet>.0/24. */
export function clusterNames(cluster: string, octet: number): ClusterNames {
  return {
    switchNamespace: `${prefix}${cluster}-sw`,
    machineLink: `deis${octet}`,
    uplinkCgroup: `${prefix}${cluster}-up`,
    machineAddress: `10.77.${octet}.1`,
    switchAddress: `10.77.${octet}.254`,
    subnet: `10.77.${octet}.0/24`,
  };
}

/** The names of host `number`, counted from 1. */
export function hostNames(cluster: string, octet: number, number: number): HostNames {
  const bytes = [10, 77, octet, 10 + number];
  return {
    hostname: `h${number}`,
    qualified: `${prefix}${cluster}-h${number}`,
    address: bytes.join("."),
    // 02: locally administered (IEEE 802).
    hardwareAddress: `02:00:${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`,
  };
}

/** The cluster that a namespace, machine or cgroup belongs to by its name; undefined if it is not one of ours. */
export function clusterOf(name: string): string | undefined {
  return /^deis-(.+)-(?:h\d+|sw|up)(?:\.scope)?$/.exec(name)?.[1];
}

/** The lowest octet that no cluster has claimed and no address of this machine lies in. Throws `no-free-subnet`. */
export function freeOctet(claimed: ReadonlySet<number>, addresses: readonly string[]): number {
  for (let octet = 0; octet < 256; octet++) {
    const inUse = addresses.some((address) => address.startsWith(`10.77.${octet}.`));
    if (!claimed.has(octet) && !inUse) return octet;
  }
  throw new PlatformError("no-free-subnet", "All 256 subnets of 10.77.0.0/16 are in use", {
    hint: "`hosts list` shows the clusters, `hosts down --name <cluster>` frees one",
  });
}

/** The number of a host named as "2", "h2" or its address's last part is not accepted. Throws `host-name-invalid`. */
export function hostNumber(text: string): number {
  const number = Number(/^h?([1-9]\d{0,2})$/.exec(text)?.[1] ?? 0);
  if (number >= 1 && number <= maxHosts) return number;
  throw new PlatformError("host-name-invalid", `"${text}" is no host`, {
    hint: "hosts are named h1, h2, h3, …",
  });
}
