/**
 * Which keys of the store a resource sees, and under which names: its `keys` joined to its prefix select, the prefix is cut
 * off and the rest cleaned.
 *
 * A selected key is the key itself and all below it: `/app` takes `/app` and `/app/x`, never `/apple`. Keys are byte strings.
 *
 * Pure.
 */
import { joinPath } from "./go-path.ts";
import { type Change, StoreIndex } from "./store-index.ts";

export interface KeySelection {
  /** With a leading slash; not cleaned. */
  readonly prefix: string;
  /** Full keys, clean, sorted, none below another. */
  readonly keys: readonly string[];
}

/** Whether a selected key stands for a key of the store, where that is another rule than the one above: see `LiveKeys`. */
export type Reach = (selected: string, key: string) => boolean;

/** The selection of a resource's `prefix` and `keys` as written there. A prefix without a leading slash gets one. */
export function selectKeys(prefix: string, keys: readonly string[]): KeySelection {
  const rooted = prefix.startsWith("/") ? prefix : `/${prefix}`;
  return { prefix: rooted, keys: mergeKeys(keys.map((key) => joinPath(rooted, key))) };
}

/** The keys without those that lie below another one, sorted. */
export function mergeKeys(keys: Iterable<string>): readonly string[] {
  const all = new Set(keys);
  return [...all].filter((key) => !parentsOf(key).some((parent) => all.has(parent))).sort();
}

/** The name under which a template sees the key. */
export function nameInTemplate({ prefix }: KeySelection, key: string): string {
  if (prefix === "/" && isClean(key)) return key;
  return joinPath("/", key.startsWith(prefix) ? key.slice(prefix.length) : key);
}

/** The keys of one selection as its templates see them, fed with the store's own keys. */
export class SelectedKeys {
  readonly index = new StoreIndex();
  readonly selection: KeySelection;
  readonly #selected: ReadonlySet<string>;
  /** The folder asked for last, and whether what lies in it is selected. */
  #folder = { path: "", selected: false };
  /** The key of the store behind each name. */
  readonly #origins = new Map<string, string>();
  /** The keys, with their values, of names that several share (`/a//b` and `/a/b`). */
  readonly #shared = new Map<string, Map<string, string>>();

  constructor(selection: KeySelection) {
    this.selection = selection;
    this.#selected = new Set(selection.keys);
  }

  /** Takes over a key's value, undefined if it is gone. Returns its name here and what changed, or undefined if it is not selected. */
  update(
    key: string,
    value: string | undefined,
    reach?: Reach,
  ): { readonly name: string; readonly change: Change } | undefined {
    const taken = reach ? this.selection.keys.some((each) => reach(each, key)) : this.#takes(key);
    if (!taken) return undefined;
    const name = nameInTemplate(this.selection, key);
    const origin = this.#origins.get(name);
    if (value !== undefined && origin === key && !this.#shared.has(name)) {
      return { name, change: this.index.set(name, value) };
    }
    const shown = this.#share(name, key, value);
    if (shown === undefined) this.#origins.delete(name);
    else this.#origins.set(name, shown.key);
    return {
      name,
      change: shown === undefined ? this.index.delete(name) : this.index.set(name, shown.value),
    };
  }

  /** Every key of the store that is taken at present. */
  *storeKeys(): IterableIterator<string> {
    for (const [name, origin] of this.#origins) {
      const shared = this.#shared.get(name);
      if (shared) yield* shared.keys();
      else yield origin;
    }
  }

  /** Keys come in order, so most lie in the folder of the one before. */
  #takes(key: string): boolean {
    if (this.#selected.has(key)) return true;
    const folder = key.slice(0, Math.max(1, key.lastIndexOf("/")));
    if (folder !== this.#folder.path) {
      const selected =
        this.#selected.has(folder) || parentsOf(folder).some((each) => this.#selected.has(each));
      this.#folder = { path: folder, selected };
    }
    return this.#folder.selected;
  }

  /** What `name` shows from now on. Of several keys that share it the first in byte order wins. */
  #share(name: string, key: string, value: string | undefined): { key: string; value: string } | undefined {
    const origin = this.#origins.get(name);
    const known = this.#shared.get(name);
    if (known === undefined && (origin === undefined || origin === key)) {
      return value === undefined ? undefined : { key, value };
    }
    const all = known ?? new Map(origin === undefined ? [] : [[origin, this.index.get(name) ?? ""]]);
    if (value === undefined) all.delete(key);
    else all.set(key, value);
    if (all.size > 1) this.#shared.set(name, all);
    else this.#shared.delete(name);
    const [first] = [...all].sort(([one], [other]) => (one < other ? -1 : 1));
    return first === undefined ? undefined : { key: first[0], value: first[1] };
  }
}

/** True of a key that cleaning would leave as it is. May be false of one, too. */
function isClean(key: string): boolean {
  return key.startsWith("/") && !key.includes("/.") && !key.includes("//") && !key.endsWith("/");
}

function parentsOf(key: string): readonly string[] {
  const parents = key === "/" ? [] : ["/"];
  for (let end = key.indexOf("/", 1); end !== -1; end = key.indexOf("/", end + 1))
    parents.push(key.slice(0, end));
  return parents;
}
