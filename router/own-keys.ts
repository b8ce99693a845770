/** Keys without what routers write themselves: the record of a router is no setting of it, and must not wake those that read settings. */
import type { KeySource, LiveKeys } from "../renderer/source.ts";

/** The same source, but for the keys below `prefix`. */
export function withoutKeysBelow(prefix: string, source: KeySource): KeySource {
  return {
    read: async (keys, signal) => hide(prefix, await source.read(keys, signal)),
    follow: (keys, tell) => hide(prefix, source.follow(keys, tell)),
    close: () => source.close(),
  };
}

function hide(prefix: string, keys: LiveKeys): LiveKeys {
  const shown = function* (names: Iterable<string>): Iterable<string> {
    for (const name of names) if (!name.startsWith(prefix)) yield name;
  };
  return {
    get synced() {
      return keys.synced;
    },
    get revision() {
      return keys.revision;
    },
    get: (key) => (key.startsWith(prefix) ? undefined : keys.get(key)),
    keys: () => shown(keys.keys()),
    takeChanges: () => shown(keys.takeChanges()),
    onChange: (bell) => keys.onChange(bell),
    close: () => keys.close(),
  };
}
