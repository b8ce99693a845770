/**
 * The platform on a cluster of hosts, brought up by the operator's own commands, and a last look at what there is: the
 * machines, the units, and an address that answers.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { Cluster } from "./cluster.ts";
import { projectRoot } from "./project.ts";
import { attempt, commandFailed, exitStatus } from "./run.ts";

/** Installs and starts the platform, shows it, and resolves to the line that answers. Rejects with `command-failed`. */
export async function bringUpPlatform(cluster: Cluster, signal: AbortSignal): Promise<string> {
  await deisctl(cluster, ["install", "platform"]);
  await deisctl(cluster, ["start", "platform"]);
  await deisctl(cluster, ["list-machines"]);
  await deisctl(cluster, ["list-units"]);
  return await answeringLine(cluster, signal);
}

/** Runs this checkout's deisctl as the cluster's operator, at this terminal. */
async function deisctl(cluster: Cluster, args: readonly string[]): Promise<void> {
  const argv = [join(projectRoot(), "bin/deisctl"), ...args];
  const env = { ...process.env, DEIS_CLUSTER: cluster.name };
  process.stderr.write(`\n$ deisctl ${args.join(" ")}\n`);
  const child = spawn(argv[0] ?? "", args, { stdio: "inherit", env });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, killedBy) => resolve(exitStatus(status, killedBy)));
  });
  if (code !== 0) throw commandFailed(["deisctl", ...args], code, "");
}

/** A router is running when deisctl says so; it answers a moment later. */
async function answeringLine(cluster: Cluster, signal: AbortSignal): Promise<string> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    for (const { address } of cluster.hosts) {
      const line = ["curl", "-i", `http://${address}/health-check`];
      const { code, stdout } = await attempt([...line, "--silent", "--max-time", "2"], { signal });
      if (code === 0 && / 200 /.test(stdout)) return `$ ${line.join(" ")}\n${stdout}`;
    }
    if (performance.now() > deadline) {
      throw new PlatformError("router-silent", "No router answers on any host within 15 s of its start", {
        hint: "`deisctl list-units` and `deisctl journal router@1` say why",
      });
    }
    await delay(100, undefined, { signal });
  }
}
