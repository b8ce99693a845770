/** One table of a mirror in memory: what is known of each record, and which names changed since someone asked. */
import { PlatformError } from "../cluster/errors.ts";
import type { Table } from "../cluster/ports.ts";
import type { KeyValue } from "./protocol.ts";
import type { TableSpec } from "./tables.ts";

interface Slot<V> {
  readonly value: V;
  /** A number takes a third of a bigint's memory, and no store lives to see 2^53 revisions. */
  readonly revision: number;
}

export class RecordTable<V> implements Table<V> {
  readonly spec: TableSpec<V>;
  readonly unreadable = new Map<string, PlatformError>();
  readonly #slots = new Map<string, Slot<V>>();
  /** Revisions of unreadable records, so that a listing need not report them again. */
  readonly #unreadableAt = new Map<string, number>();
  #changed = new Set<string>();

  constructor(spec: TableSpec<V>) {
    this.spec = spec;
  }

  get size(): number {
    return this.#slots.size;
  }

  get(name: string): V | undefined {
    return this.#slots.get(name)?.value;
  }

  revisionOf(name: string): bigint | undefined {
    const revision = this.#slots.get(name)?.revision ?? this.#unreadableAt.get(name);
    return revision === undefined ? undefined : BigInt(revision);
  }

  *entries(): IterableIterator<[string, V]> {
    for (const [name, slot] of this.#slots) yield [name, slot.value];
  }

  put(entry: KeyValue): void {
    const name = entry.key.slice(this.spec.prefix.length);
    const revision = Number(entry.modRevision);
    this.#changed.add(name);
    try {
      this.#slots.set(name, { value: this.spec.decode(entry.value, entry.key, entry.lease), revision });
      if (this.unreadable.delete(name)) this.#unreadableAt.delete(name);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      this.#slots.delete(name);
      this.unreadable.set(name, error);
      this.#unreadableAt.set(name, revision);
    }
  }

  delete(key: string): void {
    const name = key.slice(this.spec.prefix.length);
    const known = this.#slots.delete(name);
    const unread = this.unreadable.delete(name) && this.#unreadableAt.delete(name);
    if (known || unread) this.#changed.add(name);
  }

  /**
   * Makes the table equal to a listing of it. A record of the same revision is the same record, unless the store's history is another
   * one: then `trustRevisions` is false and every record counts as changed.
   */
  replace(entries: readonly KeyValue[], trustRevisions: boolean): void {
    const listed = new Set<string>();
    for (const entry of entries) {
      const name = entry.key.slice(this.spec.prefix.length);
      listed.add(name);
      if (!trustRevisions || this.revisionOf(name) !== entry.modRevision) this.put(entry);
    }
    for (const name of [...this.#slots.keys(), ...this.unreadable.keys()]) {
      if (!listed.has(name)) this.delete(this.spec.prefix + name);
    }
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed.size > 0 ? changed : none;
  }
}

const none: ReadonlySet<string> = new Set();
