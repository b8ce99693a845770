/** A real etcd of one member on this machine's loopback, with its data on disk, for as long as some work takes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";
import { freePort } from "./free-port.ts";

/** Runs `work` with the client URL of a fresh etcd. Rejects with `etcd-unhealthy` if it does not start. */
export async function withLoopbackEtcd(work: (url: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "deis-bench-etcd-"));
  const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const flags = {
    name: "bench",
    "data-dir": directory,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `bench=${peer}`,
    "quota-backend-bytes": `${8 * 2 ** 30}`,
    logger: "zap",
    "log-level": "error",
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const child = spawn("etcd", args, { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "exit");
  try {
    await healthy(client, () => child.exitCode !== null);
    await work(client);
  } finally {
    child.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  }
}

async function healthy(url: string, hasEnded: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400 && !hasEnded(); attempt += 1) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(50);
  }
  throw new PlatformError("etcd-unhealthy", `etcd does not answer at ${url}`);
}
