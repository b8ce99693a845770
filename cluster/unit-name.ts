/**
 * Names of units, by fleet's rules: `prefix[@instance].type`.
 *
 * The messages are the ones coreos/fleet answered with, word for word, because its API clients show and match them.
 *
 * Pure.
 */
import { PlatformError } from "./errors.ts";
import { quoteCharacter } from "./go-quote.ts";

/** systemd's unit types of fleet's day, all of which may be submitted. */
const unitTypes: ReadonlySet<string> = new Set([
  "automount",
  "busname",
  "device",
  "mount",
  "path",
  "scope",
  "service",
  "slice",
  "snapshot",
  "socket",
  "swap",
  "target",
  "timer",
]);

/** The types that may have templates and instances. */
const templateTypes: ReadonlySet<string> = new Set(["path", "service", "socket", "target", "timer"]);

/** The types a command recognises at the end of its argument; to any other it appends `.service`. */
const typedArgument = /\.(?:service|socket|timer|path|device|mount|automount)$/;

const longestName = 256;
const foreignCharacter = /[^0-9a-zA-Z:\-_.\\@]/u;

/** A name taken apart. `web@1.service`: stem `web@1`, prefix `web`, instance `1`, template `web@.service`, type `service`. */
export interface UnitNameParts {
  readonly name: string;
  /** The name without its suffix: `%N`. */
  readonly stem: string;
  /** What comes before the first `@`, or the stem: `%p`. */
  readonly prefix: string;
  /** What comes after the last dot. */
  readonly type: string;
  /** What comes after the first `@`: `%i`. Absent for a plain name and for a template. */
  readonly instance?: string;
  /** The template this name is, or is an instance of. Absent for a plain name. */
  readonly template?: string;
}

/** Takes a name apart without judging it; undefined if it has no dot. */
export function nameParts(name: string): UnitNameParts | undefined {
  const dot = name.lastIndexOf(".");
  if (dot === -1) return undefined;
  const stem = name.slice(0, dot);
  const type = name.slice(dot + 1);
  const at = stem.indexOf("@");
  if (at === -1) return { name, stem, prefix: stem, type };
  const prefix = stem.slice(0, at);
  const instance = stem.slice(at + 1);
  const template = `${prefix}@.${type}`;
  return instance === ""
    ? { name, stem, prefix, type, template }
    : { name, stem, prefix, type, template, instance };
}

/** Throws `unit-name-invalid` with fleet's message unless this may name a unit. */
export function validateUnitName(name: string): void {
  const problem = problemOf(name);
  if (problem !== undefined) {
    throw new PlatformError("unit-name-invalid", problem.message, { hint: problem.hint });
  }
}

/** True if `validateUnitName` accepts it. */
export function isUnitName(name: string): boolean {
  return problemOf(name) === undefined;
}

/** The unit a command's argument means, as fleetctl had it: the last path component, with `.service` unless it ends in a type. */
export function mangleUnitName(argument: string): string {
  const base = baseName(argument);
  return typedArgument.test(base) ? base : `${base}.service`;
}

/** True for `web@.service`: it can be instantiated but never started. */
export function isTemplate(name: string): boolean {
  const parts = nameParts(name);
  return parts?.template !== undefined && parts.instance === undefined;
}

/** The template that `name` is an instance of; undefined for a plain name and for a template itself. */
export function templateOf(name: string): string | undefined {
  const parts = nameParts(name);
  return parts?.instance === undefined ? undefined : parts.template;
}

/**
 * `instanceName("web@.service", "1")` is `web@1.service`.
 * Throws `unit-name-invalid` if `template` is none, or if the result would not be a good name.
 */
export function instanceName(template: string, instance: string): string {
  const parts = nameParts(template);
  if (parts === undefined || !isTemplate(template)) {
    throw new PlatformError("unit-name-invalid", `Cannot make an instance of "${template}": not a template`, {
      hint: 'A template is named "prefix@.type", for example web@.service',
    });
  }
  if (instance === "") {
    throw new PlatformError("unit-name-invalid", `Cannot make an instance of "${template}" without a name`, {
      hint: `Say which one, for example ${parts.prefix}@1.${parts.type}`,
    });
  }
  const name = `${parts.prefix}@${instance}.${parts.type}`;
  validateUnitName(name);
  return name;
}

/** The order of the checks decides which message a name with several faults gets; it is fleet's. */
function problemOf(name: string): { readonly message: string; readonly hint: string } | undefined {
  const example = "Name the unit like web.service, web@1.service or backup.timer";
  if (name === "") return { message: "unit name cannot be empty", hint: example };
  if (Buffer.byteLength(name) > longestName) {
    return {
      message: `unit name exceeds maximum length (${longestName})`,
      hint: `Shorten it to ${longestName} bytes`,
    };
  }
  const dot = name.lastIndexOf(".");
  if (dot === -1) return { message: 'unit name must contain "."', hint: example };
  if (dot === name.length - 1) return { message: 'unit name cannot end in "."', hint: example };
  const stem = name.slice(0, dot);
  const type = name.slice(dot + 1);
  if (!unitTypes.has(type)) {
    return {
      message: `invalid unit type: ${JSON.stringify(type)}`,
      hint: `Types: ${[...unitTypes].join(", ")}`,
    };
  }
  if (stem.includes("@") && !templateTypes.has(type)) {
    return {
      message: `invalid unit type for template: ${JSON.stringify(type)}`,
      hint: `Types that may have "@": ${[...templateTypes].join(", ")}`,
    };
  }
  const foreign = foreignCharacter.exec(stem)?.[0];
  if (foreign !== undefined) {
    return {
      message: `invalid character ${quoteCharacter(foreign)} in unit name`,
      hint: "Allowed are letters, digits and : - _ . \\ @",
    };
  }
  if (name.startsWith("@")) return { message: 'unit name cannot start in "@"', hint: example };
  return undefined;
}

/** The last element of a path as Go's `path.Base` gives it. */
function baseName(path: string): string {
  if (path === "") return ".";
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end -= 1;
  if (end === 0) return "/";
  return path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}
