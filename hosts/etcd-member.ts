/**
 * The etcd of a cluster of hosts: its members, and how one is told to run. Clients and peers both need a certificate of the
 * cluster's authority. The settings go into the environment file that Debian's own etcd.service reads.
 */
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { HostNames } from "./names.ts";
import type { Identity } from "./pki.ts";

/** A cluster has this many members at most: its first hosts. Further hosts are clients only. */
export const maxMembers = 3;

/** Where a member's certificates are on its host; readable by etcd's own user. */
export const memberIdentity: Identity = {
  cafile: "/etc/etcd/ca.crt",
  certfile: "/etc/etcd/member.crt",
  keyfile: "/etc/etcd/member.key",
};

/** The URL at which a host's member serves clients. */
export function clientUrl(host: HostNames): string {
  return `https://${host.address}:2379`;
}

/**
 * `/etc/default/etcd` of one member. Heartbeat and election are half of etcd's defaults, in its own proportion of 1 to 10: members that are
 * a millisecond apart need not wait a second for one that is dead. See docs/failures.md.
 */
export function memberEnvironment(cluster: string, member: HostNames, members: readonly HostNames[]): string {
  const peerUrl = (host: HostNames) => `https://${host.address}:2380`;
  const { cafile, certfile, keyfile } = memberIdentity;
  const settings: Readonly<Record<string, string>> = {
    NAME: member.hostname,
    DATA_DIR: "/var/lib/etcd/default",
    LISTEN_PEER_URLS: peerUrl(member),
    INITIAL_ADVERTISE_PEER_URLS: peerUrl(member),
    LISTEN_CLIENT_URLS: `${clientUrl(member)},https://127.0.0.1:2379`,
    ADVERTISE_CLIENT_URLS: clientUrl(member),
    INITIAL_CLUSTER: members.map((host) => `${host.hostname}=${peerUrl(host)}`).join(","),
    INITIAL_CLUSTER_STATE: "new",
    INITIAL_CLUSTER_TOKEN: cluster,
    HEARTBEAT_INTERVAL: "50",
    ELECTION_TIMEOUT: "500",
    // Else a member that was parted calls for an election on its return, and everybody waits.
    PRE_VOTE: "true",
    CLIENT_CERT_AUTH: "true",
    TRUSTED_CA_FILE: cafile,
    CERT_FILE: certfile,
    KEY_FILE: keyfile,
    PEER_CLIENT_CERT_AUTH: "true",
    PEER_TRUSTED_CA_FILE: cafile,
    PEER_CERT_FILE: certfile,
    PEER_KEY_FILE: keyfile,
  };
  return Object.entries(settings)
    .map(([key, value]) => `ETCD_${key}="${value}"\n`)
    .join("");
}

/** True if the member at this URL answers that it has a leader, within a second. */
export async function memberHealthy(url: string, files: Identity): Promise<boolean> {
  const [ca, cert, key] = await Promise.all(
    [files.cafile, files.certfile, files.keyfile].map((path) => readFile(path)),
  );
  return await new Promise((resolve) => {
    const options = { ca, cert, key, timeout: 1_000, agent: false as const };
    const sent = request(`${url}/health`, options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(/"health":\s*"true"/.test(body)));
      response.on("error", () => resolve(false));
    });
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => resolve(false));
    sent.end();
  });
}

/** Resolves when every one of these members is healthy. Rejects with `etcd-unhealthy` after the deadline. */
export async function membersHealthy(
  urls: readonly string[],
  files: Identity,
  signal: AbortSignal,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (const url of urls) {
    while (!(await memberHealthy(url, files))) {
      if (performance.now() > deadline) {
        throw new PlatformError(
          "etcd-unhealthy",
          `etcd at ${url} is not healthy after ${deadlineMs / 1000} s`,
          {
            hint: "`hosts logs <host> -u etcd` shows what it says",
            retryable: true,
          },
        );
      }
      await delay(25, undefined, { signal });
    }
  }
}
