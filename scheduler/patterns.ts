/**
 * The globs of `[X-Fleet]`, each compiled once for the whole cluster, with the machines they touch:
 * a rule about a machine then costs one look-up for each pattern, however many units run there.
 *
 * They are found by their literal prefix cut behind the first `@`, so that all instances of a template share their candidates. Pure.
 */
import { compileGlob, type Glob } from "../cluster/glob.ts";
import type { MachineNode, UnitNode } from "./nodes.ts";
import { countDown, countUp, Tally } from "./tally.ts";

export class Pattern {
  readonly glob: Glob;
  /** Machines with units whose name matches, and how many. */
  readonly runsOn = new Tally<MachineNode>();
  /** Machines with units that have this pattern in `Conflicts=`, and how many. */
  readonly refusedOn = new Tally<MachineNode>();
  /** Machines with units that have this pattern in `PrefersNot=`, and how many. */
  readonly dislikedOn = new Tally<MachineNode>();
  /** Machines with units that have this pattern in `Replaces=`, and how many. */
  readonly replacedOn = new Tally<MachineNode>();
  /** Units that have this pattern in `MachineOf=`, and while there are any the units to be placed that it matches. */
  readonly followers = new Set<UnitNode>();
  readonly followed = new Set<UnitNode>();
  readonly number: number;
  users = 0;

  constructor(text: string, number: number) {
    this.glob = compileGlob(text);
    this.number = number;
  }
}

/** The part of a name that decides which patterns are candidates: up to its `@`, or all of it. */
export function headOf(name: string): string {
  const at = name.indexOf("@");
  return at === -1 ? name : name.slice(0, at + 1);
}

export const noPatterns: readonly Pattern[] = [];

export class PatternIndex {
  readonly #byText = new Map<string, Pattern>();
  readonly #byHead = new Map<string, Pattern[]>();
  readonly #headLengths = new Map<number, number>();
  readonly #sets = new Map<string, readonly Pattern[]>();
  #numbers = 0;

  /** Grows with every pattern that comes or goes: candidates found at another version are stale. */
  version = 0;

  /** Counts a user of the pattern. `isNew` tells the caller to look for the names that match it. */
  acquire(text: string): { readonly pattern: Pattern; readonly isNew: boolean } {
    const found = this.#byText.get(text);
    if (found) {
      found.users += 1;
      return { pattern: found, isNew: false };
    }
    this.#numbers += 1;
    const pattern = new Pattern(text, this.#numbers);
    pattern.users = 1;
    this.#byText.set(text, pattern);
    if (!pattern.glob.malformed) {
      const head = headOf(pattern.glob.literalPrefix);
      const peers = this.#byHead.get(head);
      if (peers) peers.push(pattern);
      else this.#byHead.set(head, [pattern]);
      countUp(this.#headLengths, head.length);
      this.version += 1;
    }
    return { pattern, isNew: !pattern.glob.malformed };
  }

  /** Uncounts a user. True if it was the last: the caller takes the pattern off the names that match it. */
  release(pattern: Pattern): boolean {
    pattern.users -= 1;
    if (pattern.users > 0) return false;
    this.#byText.delete(pattern.glob.pattern);
    if (pattern.glob.malformed) return false;
    const head = headOf(pattern.glob.literalPrefix);
    const peers = (this.#byHead.get(head) ?? []).filter((peer) => peer !== pattern);
    if (peers.length > 0) this.#byHead.set(head, peers);
    else this.#byHead.delete(head);
    countDown(this.#headLengths, head.length);
    for (const [key, set] of this.#sets) if (set.includes(pattern)) this.#sets.delete(key);
    this.version += 1;
    return true;
  }

  /** Every pattern that may match a name with this head. */
  candidates(head: string): readonly Pattern[] {
    let found: Pattern[] | undefined;
    for (const length of this.#headLengths.keys()) {
      if (length > head.length) continue;
      const patterns = this.#byHead.get(head.slice(0, length));
      if (patterns) found = found ? found.concat(patterns) : patterns;
    }
    return found ?? noPatterns;
  }

  /** Those of the candidates that match, as a shared array. */
  matching(name: string, candidates: readonly Pattern[]): readonly Pattern[] {
    let key = "";
    for (const pattern of candidates) if (pattern.glob.matches(name)) key += `${pattern.number} `;
    return key === "" ? noPatterns : this.#shared(key, candidates);
  }

  #shared(key: string, candidates: readonly Pattern[]): readonly Pattern[] {
    const numbers = key.trimEnd().split(" ").map(Number);
    const sorted = numbers.toSorted((a, b) => a - b);
    const canonical = sorted.join(" ");
    const known = this.#sets.get(canonical);
    if (known) return known;
    const set = candidates
      .filter((pattern) => numbers.includes(pattern.number))
      .toSorted((a, b) => a.number - b.number);
    this.#sets.set(canonical, set);
    return set;
  }
}
