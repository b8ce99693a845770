/**
 * Finding the template resources of a configuration directory: every file below `conf.d` whose name ends in `toml`, in lexical order,
 * folders among the files they stand beside.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { parseResource, type Resource, type ResourceDefaults } from "./resource.ts";

export interface FoundResources {
  readonly resources: readonly Resource[];
  /** Files that cannot be used, each with its reason. */
  readonly problems: readonly { readonly file: string; readonly error: PlatformError }[];
  /** What an operator may want to know when there is nothing to do. */
  readonly warning: string | undefined;
}

/**
 * Reads all resources below `confdir`. A missing `confdir` is a warning and no resource, as in confd; a missing `conf.d` in it
 * rejects with `confdir-unreadable`.
 */
export async function findResources(
  confdir: string,
  defaults: Omit<ResourceDefaults, "templateDirectory">,
): Promise<FoundResources> {
  if (!(await exists(confdir))) {
    const warning = `Cannot load template resources: confdir '${confdir}' does not exist`;
    return { resources: [], problems: [], warning };
  }
  const files = await tomlFiles(join(confdir, "conf.d"));
  const resources: Resource[] = [];
  const problems: { file: string; error: PlatformError }[] = [];
  for (const file of files) {
    try {
      const text = await readFile(file, "utf8");
      resources.push(
        parseResource(text, file, { ...defaults, templateDirectory: join(confdir, "templates") }),
      );
    } catch (error) {
      problems.push({ file, error: error instanceof PlatformError ? error : unreadable(file, error) });
    }
  }
  return { resources, problems, warning: files.length === 0 ? "Found no templates" : undefined };
}

async function tomlFiles(directory: string): Promise<readonly string[]> {
  let entries: readonly { readonly name: string; isDirectory(): boolean }[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    throw unreadable(directory, error);
  }
  const found: string[] = [];
  const sorted = [...entries].sort((one, other) =>
    Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)),
  );
  for (const entry of sorted) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await tomlFiles(path)));
    else if (entry.name.endsWith("toml") && !(await isDirectory(path))) found.push(path);
  }
  return found;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

/** True of a link to a directory, which is not followed. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // A dangling link is reported when it is read.
    return false;
  }
}

function unreadable(path: string, cause: unknown): PlatformError {
  return new PlatformError("confdir-unreadable", `Cannot read "${path}"`, {
    cause,
    hint: "Check that it exists and who may read it, or name another directory with -confdir",
  });
}
