/**
 * What one render asked of the store, and so which changes can alter its outcome. A resource is rendered again only for those.
 *
 * A key that was read, or looked for in vain, counts with its value; a pattern with the keys that match it; a listing only with keys
 * that come or go below it. A render that also asked the world (time, names, files) counts every change of its keys, as confd does.
 *
 * Pure.
 */
import { cleanPath } from "./go-path.ts";
import type { KeyPattern } from "./key-pattern.ts";
import type { Change } from "./store-index.ts";

export class Reads {
  readonly #keys = new Set<string>();
  /** Patterns by the folder that all their matches lie in. */
  readonly #patterns = new Map<string, Map<string, KeyPattern>>();
  readonly #listings = new Set<string>();
  #world = false;

  /** `key` was read, or found missing. */
  key(key: string): void {
    this.#keys.add(key);
  }

  /** All keys that match `pattern` were read. */
  pattern(text: string, pattern: KeyPattern): void {
    const known = this.#patterns.get(pattern.folder);
    if (known) known.set(text, pattern);
    else this.#patterns.set(pattern.folder, new Map([[text, pattern]]));
  }

  /** The names below `path` were listed. */
  listing(path: string): void {
    this.#listings.add(cleanPath(path));
  }

  /** Something outside the store was asked. */
  world(): void {
    this.#world = true;
  }

  /** True if this change of `key` can have altered what was read. */
  touchedBy(key: string, change: Change): boolean {
    if (change === "none") return false;
    if (this.#world || this.#keys.has(key)) return true;
    if (change === "presence" && this.#listings.has(key)) return true;
    for (let end = key.lastIndexOf("/"); end >= 0; end = end === 0 ? -1 : key.lastIndexOf("/", end - 1)) {
      const folder = key.slice(0, end);
      if (change === "presence" && this.#listings.has(folder === "" ? "/" : folder)) return true;
      for (const pattern of this.#patterns.get(folder)?.values() ?? []) if (pattern.matches(key)) return true;
    }
    return false;
  }
}
