/** The world as this machine sees it: its clock, environment, files and resolver. */
import { lookup, Resolver } from "node:dns/promises";
import { statSync } from "node:fs";
import type { Service, World } from "./functions/index.ts";
import type { Zone } from "./functions/time.ts";
import { bytesOf, textOf } from "./gotmpl/index.ts";
import { byBytes } from "./store-index.ts";

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

  addresses(host: string, family: 0 | 4 | 6): readonly string[] | undefined {
    const question = `${family} ${host}`;
    const known = this.#addresses.get(question);
    if (known === undefined) {
      this.#unanswered.set(`addresses ${question}`, async () => {
        this.#addresses.set(question, await addressesOf(textOf(host), family));
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

async function addressesOf(host: string, family: 0 | 4 | 6): Promise<readonly string[]> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("no answer in time")), answerMs).unref();
  });
  try {
    const found = await Promise.race([lookup(host, { all: true, family }), late]);
    return [...new Set(found.map(({ address }) => bytesOf(address)))].sort(byBytes);
  } catch {
    // confd, too, takes a name that cannot be resolved for one without addresses.
    return [];
  }
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

/** The local zone's abbreviation at that moment, such as `CET`. */
function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
}
