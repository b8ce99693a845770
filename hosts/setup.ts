/** Making this machine ready for real hosts, once: Debian packages, the base root file system, the images. */
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";
import { ensureBase } from "./base.ts";
import { missingPackages } from "./debian.ts";
import { ensureImages } from "./images.ts";
import type { Progress } from "./progress.ts";
import { attempt, run } from "./run.ts";
import { sweep } from "./sweep.ts";

/** Does what is still to be done; resolves at once on a machine that is ready. Rejects with `not-root`, `command-failed`, … */
export async function setUp(progress: Progress, signal: AbortSignal): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new PlatformError("not-root", "Real hosts need root on Linux", { hint: "run it again as root" });
  }
  const packages = missingPackages();
  if (packages.length > 0) {
    await progress.step(`Debian packages: ${packages.join(", ")}`, () => installPackages(packages, signal));
  }
  await sweep();
  await ensureBase(progress, signal);
  await ensureImages("platform", progress, signal);
}

/** Installs these packages without asking anything and without starting a service of theirs. */
async function installPackages(packages: readonly string[], signal: AbortSignal): Promise<void> {
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    signal,
    deadlineMs: 15 * 60_000,
  };
  await run(["apt-get", "update", "-q"], options);
  // A package's service must not start on this machine; policy-rc.d is Debian's way to say so (invoke-rc.d(8)).
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !existsSync(policy);
  if (ours) await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await run(["apt-get", "install", "-q", "-y", "--no-install-recommends", ...packages], options);
  } finally {
    if (ours) await rm(policy, { force: true });
  }
  // Nor after the next boot, when nginx would take port 80.
  if (packages.includes("nginx") && existsSync("/usr/bin/systemctl")) {
    await attempt(["systemctl", "disable", "--quiet", "nginx.service"], options);
  }
}
