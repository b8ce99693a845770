/**
 * Which of the cluster's units a word on the command line means: a name, a quoted glob (`web@*`), or a component of the platform
 * (`router`, `router@1`, `router@*`), whose units are named `deis-<component>…`.
 *
 * Pure: words and names in, names out, sorted; a unit is never named twice.
 */
import { compileGlob } from "../cluster/glob.ts";
import { mangleUnitName } from "../cluster/unit-name.ts";

export interface Selection {
  readonly names: readonly string[];
  /** The words that mean no unit of the cluster, as a unit's name where they can be one. */
  readonly missing: readonly string[];
}

const platformPrefix = "deis-";

/** Resolves words in their order. `byPrefix`: a word that is nothing else may be the beginning of names, as `deisctl status` took it. */
export function selectUnits(
  words: readonly string[],
  known: Iterable<string>,
  options: { readonly byPrefix?: boolean } = {},
): Selection {
  const sorted = [...known].sort();
  const names = new Set<string>();
  const missing: string[] = [];
  for (const word of words) {
    const meant = unitsMeant(word, sorted, options.byPrefix ?? false);
    for (const name of meant) names.add(name);
    if (meant.length === 0) missing.push(isGlob(word) ? word : mangleUnitName(word));
  }
  return { names: [...names], missing };
}

/** True if the word is a pattern rather than a name. */
export function isGlob(word: string): boolean {
  return /[*?[]/.test(word);
}

function unitsMeant(word: string, known: readonly string[], byPrefix: boolean): readonly string[] {
  const name = mangleUnitName(word);
  const candidates = [name, `${platformPrefix}${name}`];
  if (isGlob(word)) {
    for (const pattern of candidates) {
      const glob = compileGlob(pattern);
      const matching = known.filter((candidate) => glob.matches(candidate));
      if (matching.length > 0) return matching;
    }
    return [];
  }
  const exact = candidates.find((candidate) => known.includes(candidate));
  if (exact !== undefined) return [exact];
  const instances = componentInstances(word, known);
  if (instances.length > 0 || !byPrefix) return instances;
  for (const prefix of [word, `${platformPrefix}${word.toLowerCase()}`]) {
    const matching = known.filter((candidate) => candidate.startsWith(prefix));
    if (matching.length > 0) return matching;
  }
  return [];
}

/** `router` means every installed `deis-router@N.service`. */
function componentInstances(word: string, known: readonly string[]): readonly string[] {
  const component = /^(?:deis-)?([a-z-]+)(?:\.service)?$/.exec(word)?.[1];
  if (component === undefined) return [];
  return known.filter((candidate) => candidate.startsWith(`${platformPrefix}${component}@`));
}
