/**
 * The keys and values that one template sees, kept as a tree so that a question costs what it returns, not the whole store. confd
 * looks at every key for each question: a template that lists 1,000 apps and asks for each costs it a million looks.
 *
 * Keys and values are byte strings; keys are clean (`joinPath("/", …)`). The answers are confd's, with its quirks at the root.
 *
 * Pure.
 */
import { basePath, cleanPath } from "./go-path.ts";
import { compilePattern, type Element, type KeyPattern } from "./key-pattern.ts";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** What became of a key: `none` if it holds what it held before. */
export type Change = "none" | "value" | "presence";

interface Folder {
  /** Undefined where nothing lies below, as of most keys. */
  children: Map<string, Folder> | undefined;
  /** Undefined where no key ends. */
  value: string | undefined;
  /** Names of the children in byte order, until they change. */
  sorted: readonly string[] | undefined;
}

export class StoreIndex {
  readonly #values = new Map<string, string>();
  readonly #root = newFolder();
  /** The folder used last by `set`. */
  #recent = { path: "", folder: this.#root };

  get size(): number {
    return this.#values.size;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }

  set(key: string, value: string): Change {
    const before = this.#values.get(key);
    if (before === value) return "none";
    this.#values.set(key, value);
    if (key === "/") this.#root.value = value;
    else {
      const slash = key.lastIndexOf("/");
      childOf(this.#folderOf(key.slice(0, slash)), key.slice(slash + 1)).value = value;
    }
    return before === undefined ? "presence" : "value";
  }

  delete(key: string): Change {
    if (!this.#values.delete(key)) return "none";
    this.#recent = { path: "", folder: this.#root };
    const path: { readonly folder: Folder; readonly name: string }[] = [];
    let folder = this.#root;
    for (const name of namesOf(key)) {
      const child = folder.children?.get(name);
      if (child === undefined) throw new Error(`the index lost "${key}"`);
      path.push({ folder, name });
      folder = child;
    }
    folder.value = undefined;
    for (const { folder: parent, name } of path.reverse()) {
      const child = parent.children?.get(name);
      if (child === undefined || child.value !== undefined || hasChildren(child)) break;
      parent.children?.delete(name);
      parent.sorted = undefined;
    }
    return "presence";
  }

  /** All keys that match, in byte order. Undefined for a malformed pattern. */
  match(pattern: string | KeyPattern): readonly KeyValue[] | undefined {
    const compiled = typeof pattern === "string" ? compilePattern(pattern) : pattern;
    if (compiled.malformed) return undefined;
    const found: KeyValue[] = [];
    if (compiled.elements) collect(this.#root, "", compiled.elements, 0, found);
    else {
      const start = this.#find(compiled.folder);
      if (start) collectBelow(start, compiled.folder, compiled, found);
    }
    return inByteOrder(found);
  }

  /**
   * The next elements of all keys below `path`, sorted, each once; if `path` is itself a key its last element counts, too. Of the root
   * only keys are listed, not folders: confd compares paths element by element, and that of `/` is empty. A path that
   * is not clean (`/a//b`) lists, as in confd, just the first element of what lies below it.
   */
  list(path: string): readonly string[] {
    const own = this.#values.has(path) ? [basePath(path)] : [];
    const clean = cleanPath(path);
    const folder = clean.startsWith("/") ? this.#find(clean) : undefined;
    if (folder === undefined) return own;
    if (folder === this.#root) {
      const keys = sortedNames(folder).filter((name) => folder.children?.get(name)?.value !== undefined);
      if (path === "/" || folder.value === undefined) return [...own, ...keys].sort(byBytes);
      return ["", ...keys];
    }
    const names = isTidy(path, clean) ? sortedNames(folder) : firstOf(clean, folder);
    return own.length === 0 ? names : [...new Set([...own, ...names])].sort(byBytes);
  }

  /** The next elements below `path` that have something below them, sorted. None at the root, as in confd. */
  listFolders(path: string): readonly string[] {
    const clean = cleanPath(path);
    const folder = clean.startsWith("/") && isTidy(path, clean) ? this.#find(clean) : undefined;
    if (folder === undefined || folder === this.#root) return [];
    return sortedNames(folder).filter((name) => hasChildren(folder.children?.get(name)));
  }

  /** The folder at a clean path, made if need be. Keys come in order, so most lie in the folder of the one before. */
  #folderOf(path: string): Folder {
    if (path !== this.#recent.path) {
      let folder = this.#root;
      for (const name of namesOf(path)) folder = childOf(folder, name);
      this.#recent = { path, folder };
    }
    return this.#recent.folder;
  }

  #find(path: string): Folder | undefined {
    let folder: Folder | undefined = this.#root;
    for (const name of namesOf(path)) folder = folder?.children?.get(name);
    return folder;
  }
}

/** Byte strings compare by code units. */
export function byBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function childOf(folder: Folder, name: string): Folder {
  const known = folder.children?.get(name);
  if (known) return known;
  const child = newFolder();
  folder.children ??= new Map();
  folder.children.set(name, child);
  folder.sorted = undefined;
  return child;
}

function newFolder(): Folder {
  return { children: undefined, value: undefined, sorted: undefined };
}

function hasChildren(folder: Folder | undefined): boolean {
  return (folder?.children?.size ?? 0) > 0;
}

/** The elements of a clean, rooted path. */
function namesOf(path: string): readonly string[] {
  return path === "/" || path === "" ? [] : path.slice(1).split("/");
}

function sortedNames(folder: Folder): readonly string[] {
  folder.sorted ??= [...(folder.children?.keys() ?? [])].sort(byBytes);
  return folder.sorted;
}

/** True of a clean path, be it with one slash behind. */
function isTidy(path: string, clean: string): boolean {
  return path === clean || path === `${clean}/`;
}

function firstOf(clean: string, folder: Folder): readonly string[] {
  return hasChildren(folder) ? namesOf(clean).slice(0, 1) : [];
}

function collect(
  folder: Folder,
  path: string,
  elements: readonly Element[],
  at: number,
  found: KeyValue[],
): void {
  const element = elements[at];
  if (element === undefined) return;
  const last = at === elements.length - 1;
  const visit = (name: string, child: Folder) => {
    const key = `${path}/${name}`;
    if (!last) collect(child, key, elements, at + 1, found);
    else if (child.value !== undefined) found.push({ key, value: child.value });
  };
  if (element.kind === "name") {
    // The pattern "/" is the root's own key.
    if (element.name === "" && last && at === 0) {
      if (folder.value !== undefined) found.push({ key: "/", value: folder.value });
      return;
    }
    const child = folder.children?.get(element.name);
    if (child) visit(element.name, child);
    return;
  }
  // `/*` also matches the key "/", whose only element is empty.
  if (at === 0 && last && folder.value !== undefined && element.matches(""))
    found.push({ key: "/", value: folder.value });
  for (const name of sortedNames(folder)) {
    const child = folder.children?.get(name);
    if (child && element.matches(name)) visit(name, child);
  }
}

function collectBelow(folder: Folder, path: string, pattern: KeyPattern, found: KeyValue[]): void {
  const key = path === "" ? "/" : path;
  if (folder.value !== undefined && pattern.matches(key)) found.push({ key, value: folder.value });
  for (const [name, child] of folder.children ?? []) collectBelow(child, `${path}/${name}`, pattern, found);
}

/** Folders come in order of their names, which is the order of their keys but for names that continue below a slash's byte. */
function inByteOrder(found: KeyValue[]): readonly KeyValue[] {
  for (let at = 1; at < found.length; at += 1) {
    if ((found[at - 1]?.key ?? "") > (found[at]?.key ?? ""))
      return found.sort((one, other) => byBytes(one.key, other.key));
  }
  return found;
}
