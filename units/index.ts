/**
 * The platform's unit templates: plain unit files beside this one, `deis-<component>.service`. One template serves all instances of a
 * component: `deis-router@1.service` and `deis-router@2.service` carry the same text.
 *
 * An operator's own directories come first: `$DEISCTL_UNITS`, then `~/.deis/units`, then these. What a template leaves open is written
 * into the unit's text when it is installed: the image's version, and where the operator wants each kind of component to run.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { packageRoot } from "./package-root.ts";

/** Where templates are looked for, first hit wins. */
export function templateDirectories(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const own = env.DEISCTL_UNITS;
  const home = env.HOME;
  return [
    ...(own ? [own] : []),
    ...(home ? [join(home, ".deis", "units")] : []),
    join(packageRoot(), "units"),
  ];
}

/** The components that have a template in any of the directories. A directory that is not there has none. */
export async function componentsIn(directories: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const directory of directories) {
    for (const file of await readdir(directory).catch(absent<string[]>([]))) {
      const component = /^deis-([a-z-]+)\.service$/.exec(file)?.[1];
      if (component !== undefined) found.add(component);
    }
  }
  return found;
}

/** Rejects with `template-not-found`, naming the directories looked at. */
export async function loadTemplate(component: string, directories: readonly string[]): Promise<string> {
  const text = await firstText(`deis-${component}.service`, directories);
  if (text !== undefined) return text;
  throw new PlatformError("template-not-found", `Could not find unit template for ${component}`, {
    hint: `Looked for deis-${component}.service in ${directories.join(", ")}`,
  });
}

/** What is appended to the template where the operator wants components on machines set aside for them, if anything. */
export async function loadDecorator(
  component: string,
  directories: readonly string[],
): Promise<string | undefined> {
  return await firstText(join("decorators", `deis-${component}.decorator`), directories);
}

async function firstText(file: string, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const text = await readFile(join(directory, file), "utf8").catch(absent(undefined));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** A missing file or directory is a value here; anything else (no permission, a broken disk) is an error to tell. */
function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return value;
    throw error;
  };
}
