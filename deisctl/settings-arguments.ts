/** How `deisctl config` reads its words: `key=value`, and the settings whose value is the content of a file. Pure. */
import { UsageError } from "./command.ts";

/** Splits at the first `=`, so that a value may hold others; it may be empty. Throws `UsageError` with Deis's text. */
export function parsePair(word: string): readonly [key: string, value: string] {
  const at = word.indexOf("=");
  const key = word.slice(0, Math.max(at, 0));
  if (key === "") throw new UsageError(`'${word}' does not match the pattern 'key=var', ex: foo=bar`);
  if (/[\s]|^\/|\/$|\/\//.test(key))
    throw new UsageError(`'${key}' cannot be a key: no blanks, no "/" at its ends`);
  return [key, word.slice(at + 1)];
}

const fileSettings: Readonly<Record<string, "base64" | "raw">> = {
  "platform/sshPrivateKey": "base64",
  "router/sslCert": "raw",
  "router/sslKey": "raw",
  "router/sslDhparam": "raw",
};

/** How the file named by the value is stored, or undefined for a setting that is its own value. */
export function fileSettingOf(target: string, key: string): "base64" | "raw" | undefined {
  const name = `${target}/${key}`;
  return Object.hasOwn(fileSettings, name) ? fileSettings[name] : undefined;
}

/** `~/x` and `$HOME/x`. */
export function expandHome(path: string, home: string): string {
  return path.replace(/^(?:~|\$HOME)(?=\/|$)/, () => home);
}
