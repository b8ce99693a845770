/**
 * Command lines as Go's package `flag` reads them: `-name value`, `-name=value`, two dashes as good as one, `-name` or `-name=false` for a
 * switch, whole numbers also as `0x10` or `1_000`. The first word that is no flag ends them; so does `--`.
 *
 * Pure.
 */
import { PlatformError } from "../cluster/errors.ts";
import { parseInt64 } from "./gotmpl/number.ts";

export interface FlagSpec {
  readonly name: string;
  readonly kind: "text" | "texts" | "switch" | "whole";
  readonly help: string;
}

export interface ParsedFlags {
  /** The values given, by name; of a flag given twice the last, of `texts` all. */
  readonly values: ReadonlyMap<string, string | boolean | number | readonly string[]>;
  /** What stands behind the flags. */
  readonly rest: readonly string[];
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false] as const),
]);

/** Reads the words of a command line. Throws `usage` with Go's sentence for what is wrong. */
export function parseFlags(words: readonly string[], specs: readonly FlagSpec[]): ParsedFlags {
  const values = new Map<string, string | boolean | number | readonly string[]>();
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "--") {
      at += 1;
      break;
    }
    if (!/^-./.test(word)) break;
    const [, name = "", , given] = /^--?([^=]*)(=(.*))?$/s.exec(word) ?? [];
    if (name === "" || name.startsWith("-")) throw usage(`bad flag syntax: ${word}`);
    const spec = specs.find((each) => each.name === name);
    if (spec === undefined) throw usage(`flag provided but not defined: -${name}`, specs, name);
    if (spec.kind === "switch") {
      values.set(name, readSwitch(name, given));
      continue;
    }
    let text = given;
    if (text === undefined) {
      at += 1;
      text = words[at];
    }
    if (text === undefined) throw usage(`flag needs an argument: -${name}`);
    if (spec.kind === "whole") values.set(name, readWhole(name, text));
    else if (spec.kind === "text") values.set(name, text);
    else values.set(name, [...((values.get(name) as readonly string[] | undefined) ?? []), text]);
  }
  return { values, rest: words.slice(at) };
}

function readSwitch(name: string, given: string | undefined): boolean {
  const value = given === undefined ? true : truths.get(given);
  if (value === undefined) throw usage(`invalid boolean value "${given}" for -${name}: parse error`);
  return value;
}

function readWhole(name: string, text: string): number {
  const value = parseInt64(text, 0);
  if (!value.ok || !Number.isSafeInteger(Number(value.value))) {
    const why = value.ok || value.fault === "range" ? "value out of range" : "parse error";
    throw usage(`invalid value "${text}" for flag -${name}: ${why}`);
  }
  return Number(value.value);
}

function usage(message: string, specs: readonly FlagSpec[] = [], name = ""): PlatformError {
  const near = specs.find((spec) => spec.name.startsWith(name) || name.startsWith(spec.name));
  return new PlatformError("usage", message, near ? { hint: `Did you mean -${near.name}?` } : {});
}
