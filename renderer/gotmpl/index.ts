/**
 * Go's text/template (Go 1.19) for JavaScript: the same templates, the same output byte for byte, the same errors.
 *
 * Pure and synchronous: no clock, no randomness, no input but its arguments; functions are the caller's. All strings
 * but an error's message are byte strings (see bytes.ts): `bytesOf` makes them of text, `textOf` text of them,
 * `Buffer.from(output, "latin1")` bytes. A template ends within bounds:
 * 500 levels of nesting, 100,000 nested template calls, 200 million steps, 256 MiB of output or of any one string.
 */

import { builtins } from "./builtins.ts";
import type { MissingKey } from "./evaluate.ts";
import { execute } from "./exec.ts";
import { parse } from "./parse.ts";
import type { GoFunction, GoItem } from "./value.ts";

export {
  bytesOf,
  decodeRune,
  eachRune,
  encodeRune,
  MAX_RUNE,
  RUNE_ERROR,
  runeCount,
  runeIn,
  textOf,
  widthIn,
} from "./bytes.ts";
export type { GoTemplatePhase } from "./errors.ts";
export { GoError, GoTemplateError } from "./errors.ts";
export type { MissingKey } from "./evaluate.ts";
export { formatFloat } from "./float.ts";
export { sprint, sprintf, sprintln } from "./fmt.ts";
export type { Parsed } from "./number.ts";
export { parseFloat64, parseInt64, parseUint } from "./number.ts";
export { quote, unquote } from "./quote.ts";
export type { GoField, GoType, Kind } from "./types.ts";
export { arrayOf, mapOf, named, pointerTo, sliceOf, structOf, types } from "./types.ts";
export type { GoFunction, GoItem, GoKey, GoPlain, GoValue } from "./value.ts";
export {
  anyMap,
  anySlice,
  Complex,
  GoFunc,
  GoInterface,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  scalar,
  stringSlice,
  typeOf,
  zeroOf,
} from "./value.ts";

/** What may be chosen about a template. */
export interface TemplateOptions {
  /** `{{.x}}` where map `.` has no `x`: `<no value>` (default), the zero value, or an error. */
  readonly missingKey?: MissingKey;
}

/** A parsed template; it may be executed any number of times. */
export interface Template {
  readonly name: string;
  /** The output for the given data, nil when there is none, as a byte string. Throws a `GoTemplateError`. */
  execute(data?: GoItem): string;
}

/**
 * Parses a template. `name` is what errors call it, `source` is its text, both byte strings; `functions` are
 * the ones it may call besides the builtins. Throws a `GoTemplateError`.
 */
export function parseTemplate(
  name: string,
  source: string,
  functions: Readonly<Record<string, GoFunction>> = {},
  { missingKey = "default" }: TemplateOptions = {},
): Template {
  const known = new Map([...builtins, ...Object.entries(functions)]);
  const trees = parse(name, source, (word) => known.has(word));
  const program = { name, source, trees, functions: known, missingKey };
  return { name, execute: (data = null) => execute(program, data ?? undefined) };
}
