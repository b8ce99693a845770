/** Names of users and groups to numbers, by the machine's own files: `/etc/passwd` and `/etc/group`. */
import { readFile } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";

/** The number of a user, given by name or number. Rejects with `account-unknown`. */
export function userNumber(user: string | number): Promise<number> {
  return typeof user === "number" ? Promise.resolve(user) : numberIn("/etc/passwd", "user", user);
}

/** The number of a group, given by name or number. Rejects with `account-unknown`. */
export function groupNumber(group: string | number): Promise<number> {
  return typeof group === "number" ? Promise.resolve(group) : numberIn("/etc/group", "group", group);
}

async function numberIn(file: string, kind: string, name: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.split(":"));
  const number = lines.find(([first]) => first === name)?.[2];
  if (number !== undefined) return Number(number);
  throw new PlatformError("account-unknown", `There is no ${kind} "${name}" in ${file}`, {
    hint: kind === "user" ? "Add it, or set uid to a number" : "Add it, or set gid to a number",
  });
}
