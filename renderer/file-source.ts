/**
 * Keys from YAML or JSON files, as confd's file backend: nested mappings become paths, a list's elements are numbered, and every scalar is a
 * value. The files are read again when they change.
 */
import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { matchGlob } from "../cluster/glob.ts";
import { Backoff } from "../loop/backoff.ts";
import { bytesOf } from "./gotmpl/index.ts";
import { fixedKeys, type KeySource, type LiveKeys, type SourceEvent } from "./source.ts";
import { parseYaml } from "./yaml.ts";

/** `filter` is a glob of file names for directories among `files`. */
export function fileSource(files: readonly string[], filter: string): KeySource {
  return {
    read: async (keys) => fixedKeys(select(await readAll(files, filter), keys)),
    follow: (keys, tell) => new FollowedFiles(files, filter, keys, tell),
    close: async () => undefined,
  };
}

class FollowedFiles implements LiveKeys {
  synced = false;
  readonly revision = 0n;
  readonly #files: readonly string[];
  readonly #filter: string;
  readonly #keys: readonly string[];
  readonly #tell: (event: SourceEvent) => void;
  readonly #bells = new Set<() => void>();
  readonly #watchers: FSWatcher[];
  readonly #backoff = new Backoff({ initialMs: 500 });
  #values: ReadonlyMap<string, string> = new Map();
  #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    files: readonly string[],
    filter: string,
    keys: readonly string[],
    tell: (event: SourceEvent) => void,
  ) {
    this.#files = files;
    this.#filter = filter;
    this.#keys = keys;
    this.#tell = tell;
    // The folder, not the file: an editor that saves by renaming leaves a watch on a file behind.
    const folders = new Set(files.flatMap((file) => [dirname(file), file]));
    this.#watchers = [...folders].flatMap((folder) => watchOf(folder, () => this.#later(50)));
    this.#later(0);
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  keys(): Iterable<string> {
    return this.#values.keys();
  }

  takeChanges(): Iterable<string> {
    const taken = this.#changed;
    this.#changed = new Set();
    return taken;
  }

  onChange(bell: () => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#read().catch((error: unknown) => {
        const retryInMs = this.#backoff.next();
        this.#tell({ kind: "source-lost", error, retryInMs });
        if (!this.#closed) this.#later(retryInMs);
      });
    }, ms);
  }

  async #read(): Promise<void> {
    const values = select(await readAll(this.#files, this.#filter), this.#keys);
    if (this.#closed) return;
    const before = this.#values;
    for (const [key, value] of values) if (before.get(key) !== value) this.#changed.add(key);
    for (const key of before.keys()) if (!values.has(key)) this.#changed.add(key);
    this.#values = values;
    this.#backoff.reset();
    const first = !this.synced;
    this.synced = true;
    if (first) this.#tell({ kind: "source-read", revision: 0n, keys: values.size, why: "start" });
    if (first || this.#changed.size > 0) for (const bell of this.#bells) bell();
  }
}

function watchOf(path: string, bell: () => void): FSWatcher[] {
  try {
    const watcher = watch(path, bell);
    watcher.on("error", bell);
    return [watcher];
  } catch {
    // Reading it reports what is wrong.
    return [];
  }
}

function select(all: ReadonlyMap<string, string>, keys: readonly string[]): Map<string, string> {
  return new Map([...all].filter(([key]) => keys.some((each) => key.startsWith(each))));
}

async function readAll(files: readonly string[], filter: string): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const file of files) {
    for (const path of await pathsOf(file, filter)) walk(await readDocument(path), "", values);
  }
  return values;
}

async function pathsOf(file: string, filter: string): Promise<readonly string[]> {
  try {
    if (!(await stat(file)).isDirectory()) return [file];
    const names = await readdir(file, { recursive: true, withFileTypes: true });
    return names
      .filter((entry) => entry.isFile() && matchGlob(filter, entry.name) === true)
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function readDocument(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    return extname(path) === ".json" ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Enters everything below `key`. */
function walk(value: unknown, key: string, into: Map<string, string>): void {
  if (Array.isArray(value)) for (const [at, item] of value.entries()) walk(item, `${key}/${at}`, into);
  else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) walk(item, `${key}/${bytesOf(name)}`, into);
  } else if (value !== null && value !== undefined) into.set(key === "" ? "/" : key, bytesOf(String(value)));
}

function unreadable(path: string, cause: unknown): PlatformError {
  return new PlatformError("source-unreadable", `Cannot read keys from "${path}"`, {
    cause,
    hint: "Check that it exists, who may read it, and that it is YAML or JSON",
    retryable: true,
  });
}
