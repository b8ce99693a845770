/**
 * JSON as Go's encoding/json writes and reads it, for clients that were written against a Go server.
 *
 * Written: `<`, `>`, `&`, U+2028 and U+2029 are escaped, no newline at the end; keys stand in the order given. Read: names of fields
 * match whatever their case (the exact one wins), null is as good as absent, and what follows the first value of a body is not looked at.
 * Facts: pkg.go.dev/encoding/json.
 *
 * Pure.
 */
import { firstJsonValue } from "./go-json-syntax.ts";

/** The text that `json.Marshal` makes of the value. Fields that are undefined are left out, as `omitempty` does. */
export function goJson(value: unknown): string {
  // One walk over whole tokens, so that the `b` of an escaped backslash followed by a b is not taken for a backspace.
  return JSON.stringify(value).replace(
    /\\.|[<>&\u2028\u2029]/g,
    (token) => escapes[token] ?? (token.length > 1 ? token : unicodeEscape(token)),
  );
}

const escapes: Readonly<Record<string, string>> = { "\\b": "\\u0008", "\\f": "\\u000c" };

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Text without a trace under `omitempty`: undefined if it is empty. */
export function unlessEmpty(text: string): string | undefined {
  return text === "" ? undefined : text;
}

/** What was wrong with a body, in Go's words. */
export class DecodeError extends Error {}

/** Parses the first value of a body. Throws `DecodeError`. */
export function parseGoJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    const first = firstJsonValue(body);
    if (first.kind === "wrong") throw new DecodeError(first.message, { cause });
    return JSON.parse(first.text);
  }
}

/** Typed access to the fields of one object, whatever the case of their names. */
export class GoObject {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #type: string;

  /** `value` is what was parsed, `type` what Go would call it in its errors. Throws `DecodeError` unless it is an object or null. */
  constructor(value: unknown, type: string) {
    if (!isObject(value) && value !== null) throw mismatch(value, `Go value of type ${type}`);
    this.#fields = value ?? {};
    this.#type = type;
  }

  /** The text of a field; empty if it is absent or null. */
  text(name: string): string {
    const value = this.get(name);
    if (value === undefined || value === null) return "";
    if (typeof value !== "string") throw mismatch(value, this.#place(name, "string"));
    return value;
  }

  list(name: string, type: string): readonly unknown[] {
    const value = this.get(name);
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw mismatch(value, this.#place(name, type));
    return value;
  }

  get(name: string): unknown {
    if (Object.hasOwn(this.#fields, name)) return this.#fields[name];
    const like = Object.keys(this.#fields).filter((key) => key.toLowerCase() === name.toLowerCase());
    const last = like.at(-1);
    return last === undefined ? undefined : this.#fields[last];
  }

  #place(name: string, type: string): string {
    return `Go struct field ${this.#type.replace(/^.*\./, "")}.${name} of type ${type}`;
  }
}

/** The error for a value of the wrong type; `place` says where it was to go. */
export function mismatch(value: unknown, place: string): DecodeError {
  return new DecodeError(`json: cannot unmarshal ${kindOf(value)} into ${place}`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
