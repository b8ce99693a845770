/**
 * Upper and lower case of single runes, as Go's `unicode.ToUpper` and `unicode.ToLower`: Unicode's simple mappings, one rune to one rune.
 * JavaScript has the full mappings (`ß` to `SS`), so those that give several runes are set right here.
 *
 * Pure.
 */

/** Where the full upper case is longer and a simple one exists: Greek with iota subscript, to its title case. */
const upperExceptions: ReadonlyMap<number, number> = new Map([
  ...[0x1f80, 0x1f90, 0x1fa0].flatMap((start) =>
    Array.from({ length: 8 }, (_, at): [number, number] => [start + at, start + at + 8]),
  ),
  [0x1fb3, 0x1fbc],
  [0x1fc3, 0x1fcc],
  [0x1ff3, 0x1ffc],
]);

export function upperRune(rune: number): number {
  if (rune < 0x80) return rune >= 0x61 && rune <= 0x7a ? rune - 0x20 : rune;
  return upperExceptions.get(rune) ?? onlyRune(String.fromCodePoint(rune).toUpperCase(), rune);
}

export function lowerRune(rune: number): number {
  if (rune < 0x80) return rune >= 0x41 && rune <= 0x5a ? rune + 0x20 : rune;
  // The dotted capital I is the only one whose full lower case is longer.
  if (rune === 0x130) return 0x69;
  return onlyRune(String.fromCodePoint(rune).toLowerCase(), rune);
}

/** The rune that `text` is, or `otherwise` if it is several. */
function onlyRune(text: string, otherwise: number): number {
  const rune = text.codePointAt(0) ?? otherwise;
  return String.fromCodePoint(rune) === text ? rune : otherwise;
}
