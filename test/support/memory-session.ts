import type { HeldLease, Session } from "../../cluster/ports.ts";

/** A session whose lease the test gives and takes. A lease that is doubted is found to live. */
export class MemorySession implements Session<HeldLease> {
  lease: HeldLease | undefined;
  readonly #listeners = new Set<() => void>();
  #lose: () => void = () => undefined;

  give(id: string): void {
    const lost = new AbortController();
    this.#lose = () => lost.abort(new Error("lease lost"));
    this.lease = { id, lost: lost.signal };
    this.#tell();
  }
  take(): void {
    this.lease = undefined;
    this.#lose();
    this.#tell();
  }
  doubt(): void {
    this.#tell();
  }
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  held(signal: AbortSignal): Promise<HeldLease> {
    return new Promise((resolve, reject) => {
      const look = () => this.lease && resolve(this.lease);
      this.onChange(look);
      signal.addEventListener("abort", () => reject(signal.reason));
      look();
    });
  }
  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
