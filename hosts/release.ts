/**
 * The release that is installed on hosts: built from this checkout by the same script that users build theirs with, and
 * built again only when something that goes into it has changed.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.ts";
import type { Progress } from "./progress.ts";
import { projectRoot } from "./project.ts";
import { run } from "./run.ts";

/** Directories whose files do not go into a release. */
const left = new Set([
  "node_modules",
  "dist",
  "release",
  "coverage",
  "test",
  "bench",
  "docs",
  "hosts",
  ".git",
]);

/** Whether a release carries this machine's Node.js. Hosts of this room have it anyway, and do without. */
export type ReleaseKind = "with-node" | "without-node";

/** The directory of this checkout's release, built if it is missing or stale. Rejects with `command-failed`. */
export async function ensureRelease(
  progress: Progress,
  signal: AbortSignal,
  kind: ReleaseKind = "with-node",
): Promise<string> {
  const root = projectRoot();
  const directory = join(root, "release", "deis");
  const stamp = join(root, "release", "deis.stamp");
  return await withLock(
    join(root, "release", ".lock"),
    async () => {
      const sources = await sourcesHash(root);
      const present = existsSync(directory) && existsSync(stamp) ? await readFile(stamp, "utf8") : "";
      // One with Node.js serves those who do not need it, too.
      if (present === `${sources} with-node` || present === `${sources} ${kind}`) return directory;
      await progress.step("release of this checkout", async () => {
        const options = { cwd: root, deadlineMs: 10 * 60_000, signal };
        await run(["rm", "-rf", "dist"], options);
        await run(["npm", "run", "--silent", "build"], options);
        await run(
          ["bash", "vagrant/release.sh", ...(kind === "without-node" ? ["--without-node"] : [])],
          options,
        );
      });
      await writeFile(stamp, `${sources} ${kind}`);
      return directory;
    },
    { signal },
  );
}

async function sourcesHash(root: string): Promise<string> {
  const hash = createHash("sha256");
  for (const path of await sources(root)) hash.update(path.slice(root.length)).update(await readFile(path));
  return hash.digest("hex");
}

async function sources(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return left.has(entry.name) ? [] : await sources(path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return found.flat().sort();
}
