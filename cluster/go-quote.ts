/** Characters as Go's `%q` shows them, for messages that clients of fleet know. Facts: pkg.go.dev/strconv#QuoteRune. Pure. */

const named: Readonly<Record<string, string>> = {
  "'": "\\'",
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
};

/** One character between apostrophes, what cannot be seen as its escape: `'\n'`, `'\x00'`, `'\u2028'`. */
export function quoteCharacter(character: string): string {
  const known = named[character];
  if (known !== undefined) return `'${known}'`;
  if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return `'${character}'`;
  const code = (character.codePointAt(0) ?? 0).toString(16);
  if (code.length <= 2 && character < "\u0080") return `'\\x${code.padStart(2, "0")}'`;
  return code.length <= 4 ? `'\\u${code.padStart(4, "0")}'` : `'\\U${code.padStart(8, "0")}'`;
}
