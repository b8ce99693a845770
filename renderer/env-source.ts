/**
 * Keys from the environment, as confd's env backend: the key `/deis/router` stands for every variable that begins with `DEIS_ROUTER`, and
 * a variable's key is its name in lower case with slashes for underscores. The environment of a process does not change, so
 * following it is reading it.
 */
import { bytesOf } from "./gotmpl/index.ts";
import { fixedKeys, type KeySource, type LiveKeys } from "./source.ts";

export function envSource(environment: Readonly<Record<string, string | undefined>>): KeySource {
  const select = (keys: readonly string[]): LiveKeys => {
    const starts = keys.map((key) => key.replace(/^\//, "").replaceAll("/", "_").toUpperCase());
    const values = new Map<string, string>();
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined || !starts.some((start) => name.startsWith(start))) continue;
      values.set(bytesOf(`/${name.toLowerCase().replaceAll("_", "/")}`), bytesOf(value));
    }
    return fixedKeys(values);
  };
  return { read: async (keys) => select(keys), follow: select, close: async () => undefined };
}
