/**
 * Whether the rendered files on disk are those of an earlier life of this very router: then it serves them at once, with or without
 * etcd. Files of another version may not fit this one's program, and files that were never served may be half of a first rendering.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export class KeptTables {
  readonly #mark: string;
  readonly #program: string;

  private constructor(mark: string, program: string) {
    this.#mark = mark;
    this.#program = program;
  }

  /** `mark` is the file that tells; `directories` hold what the files are made of and for, and are read as a whole. */
  static async open(mark: string, directories: readonly string[]): Promise<KeptTables> {
    const hash = createHash("sha256");
    for (const directory of directories) {
      const entries = await readdir(directory, { withFileTypes: true, recursive: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      for (const file of files.sort()) hash.update(`${file}\0`).update(await readFile(file));
    }
    return new KeptTables(mark, hash.digest("hex"));
  }

  async areUsable(): Promise<boolean> {
    // Unreadable is as good as absent: the files are then rendered first.
    return (await readFile(this.#mark, "utf8").catch(() => "")) === this.#program;
  }

  /** The files on disk are of no use after all. */
  async forget(): Promise<void> {
    await rm(this.#mark, { force: true });
  }

  /** The files on disk have been served. */
  async served(): Promise<void> {
    await writeFile(`${this.#mark}.new`, this.#program);
    await rename(`${this.#mark}.new`, this.#mark);
  }
}
