/**
 * How the assignments of one section of a `[Container]` unit are read: which exist, how they reset and add up, how specifiers
 * and quotes are taken away, and how a fault names its line.
 *
 * Pure.
 */
import type { PlatformError } from "./errors.ts";
import { joinContinuedLines, splitQuotedWords } from "./quoted-words.ts";
import { resourceNames } from "./resources.ts";
import { containerSpecifiers, expandContainerSpecifiers, type SpecifierHost } from "./specifiers.ts";
import { parseTimeSpan } from "./time-span.ts";
import { type UnitFile, type UnitOption, unitFileError } from "./unit-file.ts";
import type { UnitNameParts } from "./unit-name.ts";

/** Every name that `[Container]` knows: Quadlet's, but for `Privileged`, for which Quadlet has only a command-line argument. */
export const containerNames = [
  "AddCapability",
  "AddDevice",
  "AddHost",
  "ContainerName",
  "DNS",
  "DNSOption",
  "DNSSearch",
  "DropCapability",
  "Entrypoint",
  "Environment",
  "EnvironmentFile",
  "Exec",
  "Group",
  "GroupAdd",
  "HostName",
  "Image",
  "Label",
  "LogDriver",
  "LogOpt",
  "Network",
  "NetworkAlias",
  "NoNewPrivileges",
  "PidsLimit",
  "Privileged",
  "PublishPort",
  "Pull",
  "ReadOnly",
  "RunInit",
  "ShmSize",
  "StopSignal",
  "Sysctl",
  "Tmpfs",
  "Ulimit",
  "User",
  "Volume",
  "WorkingDir",
] as const;

/** Every name that `[Service]` knows in a file with `[Container]`. */
export const serviceNames = [
  ...resourceNames,
  "KillSignal",
  "Restart",
  "RestartSec",
  "TimeoutSec",
  "TimeoutStartSec",
  "TimeoutStopSec",
] as const;

/** Sections beside these two whose contents are not judged here: ordering and descriptions, which do nothing in a container. */
const otherSections: ReadonlySet<string> = new Set(["Unit", "Install"]);

/** Says what is wrong with the value at hand, as the end of a sentence (`is no port`), and what to write. */
export type Fail = (problem: string, hint: string) => never;

/** Turns a value into what it means, or fails. */
export type Parse<T> = (value: string, fail: Fail) => T;

/** Throws `unit-file-invalid` at the first option or section that a container cannot have. */
export function refuseForeignOptions(file: UnitFile): void {
  for (const { name: section, line, options } of file.sections) {
    if (section === "Container") refuseUnknown(options, containerNames);
    else if (section === "Service") refuseUnknown(options, serviceNames);
    else if (!otherSections.has(section) && !section.startsWith("X-")) {
      throw unitFileError(
        line,
        `unknown section [${section}] in a file with [Container]`,
        "Known are [Unit], [Container], [Service], [Install], [X-Fleet] and other [X-…]",
      );
    }
  }
}

/** Reads one section by name of option. Every method throws `unit-file-invalid` with line, name and value. */
export class OptionReader {
  readonly #options: readonly UnitOption[];
  readonly #parts: UnitNameParts;
  readonly #host: SpecifierHost | undefined;

  constructor(file: UnitFile, section: string, parts: UnitNameParts, host: SpecifierHost | undefined) {
    this.#options = file.sections.filter(({ name }) => name === section).flatMap(({ options }) => options);
    this.#parts = parts;
    this.#host = host;
  }

  /** The last assignment, or undefined if there is none or it is empty. */
  last<T>(name: string, parse: Parse<T>): T | undefined {
    const option = this.#options.findLast((candidate) => candidate.name === name);
    if (option === undefined || option.value === "") return undefined;
    return parse(this.#expand(joinContinuedLines(option.value), option), failAt(option));
  }

  text(name: string): string | undefined {
    return this.last(name, (value) => value);
  }

  /** systemd's booleans; false by default. */
  flag(name: string): boolean {
    return this.last(name, parseBoolean) ?? false;
  }

  /** Milliseconds, or `Infinity`. */
  timeSpan(name: string): number | undefined {
    return this.last(name, (value, fail) => {
      return parseTimeSpan(value) ?? fail("is no time span", `Write one like ${name}=90 or ${name}=1min 30s`);
    });
  }

  /** The last assignment in words, quotes taken away. */
  lastWords(name: string): readonly string[] | undefined {
    const option = this.#options.findLast((candidate) => candidate.name === name);
    return option === undefined || option.value === "" ? undefined : this.#split(option);
  }

  /** One value for each line. */
  list<T>(name: string, parse: Parse<T>): readonly T[] {
    return this.#kept(name).map((option) =>
      parse(this.#expand(joinContinuedLines(option.value), option), failAt(option)),
    );
  }

  /** One value for each word of each line, quotes taken away. */
  words<T>(name: string, parse: Parse<T>): readonly T[] {
    return this.#kept(name).flatMap((option) =>
      this.#split(option).map((word) => parse(word, failAt(option))),
    );
  }

  /** The assignments that count: those behind the last empty one. */
  #kept(name: string): readonly UnitOption[] {
    const all = this.#options.filter((option) => option.name === name);
    return all.slice(all.findLastIndex((option) => option.value === "") + 1);
  }

  /** Splits before it expands, so that nothing in a unit's name is taken for a quote or an escape. */
  #split(option: UnitOption): readonly string[] {
    const result = splitQuotedWords(joinContinuedLines(option.value));
    if ("words" in result) return result.words.map((word) => this.#expand(word, option));
    return failAt(option)(result.problem, "Quote and escape as in systemd.service(5)");
  }

  #expand(value: string, option: UnitOption): string {
    return expandContainerSpecifiers(value, this.#parts, this.#host, (specifier) =>
      failAt(option)(
        `has the unknown specifier "${specifier}"`,
        `Known are ${containerSpecifiers.join(" ")}; write %% for a percent sign`,
      ),
    );
  }
}

function refuseUnknown(options: readonly UnitOption[], known: readonly string[]): void {
  const option = options.find(({ name }) => !known.includes(name));
  if (option !== undefined) throw unknownOption(option, known);
}

function unknownOption(option: UnitOption, known: readonly string[]): PlatformError {
  const message = `unknown option "${option.name}" in [${option.section}] of a file with [Container]`;
  if (option.section === "Service" && option.name.startsWith("Exec")) {
    const hint =
      "Say what to run with Exec= in [Container], or drop [Container] and let systemd run the unit";
    return unitFileError(option.line, message, hint);
  }
  const elsewhere = option.section === "Service" ? containerNames : serviceNames;
  const move = (elsewhere as readonly string[]).includes(option.name)
    ? `Move it to [${option.section === "Service" ? "Container" : "Service"}]. `
    : "";
  return unitFileError(option.line, message, `${move}Known here: ${known.join(", ")}`);
}

function failAt(option: UnitOption): Fail {
  return (problem, hint) => {
    const value = option.value.length > 80 ? `${option.value.slice(0, 80)}…` : option.value;
    throw unitFileError(option.line, `${option.name}=${JSON.stringify(value)} ${problem}`, hint);
  };
}

/** systemd's words for yes and no. */
function parseBoolean(value: string, fail: Fail): boolean {
  const word = value.toLowerCase();
  if (["1", "yes", "y", "true", "t", "on"].includes(word)) return true;
  if (["0", "no", "n", "false", "f", "off"].includes(word)) return false;
  return fail("is neither yes nor no", "Write true or false");
}
