/**
 * `EnvironmentFile=` of a container: read on the host, each time a container is made.
 *
 * The format is that of `docker run --env-file`, which Quadlet's key stands for: one `NAME=value` a line, the value as it is (quotes
 * and spaces are part of it), `#` begins a comment line. A name alone, which Docker would fill from its caller's environment, is refused:
 * the agent's environment is no part of a unit.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentFile } from "../../cluster/container-values.ts";
import { PlatformError } from "../../cluster/errors.ts";

/**
 * The assignments of these files in order, a later one of the same name last. `hostRoot` is put before each path. Rejects with
 * `environment-file-unreadable` (an optional file may be missing) or `environment-file-invalid`.
 */
export async function readEnvironmentFiles(
  files: readonly EnvironmentFile[],
  hostRoot: string,
): Promise<[name: string, value: string][]> {
  const assignments: [string, string][] = [];
  for (const { path, optional } of files) {
    const text = await readIfThere(path, optional, hostRoot);
    if (text !== undefined) assignments.push(...parseEnvironmentText(text, path));
  }
  return assignments;
}

/** The assignments in the text of an environment file. Throws `environment-file-invalid` with the line. */
export function parseEnvironmentText(text: string, path: string): [name: string, value: string][] {
  const assignments: [string, string][] = [];
  for (const [at, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const trimmed = line.trimStart();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [, name, value] = /^([^=\s]+)=(.*)$/s.exec(trimmed) ?? [];
    if (name === undefined || value === undefined) {
      throw new PlatformError("environment-file-invalid", `Line ${at + 1} of "${path}" is no assignment`, {
        hint: "Write NAME=value, or # before a comment",
      });
    }
    assignments.push([name, value]);
  }
  return assignments;
}

async function readIfThere(path: string, optional: boolean, hostRoot: string): Promise<string | undefined> {
  try {
    return await readFile(join(hostRoot, path), "utf8");
  } catch (cause) {
    if (optional && cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new PlatformError("environment-file-unreadable", `Cannot read EnvironmentFile="${path}"`, {
      cause,
      hint: `Create it on this host, or write EnvironmentFile=-${path} if it may be missing`,
    });
  }
}
