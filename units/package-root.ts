/** Where this package lies on disk: its unit templates and its version are data beside the code, compiled or not. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The nearest directory above this file that has a `package.json`. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "package.json")) && directory !== dirname(directory)) {
    directory = dirname(directory);
  }
  return directory;
}

/** The platform's version, as in `package.json`. */
export function platformVersion(): string {
  const text: unknown = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  const version = typeof text === "object" && text !== null && "version" in text ? text.version : undefined;
  return typeof version === "string" ? version : "unknown";
}
