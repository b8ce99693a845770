/**
 * Metadata that operators give a machine while it runs, beside what its settings file says.
 *
 * A value set at run time wins over the file's; an empty one hides it. What was set stays when the machine goes and holds again when it
 * comes back, so whoever reads machines reads them through here: the scheduler, `deisctl list-machines`, the API.
 *
 * Pure.
 */
import type { Machine } from "./machine.ts";
import type { Table } from "./ports.ts";

/** One machine's run-time metadata by key. */
export type DynamicMetadata = ReadonlyMap<string, string>;

/** The machine with its run-time metadata in force; the very same object if there is none. */
export function withMetadata(machine: Machine, dynamic: DynamicMetadata | undefined): Machine {
  if (dynamic === undefined || dynamic.size === 0) return machine;
  const metadata = new Map([...Object.entries(machine.metadata), ...dynamic]);
  for (const [key, value] of dynamic) if (value === "") metadata.delete(key);
  return { ...machine, metadata: Object.fromEntries(metadata) };
}

/** Machine and key of a record's name, `<machine>/<key>`. */
export function metadataName(name: string): { readonly machine: string; readonly key: string } {
  const slash = name.indexOf("/");
  return { machine: name.slice(0, slash), key: name.slice(slash + 1) };
}

/** Every machine with its metadata in force, sorted by id. */
export function machinesWithMetadata(tables: {
  readonly machines: Table<Machine>;
  readonly metadata: Table<string>;
}): readonly Machine[] {
  const dynamic = new Map<string, Map<string, string>>();
  for (const [name, value] of tables.metadata.entries()) {
    const { machine, key } = metadataName(name);
    const known = dynamic.get(machine);
    if (known) known.set(key, value);
    else dynamic.set(machine, new Map([[key, value]]));
  }
  return [...tables.machines.entries()]
    .map(([id, machine]) => withMetadata(machine, dynamic.get(id)))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
