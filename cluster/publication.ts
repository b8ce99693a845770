/**
 * What a unit asks to be published: the service whose requests it serves, and where it answers.
 *
 * Two ways to ask. `[X-Publish]` in any unit file:
 *
 *     [X-Publish]
 *     Service=shop         the app; default: the app of a Deis v1 name, else what is before `@` in the unit's name
 *     Port=8080            of the container, or of the host if there is none; default: the lowest published one
 *     HealthPath=/healthz  must answer 200; without it, an open port is enough
 *
 * Or Deis v1's convention: a unit, or the container that it runs, is named `shop_v2.web.1`. Then only the newest version is
 * published (`release-name.ts`), unless `Service=` says that this one is wanted whatever its version.
 *
 * As in `[X-Fleet]` a word that is not known is an error and fleet's specifiers are expanded; as in systemd the last value
 * counts and an empty one takes the earlier ones back.
 *
 * Pure.
 */
import { containerSpec } from "./container-spec.ts";
import { joinContinuedLines } from "./quoted-words.ts";
import { parseReleaseName, type ReleaseName } from "./release-name.ts";
import { parseRequirements } from "./requirements.ts";
import { expandFleetSpecifiers } from "./specifiers.ts";
import { type UnitFile, type UnitOption, unitFileError } from "./unit-file.ts";
import { nameParts } from "./unit-name.ts";

export interface Publication {
  /** The app: `/deis/services/<service>/…`. */
  readonly service: string;
  /** The endpoint's name below the service: the unit's without `.service`, or the container's where that one has the Deis v1 name. */
  readonly endpoint: string;
  /** Every machine runs this unit, so that one name is not enough to tell its endpoints apart. */
  readonly global: boolean;
  /** `Port=`: the container's, or the host's for a unit of systemd that runs no container of a Deis v1 name. */
  readonly port?: number;
  /** `HealthPath=`, with its leading slash. */
  readonly healthPath?: string;
  /** Present if published by Deis v1's convention: only the newest version is. */
  readonly release?: ReleaseName;
  /** The container that a command of this unit of systemd runs: its ports are the unit's. */
  readonly container?: string;
}

/** The section's name. */
export const publishSection = "X-Publish";

const words = ["Service", "Port", "HealthPath"] as const;
type Word = (typeof words)[number];

/**
 * What the unit of this name asks to be published; undefined if it does not. Throws `unit-file-invalid` with the line for what
 * `[X-Publish]` cannot mean.
 */
export function publicationOf(file: UnitFile, name: string): Publication | undefined {
  const global = parseRequirements(file).global;
  if (file.has(publishSection)) return { ...askedFor(file, name), global };
  const byName = byConvention(file, name);
  return byName && { ...byName, global };
}

/**
 * Throws `unit-file-invalid` for a publication that could never come true: a container whose port is not published, a unit of systemd
 * without `Port=`. Files that a submitter writes must pass; one that runs already is published as far as it can be.
 */
export function validatePublication(file: UnitFile, name: string): void {
  const publication = publicationOf(file, name);
  if (publication === undefined || !file.has(publishSection)) return;
  const line = file.sections.find((section) => section.name === publishSection)?.line ?? 1;
  const { port, container } = publication;
  if (!file.has("Container")) {
    if (port !== undefined || container !== undefined) return;
    throw unitFileError(
      line,
      "[X-Publish] has no Port=, and systemd does not tell where the unit listens",
      "Say the port of the host at which it answers: Port=8080",
    );
  }
  const { network, ports } = containerSpec(file, name);
  if (network === "host") {
    if (port !== undefined) return;
    throw unitFileError(
      line,
      '[X-Publish] has no Port=, and Network="host" publishes none',
      "Say the port of the host at which it answers: Port=8080",
    );
  }
  const open = ports.filter(({ protocol }) => protocol === "tcp").map(({ containerPort }) => containerPort);
  if (port === undefined ? open.length > 0 : open.includes(port)) return;
  const has = open.length === 0 ? "no TCP port" : `only ${open.join(", ")}`;
  throw unitFileError(
    line,
    port === undefined
      ? "[X-Publish] needs a published port, and the container has none"
      : `Port=${port} is not published: the container publishes ${has}`,
    `Add PublishPort=${port ?? 8080} to [Container], and a free port of the host is taken`,
  );
}

