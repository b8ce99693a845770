/**
 * The unit files of this host as they are on disk: what a restarted agent knows of its units.
 *
 * A unit is one file, whose hash is that of what the file really holds, and beside it `.generations/<name>` with its restart
 * generation. The directory is below `/run`: a reboot ends all units and forgets them together, so nothing stale starts at boot.
 * Files appear whole or not at all (written aside, then renamed).
 */
import { mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseUnitFile, unitHash } from "../../cluster/unit-file.ts";
import { isUnitName } from "../../cluster/unit-name.ts";
import { notStarted } from "../runtime.ts";
import type { UnitRecordOnDisk } from "./unit-state.ts";

/** A unit found on disk. */
export interface UnitOnDisk extends UnitRecordOnDisk {
  readonly name: string;
}

const generationsName = ".generations";

export class UnitDirectory {
  readonly #path: string;
  readonly #onHost: string;
  readonly #links: string;
  #writes = 0;

  /**
   * `onHost`: the directory as the host's systemd sees it. `root`: where that host's root directory is for this process, empty when it
   * is our own host's.
   */
  constructor(onHost: string, root = "") {
    this.#onHost = onHost;
    this.#path = join("/", root, onHost);
    this.#links = join("/", root, "run/systemd/system");
  }

  /** Where systemd finds the file of this unit. */
  pathOnHost(name: string): string {
    return join(this.#onHost, name);
  }

  /** Makes the directory if it is missing. */
  async prepare(): Promise<void> {
    await mkdir(join(this.#path, generationsName), { recursive: true, mode: 0o755 });
  }

  /** Every unit here, by name in order. A file that is not a readable unit file is listed with an empty hash: it still is a unit. */
  async list(): Promise<readonly UnitOnDisk[]> {
    const names = (await readdir(this.#path)).filter(isUnitName).sort();
    const units = await Promise.all(names.map((name) => this.find(name)));
    return units.filter((unit) => unit !== undefined);
  }

  /** The unit as it is on disk, undefined if it has no file. */
  async find(name: string): Promise<UnitOnDisk | undefined> {
    const text = await this.read(name);
    if (text === undefined) return undefined;
    const { mtimeMs } = await stat(join(this.#path, name));
    return {
      name,
      hash: hashOf(text),
      generation: await this.#generation(name),
      writtenAt: Math.floor(mtimeMs),
    };
  }

  /** The text of a unit's file, undefined if there is none. */
  async read(name: string): Promise<string | undefined> {
    return orUndefined(readFile(join(this.#path, name), "utf8"));
  }

  /** Writes a unit's file. A crash leaves the file of before or this one. */
  async write(name: string, text: string): Promise<void> {
    await this.#replace(join(this.#path, name), text);
  }

  /** Records the restart generation of a unit. */
  async writeGeneration(name: string, generation: number): Promise<void> {
    await this.#replace(join(this.#path, generationsName, name), `${generation}\n`);
  }

  /** Removes the unit's files, and systemd's link to it if that is still there. Nothing happens when they are gone. */
  async remove(name: string): Promise<void> {
    const link = join(this.#links, name);
    if ((await orUndefined(readlink(link))) === this.pathOnHost(name)) await rm(link, { force: true });
    await rm(join(this.#path, name), { force: true });
    await rm(join(this.#path, generationsName, name), { force: true });
  }

  /** A unit without a record was never started by an agent that lived to say so. */
  async #generation(name: string): Promise<number> {
    const text = await orUndefined(readFile(join(this.#path, generationsName, name), "utf8"));
    const generation = Number(text ?? Number.NaN);
    return Number.isSafeInteger(generation) ? generation : notStarted;
  }

  async #replace(path: string, text: string): Promise<void> {
    // Not named for the unit: its name may already be as long as a file's may be.
    this.#writes += 1;
    const aside = join(this.#path, generationsName, `.${process.pid}.${this.#writes}`);
    await writeFile(aside, text, { mode: 0o644 });
    await rename(aside, path);
  }
}

function hashOf(text: string): string {
  try {
    return unitHash(parseUnitFile(text));
  } catch {
    // Someone else wrote it: no placement has this hash, so the agent will replace or remove the unit.
    return "";
  }
}

/** A file that is not there is an answer, not an error; nor is one that is no link. */
async function orUndefined(reading: Promise<string>): Promise<string | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EINVAL")) {
      return undefined;
    }
    throw error;
  }
}
