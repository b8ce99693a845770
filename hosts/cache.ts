/**
 * Things that take a minute to build and seconds to use, kept between runs and shared by every checkout on the machine.
 *
 * An entry is named for what it was built from, so a changed recipe is a new entry and nothing is ever changed in place
 * (a running host has it mounted). It is built beside its place and renamed, so an entry that exists is complete.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.ts";
import type { Progress } from "./progress.ts";
import { attempt, run } from "./run.ts";

/** Where everything of this room lives: `DEIS_CACHE`, or `/var/cache/deis`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env.DEIS_CACHE || "/var/cache/deis";
}

export interface Recipe {
  /** What is built, as a file name: `base`, `images`. */
  readonly kind: string;
  /** What a person calls it. */
  readonly title: string;
  /** Everything the result depends on. */
  readonly inputs: readonly string[];
  /** Fills the empty directory. */
  build(directory: string, signal: AbortSignal): Promise<void>;
}

/** The directory that a recipe's result has, built or not. */
export function entryPath(recipe: Pick<Recipe, "kind" | "inputs">, cache = cacheDirectory()): string {
  const hash = createHash("sha256").update(JSON.stringify(recipe.inputs)).digest("hex").slice(0, 12);
  return join(cache, `${recipe.kind}-${hash}`);
}

/**
 * Resolves to the directory of the recipe's result, and builds it first if this machine has none yet. Of several
 * processes that want it, one builds and the others wait.
 */
export async function fromCache(recipe: Recipe, progress: Progress, signal: AbortSignal): Promise<string> {
  const path = entryPath(recipe);
  if (existsSync(path)) return path;
  return await withLock(
    `${path}.lock`,
    async () => {
      if (existsSync(path)) return path;
      await progress.step(recipe.title, () => buildEntry(recipe, path, signal));
      return path;
    },
    { signal },
  );
}

/** Removes every entry of these kinds but those to keep, and resolves to the names of what was removed. */
export async function pruneCache(
  kinds: readonly string[],
  keep: ReadonlySet<string>,
): Promise<readonly string[]> {
  const cache = cacheDirectory();
  const removed: string[] = [];
  for (const name of await readdir(cache).catch(() => [])) {
    const [, kind = ""] = /^([a-z]+)-[0-9a-f]{12}$/.exec(name) ?? [];
    if (!kinds.includes(kind) || keep.has(join(cache, name))) continue;
    await removeTree(join(cache, name));
    await removeTree(join(cache, `${name}.lock`));
    removed.push(name);
  }
  return removed;
}

async function buildEntry(recipe: Recipe, path: string, signal: AbortSignal): Promise<void> {
  const partial = `${path}.partial`;
  // Ours alone: the lock is held, so a partial entry is what a dead run left.
  await removeTree(partial);
  await mkdir(partial, { recursive: true });
  try {
    await recipe.build(partial, signal);
    await rename(partial, path);
  } catch (error) {
    await removeTree(partial);
    throw error;
  }
}

/** Removes a directory tree, but nothing that is mounted below it. Another process may be doing the same. */
export async function removeTree(path: string): Promise<void> {
  const remove = ["rm", "-rf", "--one-file-system", path];
  const { code } = await attempt(remove, { deadlineMs: 120_000 });
  // What a second remover takes away under its hands makes rm fail, though both want the same.
  if (code !== 0 && existsSync(path)) await run(remove, { deadlineMs: 120_000 });
}