function askedFor(file: UnitFile, name: string): Omit<Publication, "global"> {
  const values = readSection(file, name);
  const stem = nameParts(name)?.stem ?? name;
  const named = byConvention(file, name);
  const service = serviceOf(values.get("Service"), name, named?.service);
  const isNewestOnly = values.get("Service") === undefined && named?.release !== undefined;
  const port = portOf(values.get("Port"));
  const healthPath = healthPathOf(values.get("HealthPath"));
  const container = named?.container;
  return {
    service,
    endpoint: isNewestOnly ? named.endpoint : stem,
    ...(port === undefined ? {} : { port }),
    ...(healthPath === undefined ? {} : { healthPath }),
    ...(isNewestOnly ? { release: named.release } : {}),
    ...(container === undefined ? {} : { container }),
  };
}

/** By the name of the unit or of its container, if it is one that Deis v1 published. */
function byConvention(file: UnitFile, name: string): Omit<Publication, "global"> | undefined {
  const stem = nameParts(name)?.stem ?? name;
  const isContainer = file.has("Container");
  const container = isContainer ? containerName(file, name) : commandContainer(file, name);
  const endpoint = [container, stem].find(
    (candidate) => candidate !== undefined && parseReleaseName(candidate) !== undefined,
  );
  const release = endpoint === undefined ? undefined : parseReleaseName(endpoint);
  if (endpoint === undefined || release === undefined) return undefined;
  return {
    service: release.app,
    endpoint,
    release,
    ...(isContainer ? {} : { container: container ?? endpoint }),
  };
}

/** `ContainerName=` where it says another name than the unit's. A file that makes no container is published under none. */
function containerName(file: UnitFile, name: string): string | undefined {
  const value = file.values("Container", "ContainerName").at(-1);
  if (value === undefined || value === "") return undefined;
  return expandFleetSpecifiers(value, nameParts(name));
}

/** The name that a command of the unit gives its container: `ExecStart=/bin/sh -c "docker run --name shop_v2.web.1 …"`. */
function commandContainer(file: UnitFile, name: string): string | undefined {
  for (const command of file.values("Service", "ExecStart")) {
    const line = expandFleetSpecifiers(joinContinuedLines(command), nameParts(name));
    const words = line.split(/[\s"']+/);
    const docker = words.findIndex((word) => /(^|\/)docker$/.test(word));
    const run = docker === -1 ? -1 : words.indexOf("run", docker);
    if (run === -1) continue;
    const at = words.findIndex((word, index) => index > run && /^--name(=|$)/.test(word));
    const container = words[at] === "--name" ? words[at + 1] : words[at]?.slice("--name=".length);
    if (container) return container;
  }
  return undefined;
}

interface Value {
  readonly text: string;
  readonly option: UnitOption;
}

/** The values that count, by word. */
function readSection(file: UnitFile, name: string): ReadonlyMap<Word, Value> {
  const values = new Map<Word, Value>();
  for (const option of file.options()) {
    if (option.section !== publishSection) continue;
    const word = words.find((known) => known === option.name);
    if (word === undefined) {
      throw unitFileError(
        option.line,
        `unknown option "${option.name}" in [${publishSection}]`,
        `Known here: ${words.join(", ")}`,
      );
    }
    const text = unquoted(expandFleetSpecifiers(joinContinuedLines(option.value), nameParts(name))).trim();
    if (text === "") values.delete(word);
    else values.set(word, { text, option });
  }
  return values;
}

function serviceOf(value: Value | undefined, name: string, byName: string | undefined): string {
  const service = value?.text ?? byName ?? nameParts(name)?.prefix ?? name;
  if (isServiceName(service)) return service;
  if (value === undefined) {
    throw unitFileError(1, `"${service}" cannot name a service`, `Say one in [X-Publish]: Service=shop`);
  }
  throw invalid(value, "cannot name a service", "Use up to 63 of a-z, 0-9 and -, as in <service>.<domain>");
}

/** What can stand before the domain: Deis v1's app names, no longer than a label of DNS. */
function isServiceName(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text);
}

function portOf(value: Value | undefined): number | undefined {
  if (value === undefined) return undefined;
  const port = Number(value.text);
  if (/^[0-9]{1,5}$/.test(value.text) && port >= 1 && port <= 65_535) return port;
  throw invalid(value, "is no port", "Give a number from 1 to 65535");
}

function healthPathOf(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^\/[\x21-\x22\x24-\x7e]*$/.test(value.text)) return value.text;
  throw invalid(
    value,
    "is no path of a request",
    "Begin it with / and escape what a URL cannot hold: HealthPath=/healthz?full=1",
  );
}

function invalid({ text, option }: Value, problem: string, hint: string) {
  return unitFileError(option.line, `${option.name}=${JSON.stringify(text)} ${problem}`, hint);
}

function unquoted(value: string): string {
  return /^"[^"]*"$/.test(value) ? value.slice(1, -1) : value;
}
