/**
 * Noticing edits below a directory. Editors write in bursts and rename, so edits are reported once they have stopped for a moment; what
 * a file system does not tell is found by the renderer's regular look.
 */
import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

const settleMs = 50;

/** What of a configuration directory is looked at. Other folders in it may be destinations, which must not wake their own renderer. */
const watched = ["conf.d", "templates"];

/** Calls `bell` after edits below `conf.d` and `templates` of `directory`, until closed. What is missing is watched for from `refresh` on. */
export class FileWatch {
  readonly #directory: string;
  readonly #bell: () => void;
  #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(directory: string, bell: () => void) {
    this.#directory = directory;
    this.#bell = bell;
  }

  /** Starts, or takes in folders that have come since. */
  async refresh(): Promise<void> {
    const folders = await foldersBelow(watched.map((name) => join(this.#directory, name)));
    folders.add(this.#directory);
    if (this.#closed) return;
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#open(folder);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers = new Map();
  }

  #open(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (folder !== this.#directory || name === null || watched.includes(name)) this.#edited();
      });
      // A folder that goes away takes its watch with it.
      watcher.on("error", () => this.#watchers.delete(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  #edited(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#bell(), settleMs);
  }
}

async function foldersBelow(directories: readonly string[]): Promise<Set<string>> {
  const found = new Set(directories);
  for (const folder of found) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
    if (entries === undefined) found.delete(folder);
    for (const entry of entries ?? []) if (entry.isDirectory()) found.add(join(folder, entry.name));
  }
  return found;
}
