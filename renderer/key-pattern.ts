/**
 * Patterns of keys, as `gets` and `getvs` take them: Go's `path.Match`, split so that a store kept as a tree need only visit
 * what can match.
 *
 * `*` and `?` never cross a slash, so a pattern matches element by element. The exception is a class such as `[^a]`, which may
 * take a slash; such patterns are matched against whole keys below their literal prefix.
 *
 * Pure.
 */
import { compileGlob } from "../cluster/glob.ts";
import { textOf } from "./gotmpl/index.ts";

/** One element of a pattern: a name as it is, or a test. */
export type Element =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "test"; matches(name: string): boolean };

export interface KeyPattern {
  /** True if the pattern is no pattern, such as `[`. */
  readonly malformed: boolean;
  /** The elements behind the leading slash, or undefined if only whole keys can be tested. */
  readonly elements: readonly Element[] | undefined;
  /** The folder, without its trailing slash, in which every match lies. */
  readonly folder: string;
  matches(key: string): boolean;
}

/** Reads a pattern, a byte string, once for many keys. */
export function compilePattern(pattern: string): KeyPattern {
  const literal = literalPrefix(pattern);
  const isRooted = pattern.startsWith("/");
  // Every key begins with a slash: what does not can match by a class that takes one, `[/]a`, and lies in no folder.
  const folder = isRooted ? literal.slice(0, literal.lastIndexOf("/")) : "";
  if (!/[[\\]/.test(pattern) && isRooted) {
    const elements = pattern.slice(1).split("/").map(compileElement);
    return { malformed: false, elements, folder, matches: (key) => matchesEach(elements, key) };
  }
  const glob = compileGlob(textOf(pattern));
  return {
    malformed: glob.malformed,
    elements: undefined,
    folder: glob.malformed ? "" : folder,
    matches: (key) => glob.matches(textOf(key)),
  };
}

function matchesEach(elements: readonly Element[], key: string): boolean {
  const names = key.slice(1).split("/");
  return (
    names.length === elements.length &&
    elements.every((element, at) => {
      const name = names[at] ?? "";
      return element.kind === "name" ? element.name === name : element.matches(name);
    })
  );
}

function compileElement(element: string): Element {
  if (!/[*?]/.test(element)) return { kind: "name", name: element };
  if (element === "*") return { kind: "test", matches: () => true };
  const glob = compileGlob(textOf(element));
  return { kind: "test", matches: (name) => glob.matches(textOf(name)) };
}

/** The bytes before the first character that means something else than itself. */
function literalPrefix(pattern: string): string {
  const special = pattern.search(/[*?[\\]/);
  return special === -1 ? pattern : pattern.slice(0, special);
}
