/**
 * What the words after `submit`, `load` and `start` mean, found before anything is written: a local file, a unit of the cluster, an
 * instance of a template in the cluster, an instance of a template file beside the word.
 *
 * The order is fleetctl's. All files of one command are checked here first, so that a bad one leaves nothing half-made.
 */
import { dirname, join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { type CheckedUnitFile, checkUnitFile, type UnitRecord } from "../cluster/unit.ts";
import { mangleUnitName, templateOf } from "../cluster/unit-name.ts";
import type { LocalFiles } from "./command.ts";
import { type ClusterUnits, knownNames } from "./known-units.ts";
import { isGlob, selectUnits } from "./select-units.ts";

/** A unit's text and where it was found: a path, or the name of a template. */
export interface Source extends CheckedUnitFile {
  readonly text: string;
  readonly origin: string;
}

export interface ResolvedUnit {
  readonly name: string;
  /** What the cluster has, if it has the unit. */
  readonly record?: UnitRecord;
  /** The text that goes with it, as the cluster shows it. */
  readonly stored?: string;
  /** What the operator has. Absent if the unit is known to the cluster alone. */
  readonly source?: Source;
}

/**
 * Resolves every word, without duplicates, in their order. With `sources` also the units that a pattern or a component means come with
 * what the operator, or the cluster's template, has for each. Throws with fleetctl's text for a word that means nothing.
 */
export async function resolveUnitArguments(
  words: readonly string[],
  cluster: ClusterUnits,
  files: LocalFiles,
  { sources = false }: { readonly sources?: boolean } = {},
): Promise<readonly ResolvedUnit[]> {
  const resolved = new Map<string, ResolvedUnit>();
  for (const word of words) {
    for (const unit of await resolveWord(word, cluster, files, sources)) resolved.set(unit.name, unit);
  }
  return [...resolved.values()];
}

async function resolveWord(
  word: string,
  cluster: ClusterUnits,
  files: LocalFiles,
  sources: boolean,
): Promise<ResolvedUnit[]> {
  const local = isGlob(word) ? undefined : await localFile(word, files);
  const name = mangleUnitName(word);
  if (!local && !cluster.units.get(name)) {
    const { names } = selectUnits([word], knownNames(cluster));
    if (names.length > 0 && !sources) return names.map((known) => existing(known, cluster));
    if (names.length > 0) {
      const beside = dirname(word);
      return (
        await Promise.all(names.map((known) => resolveWord(join(beside, known), cluster, files, false)))
      ).flat();
    }
  }
  const source = local
    ? checked(name, local.text, local.path)
    : await fromTemplate(word, name, cluster, files);
  const record = cluster.units.get(name);
  if (!source && !record) throw notFound(word, name);
  const stored = record && cluster.unitFiles.get(record.hash);
  return [
    {
      name,
      ...(record ? { record } : {}),
      ...(stored === undefined ? {} : { stored }),
      ...(source ? { source } : {}),
    },
  ];
}

function existing(name: string, cluster: ClusterUnits): ResolvedUnit {
  const record = cluster.units.get(name);
  return { name, ...(record ? { record } : {}) };
}

async function localFile(
  word: string,
  files: LocalFiles,
): Promise<{ path: string; text: string } | undefined> {
  for (const path of new Set([word, join(dirname(word), mangleUnitName(word))])) {
    const text = await files.read(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

async function fromTemplate(
  word: string,
  name: string,
  cluster: ClusterUnits,
  files: LocalFiles,
): Promise<Source | undefined> {
  const template = templateOf(name);
  if (template === undefined) return undefined;
  const hash = cluster.units.get(template)?.hash;
  const stored = hash === undefined ? undefined : cluster.unitFiles.get(hash);
  if (stored !== undefined) return checked(name, stored, template);
  const path = join(dirname(word), template);
  const text = await files.read(path);
  return text === undefined ? undefined : checked(name, text, path);
}

function checked(name: string, text: string, origin: string): Source {
  try {
    return { text, origin, ...checkUnitFile(name, text) };
  } catch (error) {
    const role = origin === name ? "" : ` as ${name}`;
    throw new PlatformError("unit-refused", `Error creating units: cannot use "${origin}"${role}`, {
      cause: error,
    });
  }
}

function notFound(word: string, name: string): PlatformError {
  const template = templateOf(name);
  const message =
    template === undefined
      ? `Error creating units: unable to find Unit(${name}) in Registry or on filesystem`
      : `Error creating units: failed getting Unit(${name}) from template: unable to find template Unit(${template}) in Registry or on filesystem`;
  const hint = isGlob(word)
    ? `No unit of the cluster matches "${word}"; \`deisctl list-unit-files\` shows them`
    : "Name a unit file, or a unit that `deisctl list-unit-files` shows";
  return new PlatformError("unit-not-found", message, { hint });
}
