/** A template on disk, compiled: read again only when the file was changed. */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { describeError, PlatformError } from "../cluster/errors.ts";
import type { Functions } from "./functions/declare.ts";
import { bytesOf, parseTemplate, type Template } from "./gotmpl/index.ts";

export class TemplateFile {
  readonly path: string;
  readonly #functions: Functions;
  #stamp = "";
  #template: Template | undefined;
  #problem: PlatformError | undefined;

  constructor(path: string, functions: Functions) {
    this.path = path;
    this.#functions = functions;
  }

  /** Looks at the file; resolves to true if it is another one than last time, be it better or worse. */
  async refresh(): Promise<boolean> {
    const stamp = await stampOf(this.path);
    if (stamp === this.#stamp) return false;
    this.#stamp = stamp;
    this.#template = undefined;
    this.#problem = undefined;
    try {
      this.#template = await this.#compile();
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      this.#problem = error;
    }
    return true;
  }

  /** The compiled template. Throws `template-missing` or `template-invalid` with Go's words. */
  get template(): Template {
    if (this.#problem) throw this.#problem;
    if (this.#template === undefined) throw new Error(`${this.path} was never looked at`);
    return this.#template;
  }

  async #compile(): Promise<Template> {
    let bytes: string;
    try {
      bytes = await readFile(this.path, "latin1");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        throw new PlatformError("template-missing", `Missing template: ${this.path}`, {
          hint: "Write it, or correct src in the template resource",
        });
      }
      throw new PlatformError("template-missing", `Cannot read the template ${this.path}`, { cause: error });
    }
    try {
      return parseTemplate(bytesOf(basename(this.path)), bytes, this.#functions);
    } catch (error) {
      throw new PlatformError(
        "template-invalid",
        `Unable to process template ${this.path}, ${describeError(error)}`,
      );
    }
  }
}

/** What tells one version of a file from the next. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs} ${ctimeNs} ${size} ${ino}`;
  } catch (error) {
    return `none: ${(error as NodeJS.ErrnoException).code}`;
  }
}
