/**
 * Go's `path` package on strings of any kind: keys and template arguments are cleaned exactly as confd cleans them. Node's
 * own `posix.normalize` differs (it keeps a trailing slash, and `dirname` does not clean).
 *
 * Pure.
 */

/** The shortest path equivalent to `path`: no `//`, `/./`, inner `..` or trailing slash. `""` becomes `"."`. */
export function cleanPath(path: string): string {
  if (path === "") return ".";
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!rooted) parts.push("..");
  }
  const joined = parts.join("/");
  if (rooted) return `/${joined}`;
  return joined === "" ? "." : joined;
}

/** The non-empty elements joined by slashes and cleaned; `""` if all are empty. */
export function joinPath(...elements: readonly string[]): string {
  const given = elements.filter((element) => element !== "");
  return given.length === 0 ? "" : cleanPath(given.join("/"));
}

/** The last element: `"."` of `""`, `"/"` of a path of slashes. */
export function basePath(path: string): string {
  if (path === "") return ".";
  const trimmed = trimSlashes(path);
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** All but the last element, cleaned: `"."` when there is no other. */
export function dirPath(path: string): string {
  return cleanPath(path.slice(0, path.lastIndexOf("/") + 1));
}

/** `path` without the slashes at its end. */
function trimSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
}
