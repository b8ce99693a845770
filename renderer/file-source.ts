/**
 * Keys from YAML or JSON files, as confd's file backend: nested mappings become paths, a list's elements are numbered, and every scalar is a
 * value. The files are read again when they change.
 */
import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { matchGlob } from "../cluster/glob.ts";
import { Backoff } from "../loop/backoff.ts";
import { joinPath } from "./go-path.ts";
import { bytesOf } from "./gotmpl/index.ts";
import { fixedKeys, type KeySource, type LiveKeys, type SourceEvent } from "./source.ts";
import { parseYaml, type YamlValue } from "./yaml.ts";

/** `filter` is a glob of file names for directories among `files`. */
export function fileSource(files: readonly string[], filter: string): KeySource {
  return {
    read: async (keys) => fixedKeys(select(await readAll(files, filter), keys), 0n, beginsWith),
    follow: (keys, tell) => new FollowedFiles(files, filter, keys, tell),
    close: async () => undefined,
  };
}

class FollowedFiles implements LiveKeys {
  synced = false;
  readonly revision = 0n;
  readonly reach = beginsWith;
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
  return new Map([...all].filter(([key]) => keys.some((each) => beginsWith(each, key))));
}

function beginsWith(selected: string, key: string): boolean {
  return key.startsWith(selected);
}

async function readAll(files: readonly string[], filter: string): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  let nodes = 0;
  for (const file of files) {
    for (const path of await pathsOf(file, filter)) {
      nodes = walk(await readDocument(path), "/", values, nodes);
    }
  }
  return values;
}

async function pathsOf(file: string, filter: string): Promise<readonly string[]> {
  try {
    if (!(await stat(file)).isDirectory()) return [file];
    if (matchGlob(filter, "") === undefined) throw new Error("syntax error in pattern");
    return await filesBelow(file, filter);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The files of a directory in the order of their names, each folder's in its place. Links to files count, links to folders do not. */
async function filesBelow(directory: string, filter: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(path, filter)));
    else if (matchGlob(filter, entry.name) === true && !(await stat(path)).isDirectory()) found.push(path);
  }
  return found;
}

async function readDocument(path: string): Promise<YamlValue> {
  try {
    return parseYaml(await readFile(path, "utf8"));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Most nodes of all documents: aliases of aliases make few lines many. */
const mostNodes = 2_000_000;

/** Enters everything below `key`. Returns how many nodes that is, `count` included. */
function walk(value: YamlValue, key: string, into: Map<string, string>, count: number): number {
  if (count > mostNodes) throw new Error(`more than ${mostNodes} nodes`);
  if (typeof value === "string") into.set(key, bytesOf(value));
  if (value === null || typeof value === "string") return count + 1;
  let sum = count + 1;
  const items: Iterable<readonly [string | number, YamlValue]> = value.entries();
  for (const [name, item] of items) sum = walk(item, joinPath(key, bytesOf(String(name))), into, sum);
  return sum;
}

function unreadable(path: string, cause: unknown): PlatformError {
  return new PlatformError("source-unreadable", `Cannot read keys from "${path}"`, {
    cause,
    hint: "Check that it exists, who may read it, and that it is YAML or JSON",
    retryable: true,
  });
}
