/**
 * A template resource, confd's unit of configuration: which template makes which file from which keys, and what is run before and after.
 * Here its TOML becomes a checked value.
 *
 * Names of fields match in any case, unknown fields are ignored, a global prefix replaces the resource's own: all as in confd. A
 * field of the wrong type is an error that names it.
 *
 * Pure.
 */
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { PlatformError } from "../cluster/errors.ts";
import { parseTimeSpan } from "../cluster/time-span.ts";
import { parseMode } from "./file-mode.ts";
import { type KeySelection, selectKeys } from "./key-selection.ts";

/** What reading a missing key does: `error` as confd, or `empty`, which gives the empty string, as Deis's own build of confd did. */
export const missingKeyChoices = ["error", "empty"] as const;
export type MissingKey = (typeof missingKeyChoices)[number];

export interface Resource {
  /** Path of the file that defines it. */
  readonly file: string;
  /** Path of the template. */
  readonly src: string;
  readonly dest: string;
  readonly selection: KeySelection;
  /** Permissions as they are written, see `modeOf`; empty for those of the present file, 0644 for a new one. */
  readonly mode: string;
  /** A number or a name; undefined for whoever runs this process. */
  readonly owner: number | string | undefined;
  readonly group: number | string | undefined;
  /** The numbers, which is all that confd knows: they count where `owner` or `group` is a name that this machine does not know. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** A template itself, whose data is `{src}`. Empty for none. */
  readonly checkCmd: string;
  readonly reloadCmd: string;
  /** True if `reloadCmd` is a template whose data is `{src, dest}`. */
  readonly reloadTemplate: boolean;
  readonly checkTimeoutMs: number;
  readonly reloadTimeoutMs: number;
  /** True to write to where a link at `dest` points; else the link itself is replaced, as confd does. */
  readonly keepSymlink: boolean;
  /** Least time between two runs of the reload command in a storm; undefined for the usual pace. */
  readonly reloadIntervalMs: number | undefined;
  readonly missingKey: MissingKey;
}

export interface ResourceDefaults {
  readonly templateDirectory: string;
  /** Replaces the prefix of every resource unless empty. */
  readonly prefix: string;
  readonly missingKey: MissingKey;
}

/** Reads the text of a resource's file. Throws `resource-invalid` with the line, or with the field and what it may be. */
export function parseResource(text: string, file: string, defaults: ResourceDefaults): Resource {
  const fields = new Fields(templateTable(text, file), file);
  const src = fields.text("src");
  if (src === "") {
    throw new PlatformError("resource-invalid", `${file}: empty src template`, {
      hint: 'Set src in its [template] table to the name of a template, such as "nginx.conf.tmpl"',
    });
  }
  return {
    file,
    src: join(defaults.templateDirectory, src),
    dest: fields.text("dest"),
    selection: selectKeys(
      defaults.prefix === "" ? fields.text("prefix") : defaults.prefix,
      fields.texts("keys"),
    ),
    mode: fields.text("mode"),
    owner: fields.name("owner") ?? fields.id("uid"),
    group: fields.name("group") ?? fields.id("gid"),
    uid: fields.id("uid"),
    gid: fields.id("gid"),
    checkCmd: fields.text("check_cmd"),
    reloadCmd: fields.text("reload_cmd"),
    reloadTemplate: fields.flag("reload_template"),
    checkTimeoutMs: fields.optionalSpan("check_cmd_timeout") ?? 30_000,
    reloadTimeoutMs: fields.optionalSpan("reload_cmd_timeout") ?? 60_000,
    keepSymlink: fields.flag("keep_symlink"),
    reloadIntervalMs: fields.optionalSpan("min_reload_interval"),
    missingKey: fields.choice("missing_key", missingKeyChoices) ?? defaults.missingKey,
  };
}

/**
 * The permission bits that a resource asks for; undefined for none in particular. Throws `resource-invalid`: as in confd, permissions that
 * cannot be read fail their own resource and no other.
 */
export function modeOf({ file, mode }: Resource): number | undefined {
  if (mode === "") return undefined;
  try {
    return parseMode(mode);
  } catch (error) {
    throw new PlatformError("resource-invalid", `${file}: mode cannot be read`, { cause: error });
  }
}

function templateTable(text: string, file: string): Readonly<Record<string, unknown>> {
  let document: Record<string, unknown>;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new PlatformError("resource-invalid", `Cannot process template resource ${file}`, {
      cause: error,
      hint: `Mend line ${error.line}, column ${error.column} of ${file}`,
    });
  }
  const table = lookUp(document, "template") ?? {};
  if (!isTable(table)) {
    const hint = "Write one [template] table; a file holds one resource";
    throw new PlatformError("resource-invalid", `${file}: template is ${show(table)}, not a table`, { hint });
  }
  return table;
}

/** A field by its name, else by its name in another case, as Go's TOML decoder finds it. */
function lookUp(table: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(table, name)) return table[name];
  const other = Object.keys(table).find((key) => key.toLowerCase() === name);
  return other === undefined ? undefined : table[other];
}

/** Checked access to the fields of the table. */
class Fields {
  readonly #table: Readonly<Record<string, unknown>>;
  readonly #file: string;

  constructor(table: Readonly<Record<string, unknown>>, file: string) {
    this.#table = table;
    this.#file = file;
  }

  /** Empty if absent. */
  text(name: string): string {
    const value = lookUp(this.#table, name) ?? "";
    return typeof value === "string" ? value : this.#refuse(name, value, "a string");
  }

  texts(name: string): readonly string[] {
    const value = lookUp(this.#table, name) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.#refuse(name, value, 'a list of strings, such as ["/app"]');
  }

  flag(name: string): boolean {
    const value = lookUp(this.#table, name) ?? false;
    return typeof value === "boolean" ? value : this.#refuse(name, value, "true or false");
  }

  /** A user's or group's number. -1 is confd's way to say: none. */
  id(name: string): number | undefined {
    const value = lookUp(this.#table, name) ?? -1;
    if (typeof value !== "number" || !Number.isInteger(value) || value < -1 || value > 0xffffffff) {
      return this.#refuse(name, value, "a whole number from 0");
    }
    return value === -1 ? undefined : value;
  }

  /** A user's or group's name, or its number. */
  name(name: string): string | number | undefined {
    const value = lookUp(this.#table, name);
    if (typeof value === "number") return this.id(name);
    return this.text(name) || undefined;
  }

  optionalSpan(name: string): number | undefined {
    const value = lookUp(this.#table, name);
    if (value === undefined) return undefined;
    const ms =
      typeof value === "number"
        ? value * 1_000
        : typeof value === "string"
          ? parseTimeSpan(value)
          : undefined;
    if (ms === undefined || !(ms >= 0))
      return this.#refuse(name, value, 'seconds, or a time such as "1m30s" or "500ms"');
    return ms;
  }

  choice<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = lookUp(this.#table, name);
    if (value === undefined) return undefined;
    return (
      allowed.find((item) => item === value) ?? this.#refuse(name, value, `one of ${allowed.join(", ")}`)
    );
  }

  #refuse(name: string, value: unknown, wanted: string): never {
    throw new PlatformError("resource-invalid", `${this.#file}: ${name} is ${show(value)}`, {
      hint: `Set ${name} to ${wanted}`,
    });
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
