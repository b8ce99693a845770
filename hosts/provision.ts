/**
 * What a host is given before its first boot: who it is, whom it knows, its certificate, and which of the base's services
 * start on it. Everything later (Deis itself, say) is installed as on any server.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { memberEnvironment, memberIdentity } from "./etcd-member.ts";
import type { Host } from "./host.ts";
import { hostNames } from "./names.ts";
import { createHostCertificate } from "./pki.ts";
import type { ClusterRecord } from "./record.ts";
import { nameServer } from "./uplink.ts";

/** Makes the directories and first files of a new host. The cluster's authority must exist in `pki`. */
export async function provision(host: Host, record: ClusterRecord, pki: string): Promise<void> {
  await createHostCertificate(pki, host.name, host.address);
  await host.prepare();
  await host.write("/etc/machine-id", `${randomBytes(16).toString("hex")}\n`);
  await host.write("/etc/hostname", `${host.name}\n`);
  await host.write("/etc/hosts", hostTable(record));
  if (record.uplink) await host.write("/etc/resolv.conf", `nameserver ${nameServer}\n`);
  if (record.docker) for (const unit of ["containerd.service", "docker.service"]) await host.enable(unit);
  if (record.members.includes(host.number)) await provisionMember(host, record);
}

/** `/etc/hosts` of every host of a cluster: each knows all others by name. */
export function hostTable({ name, octet, hosts }: ClusterRecord): string {
  const rows = hosts.map((number) => hostNames(name, octet, number));
  return `127.0.0.1 localhost\n${rows.map(({ address, hostname }) => `${address} ${hostname}\n`).join("")}`;
}

async function provisionMember(host: Host, { name, octet, members, base }: ClusterRecord): Promise<void> {
  const secret = { mode: 0o600, uid: await userId(base, "etcd") };
  await host.write(memberIdentity.cafile, await readFile(host.identity.cafile));
  await host.write(memberIdentity.certfile, await readFile(host.identity.certfile));
  await host.write(memberIdentity.keyfile, await readFile(host.identity.keyfile), secret);
  const all = members.map((number) => hostNames(name, octet, number));
  await host.write("/etc/default/etcd", memberEnvironment(name, hostNames(name, octet, host.number), all));
  await host.enable("etcd.service");
}

async function userId(root: string, user: string): Promise<number> {
  const passwd = await readFile(join(root, "etc/passwd"), "utf8");
  const id = new RegExp(`^${user}:[^:]*:(\\d+):`, "m").exec(passwd)?.[1];
  if (id === undefined) throw new PlatformError("base-invalid", `The base "${root}" has no user "${user}"`);
  return Number(id);
}
