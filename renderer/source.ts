/** Where keys come from: the seam between the renderer and etcd, a file, or the environment. Keys and values are byte strings. */
import type { Reach } from "./key-selection.ts";

/** A copy of the selected keys that stays current while it is open. */
export interface LiveKeys {
  /** False until everything was read once: before that nothing may be rendered. */
  readonly synced: boolean;
  /** The store's revision that the keys reflect; 0 where the source counts none. */
  readonly revision: bigint;
  /**
   * What a selected key stands for, where it is not the key itself and all below it: confd's file and environment take every key whose text
   * begins with it (`/app` takes `/apple`), its etcd does not.
   */
  readonly reach?: Reach;
  get(key: string): string | undefined;
  keys(): Iterable<string>;
  /** The keys written or deleted since the last call; all of them after the first reading. */
  takeChanges(): Iterable<string>;
  /** Calls `bell` after each change that was applied. Returns the function that ends this. */
  onChange(bell: () => void): () => void;
  close(): Promise<void>;
}

export type SourceEvent =
  | { readonly kind: "source-read"; readonly revision: bigint; readonly keys: number; readonly why: string }
  | { readonly kind: "source-lost"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "source-back"; readonly revision: bigint };

export interface KeySource {
  /** `keys` and all they stand for, read once. Rejects when they cannot be read before `signal` aborts or the source's own deadline. */
  read(keys: readonly string[], signal: AbortSignal): Promise<LiveKeys>;
  /** `keys` and all they stand for, followed. Returns at once; a source that cannot be reached is tried again for ever. */
  follow(keys: readonly string[], tell: (event: SourceEvent) => void): LiveKeys;
  close(): Promise<void>;
}

/** Keys that never change: what `read` gives. */
export function fixedKeys(values: ReadonlyMap<string, string>, revision = 0n, reach?: Reach): LiveKeys {
  let changed: Iterable<string> = values.keys();
  return {
    synced: true,
    revision,
    ...(reach ? { reach } : {}),
    get: (key) => values.get(key),
    keys: () => values.keys(),
    takeChanges: () => {
      const taken = changed;
      changed = [];
      return taken;
    },
    onChange: () => () => undefined,
    close: async () => undefined,
  };
}
