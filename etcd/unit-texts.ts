/** Unit files by hash. They never change, so each is read once; those asked for together are read together. */
import { PlatformError } from "../cluster/errors.ts";
import type { UnitTexts } from "../cluster/ports.ts";
import { onAbort } from "../loop/abort.ts";
import { maxOperations } from "./batch-writer.ts";
import { decodeText } from "./codec.ts";
import { unitFileKey } from "./keys.ts";
import type { EtcdClient } from "./protocol.ts";

/** Characters of unit text kept in memory at most, oldest dropped first. */
const maxCached = 16_000_000;

interface Asked {
  readonly hash: string;
  resolve(text: string): void;
  reject(error: unknown): void;
}

export function openUnitTexts(client: EtcdClient): UnitTexts {
  return new CachedTexts(client);
}

class CachedTexts implements UnitTexts {
  readonly #client: EtcdClient;
  readonly #known = new Map<string, string>();
  #cached = 0;
  readonly #coming = new Map<string, Promise<string>>();
  #asked: Asked[] = [];

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  async text(hash: string, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const known = this.#known.get(hash);
    if (known !== undefined) return known;
    const coming = this.#coming.get(hash) ?? this.#ask(hash);
    return new Promise((resolve, reject) => {
      const off = onAbort(signal, () => reject(signal.reason));
      coming.then(resolve, reject).finally(off);
    });
  }

  #ask(hash: string): Promise<string> {
    const coming = new Promise<string>((resolve, reject) => {
      this.#asked.push({ hash, resolve, reject });
    });
    this.#coming.set(hash, coming);
    coming.catch(() => undefined).finally(() => this.#coming.delete(hash));
    if (this.#asked.length === 1) setImmediate(() => this.#fetch());
    return coming;
  }

  #fetch(): void {
    const asked = this.#asked;
    this.#asked = [];
    for (let at = 0; at < asked.length; at += maxOperations) {
      const some = asked.slice(at, at + maxOperations);
      this.#read(some).catch((error) => {
        for (const each of some) each.reject(error);
      });
    }
  }

  async #read(asked: readonly Asked[]): Promise<void> {
    const gets = asked.map(({ hash }) => ({ kind: "get", range: { key: unitFileKey(hash) } }) as const);
    const { found } = await this.#client.txn({ compare: [], success: gets }, {});
    for (const [at, { hash, resolve, reject }] of asked.entries()) {
      const entry = found[at]?.[0];
      if (!entry) {
        reject(
          new PlatformError("unit-file-missing", `The store has no unit file with hash ${hash}`, {
            hint: "Submit the unit again",
            retryable: true,
          }),
        );
        continue;
      }
      const text = decodeText(entry.value, entry.key);
      this.#keep(hash, text);
      resolve(text);
    }
  }

  #keep(hash: string, text: string): void {
    this.#known.set(hash, text);
    this.#cached += text.length;
    for (const [oldest, kept] of this.#known) {
      if (this.#cached <= maxCached || oldest === hash) return;
      this.#known.delete(oldest);
      this.#cached -= kept.length;
    }
  }
}
