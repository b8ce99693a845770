/** Seeing a file change as soon as the kernel tells. */
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** Waits for a file's content, woken by the kernel. */
export class FileSight {
  readonly #file: string;
  readonly #watcher: FSWatcher;
  #wake: () => void = () => undefined;

  constructor(directory: string, file: string) {
    this.#file = file;
    this.#watcher = watch(directory, () => this.#wake());
  }

  async shows(text: string): Promise<void> {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const content = await readFile(this.#file, "utf8").catch(() => "");
      if (content.includes(text)) return;
      await Promise.race([woken, delay(1_000)]);
    }
  }

  close(): void {
    this.#watcher.close();
  }
}
