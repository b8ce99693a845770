/** The world as this machine sees it: its clock, environment, files and resolver. */
import { lookup, Resolver } from "node:dns/promises";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import type { Service, World } from "./functions/index.ts";
import type { Zone } from "./functions/time.ts";
import { bytesOf, textOf } from "./gotmpl/index.ts";
import { byBytes } from "./store-index.ts";
import { abbreviationIn } from "./zone-file.ts";

/** How long one question to the resolver may take. */
const answerMs = 5_000;

/** Answers of the resolver are kept until `forget`, so that the renders of one pass agree. */
export class MachineWorld implements World {
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #services = new Map<string, readonly Service[]>();
  readonly #unanswered = new Map<string, () => Promise<void>>();

  now(): { readonly date: Date; readonly zone: Zone } {
    const date = new Date();
    return { date, zone: { name: bytesOf(zoneName(date)), offsetMinutes: -date.getTimezoneOffset() } };
  }

  environment(name: string): string | undefined {
    const value = process.env[textOf(name)];
    return value === undefined ? undefined : bytesOf(value);
  }

  /** True unless the file is certainly absent: one that may not be looked at counts as there, as in confd. */
  fileExists(path: string): boolean {
    try {
      statSync(Buffer.from(path, "latin1"));
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== "ENOENT";
    }
  }

  addresses(host: string): readonly string[] | undefined {
    const known = this.#addresses.get(host);
    if (known === undefined) {
      this.#unanswered.set(`addresses ${host}`, async () => {
        this.#addresses.set(host, await addressesOf(textOf(host)));
      });
    }
    return known;
  }

  services(name: string): readonly Service[] | undefined {
    const known = this.#services.get(name);
    if (known === undefined) {
      this.#unanswered.set(`services ${name}`, async () => {
        this.#services.set(name, await servicesOf(textOf(name)));
      });
    }
    return known;
  }

  /** Finds what was asked in vain since the last call. Resolves to false if nothing was. A question that fails has an empty answer. */
  async answer(): Promise<boolean> {
    if (this.#unanswered.size === 0) return false;
    const questions = [...this.#unanswered.values()];
    this.#unanswered.clear();
    await Promise.all(questions.map((ask) => ask()));
    return true;
  }

  forget(): void {
    this.#addresses.clear();
    this.#services.clear();
  }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  const literal = host.replace(/%.*$/, "");
  if (isIP(literal) !== 0) return [bytesOf(shownAddress(literal))];
  if (oldNumber.test(host)) return [];
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("no answer in time")), answerMs).unref();
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return [...new Set(found.map(({ address }) => bytesOf(shownAddress(address))))].sort(byBytes);
  } catch {
    // confd, too, takes a name that cannot be resolved for one without addresses.
    return [];
  }
}

/** What C's resolver takes for an address and Go's for a name that there is not: `127.1`, `0x7f000001`, `010.0.0.1`. */
const oldNumber = /^(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}$/i;

/** An address as Go writes it: IPv6 in its short form, an IPv4 address within one as IPv4. */
function shownAddress(address: string): string {
  const [plain = ""] = address.split("%");
  if (isIP(plain) !== 6) return plain;
  const short = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  const halves = [high, low].map((half) => Number.parseInt(half, 16));
  return halves.flatMap((half) => [half >> 8, half & 0xff]).join(".");
}

async function servicesOf(name: string): Promise<readonly Service[]> {
  const resolver = new Resolver({ timeout: answerMs / 2, tries: 2 });
  try {
    const found = await resolver.resolveSrv(name);
    return found.map(({ name: target, port, priority, weight }) => {
      return { target: bytesOf(target.endsWith(".") ? target : `${target}.`), port, priority, weight };
    });
  } catch {
    // As for addresses.
    return [];
  }
}

/** The local zone's abbreviation at that moment, such as `CET`. Without a zone database it is what JavaScript knows. */
function zoneName(date: Date): string {
  const offsetSeconds = -date.getTimezoneOffset() * 60;
  const file = zoneFile(process.env.TZ);
  const known = file === undefined ? undefined : abbreviationIn(file, date.getTime(), offsetSeconds);
  if (known !== undefined) return known;
  if (offsetSeconds === 0) return "UTC";
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
}

const zoneFiles = new Map<string | undefined, Buffer | undefined>();

/** The zone database's file of the zone that TZ names, found where Go looks; undefined if there is none. */
function zoneFile(zone: string | undefined): Buffer | undefined {
  if (!zoneFiles.has(zone)) zoneFiles.set(zone, readZoneFile(zone?.replace(/^:/, "") ?? "/etc/localtime"));
  return zoneFiles.get(zone);
}

function readZoneFile(name: string): Buffer | undefined {
  if (name === "" || name.includes("..")) return undefined;
  const places = name.startsWith("/")
    ? [""]
    : ["/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/etc/zoneinfo/"];
  for (const place of places) {
    try {
      return readFileSync(`${place}${name}`);
    } catch {
      // The next place may have it.
    }
  }
  return undefined;
}
