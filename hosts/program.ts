/**
 * The program of an image: the compiled modules that its entry needs, the npm packages that these need, and nothing else. A change
 * elsewhere in this repository makes no new image.
 */
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { version } from "../cluster/version.ts";
import { projectRoot } from "./project.ts";

/** What a program is made of. Paths are relative to the project, sorted. */
export interface ProgramParts {
  readonly modules: readonly string[];
  /** Directories below `node_modules`, each with the version that is locked. */
  readonly packages: ReadonlyMap<string, string>;
}

interface LockedPackage {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** An import or re-export of values, or an import on demand. */
const importing = /^(?:import|export)\s+(?!type\s)(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Follows the imports of `entry`, but for those of types alone, which leave no trace. */
export async function programParts(entry: string, root = projectRoot()): Promise<ProgramParts> {
  const modules = new Set([entry]);
  const named = new Set<string>();
  for (const module of modules) {
    const text = await readFile(join(root, module), "utf8");
    for (const [, statically, onDemand] of text.matchAll(importing)) {
      const specifier = statically ?? onDemand ?? "";
      if (specifier.startsWith(".")) modules.add(posix.join(posix.dirname(module), specifier));
      else if (!specifier.startsWith("node:"))
        named.add(specifier.match(/^(?:@[^/]+\/)?[^/]+/)?.[0] ?? specifier);
    }
  }
  return { modules: [...modules].sort(), packages: await lockedPackages(named, root) };
}

/** All that decides what the program is: the same text, the same program. */
export async function programDigest(entry: string): Promise<string> {
  const { modules, packages } = await programParts(entry);
  const hash = createHash("sha256");
  for (const module of modules)
    hash.update(`${module}\0`).update(await readFile(join(projectRoot(), module)));
  hash.update(JSON.stringify([...packages]));
  return hash.digest("hex");
}

/** Writes the program of `entry` to `<directory>/program` and its packages to `<directory>/node_modules`. */
export async function writeProgram(entry: string, directory: string): Promise<void> {
  const root = projectRoot();
  const { modules, packages } = await programParts(entry);
  // A quarter of a second that only those spend who build an image.
  const { default: ts } = await import("typescript");
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  // One file at a time: the compiler does not look for the package.json that says these are modules.
  const module = ts.ModuleKind.ES2022;
  const compilerOptions = { ...options, module, sourceMap: false, declaration: false };
  for (const path of modules) {
    const fileName = join(root, path);
    const { outputText } = ts.transpileModule(await readFile(fileName, "utf8"), {
      compilerOptions,
      fileName,
    });
    const target = join(directory, "program", path.replace(/\.ts$/, ".js"));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
  const description = { name: "deis", version, type: "module" };
  await writeFile(join(directory, "program/package.json"), `${JSON.stringify(description)}\n`);
  for (const name of packages.keys()) {
    await cp(join(root, name), join(directory, name), {
      recursive: true,
      // Those inside are on the list themselves if they are needed; the rest is for compilers and debuggers.
      filter: (path) =>
        !path.slice(join(root, name).length).includes("/node_modules") && !/\.(map|d\.[mc]?ts)$/.test(path),
    });
  }
}

/** The packages by name and all that they need, as npm has laid them out. */
async function lockedPackages(names: Iterable<string>, root: string): Promise<ReadonlyMap<string, string>> {
  const { packages }: { packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
    await readFile(join(root, "package-lock.json"), "utf8"),
  );
  const found = new Map<string, string>();
  const follow = (name: string, from: string): void => {
    const path = nearest(name, from, packages);
    const locked = packages[path];
    if (locked === undefined || found.has(path)) return;
    found.set(path, locked.version);
    for (const dependency of Object.keys(locked.dependencies ?? {})) follow(dependency, path);
  };
  for (const name of names) follow(name, "");
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Where a module of the package at `from` finds the package `name`: beside itself, or further up. */
function nearest(name: string, from: string, packages: Readonly<Record<string, unknown>>): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const path = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (Object.hasOwn(packages, path)) return path;
    if (at === "") {
      throw new PlatformError("package-not-locked", `"${name}" is not in package-lock.json`, {
        hint: "`npm install` brings it up to date",
      });
    }
  }
}
