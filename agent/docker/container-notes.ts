/**
 * Keeps our notes about containers across restarts of the agent: one small JSON file per container id.
 *
 * Docker's labels cannot change after a container was created; these two facts do. Losing a note costs little: one more
 * restart of the unit, or "failed" where it should say "inactive". A note outlives its container by at most one look.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../../cluster/errors.ts";
import type { ContainerNotes } from "./container-state.ts";

export class NoteBook {
  readonly #directory: string;
  readonly #notes = new Map<string, ContainerNotes>();

  /** `directory` is made when needed. It should live as long as the containers do: not under `/run`. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads all notes. */
  async open(): Promise<void> {
    for (const file of await filesIn(this.#directory)) {
      const notes = parse(await readFile(join(this.#directory, file), "utf8"));
      if (notes) this.#notes.set(file.replace(/\.json$/, ""), notes);
    }
  }

  /** The containers that something is noted about. */
  ids(): string[] {
    return [...this.#notes.keys()];
  }

  /** What is noted about a container. */
  of(id: string): ContainerNotes {
    return this.#notes.get(id) ?? {};
  }

  /** Adds to what is noted about a container. Rejects with code `notes-unwritable`. */
  async add(id: string, notes: ContainerNotes): Promise<void> {
    const all = { ...this.of(id), ...notes };
    const path = join(this.#directory, `${id}.json`);
    try {
      await mkdir(this.#directory, { recursive: true });
      await writeFile(`${path}.new`, JSON.stringify(all));
      await rename(`${path}.new`, path);
    } catch (cause) {
      const hint = "Free space there, or make it writable for root";
      throw new PlatformError("notes-unwritable", `Cannot write "${path}"`, { cause, hint, retryable: true });
    }
    this.#notes.set(id, all);
  }

  async forget(id: string): Promise<void> {
    this.#notes.delete(id);
    await rm(join(this.#directory, `${id}.json`), { force: true });
  }
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Undefined for a file that a crash or a stranger left unreadable: what it said is then lost, which is bearable. */
function parse(text: string): ContainerNotes | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const generation =
    "generation" in value && Number.isSafeInteger(value.generation) ? Number(value.generation) : undefined;
  const stoppedRun =
    "stoppedRun" in value && typeof value.stoppedRun === "string" ? value.stoppedRun : undefined;
  return {
    ...(generation === undefined ? {} : { generation }),
    ...(stoppedRun === undefined ? {} : { stoppedRun }),
  };
}
