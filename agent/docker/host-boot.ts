/**
 * What a reboot of the host means for containers. They are on its disk and survive it, unlike what systemd runs for us; and Docker
 * starts those with a restart policy again before anybody can ask the store whether they still belong here.
 *
 * Two facts are kept under `/run`, which a reboot empties:
 * - *seen*: an agent has looked at the containers since the host booted. For the first that looks, a container that does not
 *   run was not started: a reboot is no failure of its unit, and no end of it.
 * - the *permit*: a file that containers of `Fence=true` units mount. Docker cannot start them at boot, since it is not there; the agent
 *   puts it there when it starts the first of them, which it does only while the machine's lease is held.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export class HostBoot {
  readonly #hostRoot: string;
  readonly #directory: string;

  /** `directory` must be emptied by a reboot of the host whose root directory is at `hostRoot`. */
  constructor(hostRoot: string, directory: string) {
    this.#hostRoot = hostRoot;
    this.#directory = directory;
  }

  /** True once `see` was called since the host booted. */
  get seen(): boolean {
    return existsSync(join(this.#hostRoot, this.#directory, "seen"));
  }

  async see(): Promise<void> {
    await this.#write("seen");
  }

  /** Puts the permit there, and resolves to its path on the host. Repeatable. */
  async permit(): Promise<string> {
    return await this.#write("permit");
  }

  async #write(name: string): Promise<string> {
    const path = join(this.#directory, name);
    await mkdir(join(this.#hostRoot, this.#directory), { recursive: true });
    await writeFile(join(this.#hostRoot, path), "");
    return path;
  }
}
