/** The operator's disk and environment. */
import { readFile } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { LocalFiles } from "./command.ts";

/** What counts as "there is no such file": also a directory, and a path through a file. */
const absent: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "EISDIR"]);

export function localFiles(env: LocalFiles["env"]): LocalFiles {
  return {
    env,
    async read(path) {
      try {
        return await readFile(path, "utf8");
      } catch (cause) {
        if (cause instanceof Error && "code" in cause && absent.has(cause.code)) return undefined;
        throw new PlatformError("file-unreadable", `Cannot read "${path}"`, {
          cause,
          hint: "Check who may read it",
        });
      }
    },
  };
}
