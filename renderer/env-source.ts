/**
 * Keys from the environment, as confd's env backend: the key `/deis/router` stands for every variable that begins with `DEIS_ROUTER`, and
 * a variable's key is its name in lower case with slashes for underscores. The environment of a process does not change, so
 * following it is reading it.
 */
import { bytesOf, textOf } from "./gotmpl/index.ts";
import { fixedKeys, type KeySource, type LiveKeys } from "./source.ts";

export function envSource(environment: Readonly<Record<string, string | undefined>>): KeySource {
  /** The variables by their keys. */
  const variables = new Map<string, { readonly name: string; readonly value: string }>();
  for (const [name, value = ""] of Object.entries(environment)) {
    variables.set(bytesOf(`/${name.toLowerCase().replaceAll("_", "/")}`), { name, value: bytesOf(value) });
  }
  const reach = (selected: string, key: string) =>
    variables.get(key)?.name.startsWith(startOf(selected)) === true;
  const select = (keys: readonly string[]): LiveKeys => {
    const taken = [...variables].filter(([key]) => keys.some((each) => reach(each, key)));
    return fixedKeys(new Map(taken.map(([key, { value }]) => [key, value])), 0n, reach);
  };
  return { read: async (keys) => select(keys), follow: select, close: async () => undefined };
}

/** How the names begin of the variables that a selected key stands for. */
function startOf(selected: string): string {
  return textOf(selected).replace(/^\//, "").replaceAll("/", "_").toUpperCase();
}
