/** `deisctl config`: the platform's settings below `/deis/<target>/`, in Deis v1's words. */
import { PlatformError } from "../../cluster/errors.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  outputFormat,
  printJson,
  UsageError,
} from "../command.ts";
import { expandHome, fileSettingOf, parsePair } from "../settings-arguments.ts";

export const config: CommandDefinition = {
  name: "config",
  summary: "get, set, remove or list settings of the platform",
  arguments: "[target] [action] [key...]",
  flags: [],
  examples: [
    "deisctl config platform set domain=example.com",
    "deisctl config router get bodySize",
    "deisctl config router rm bodySize",
    "deisctl config platform list",
  ],
  notes: "platform sshPrivateKey and router sslCert, sslKey, sslDhparam take the path of a file.",
  async run(context, args) {
    const [target, action = "get", ...words] = args;
    if (target === undefined || !/^[\w.-]+$/.test(target)) {
      throw new UsageError("Usage: deisctl config <target> get|set|rm|list [<key>...]");
    }
    if (action === "set") return await set(context, target, words);
    if (action === "rm") return await remove(context, target, words);
    if (action === "list" || (action === "get" && words.length === 0)) return await list(context, target);
    if (action === "get") return await get(context, target, words);
    throw new UsageError(`"${action}" is no action of config: get, set, rm or list`);
  },
};

async function list(context: CommandContext, target: string): Promise<ExitCode> {
  const store = await context.config();
  const entries = await store.list(target, context.signal);
  if (outputFormat(context) === "json") printJson(context, Object.fromEntries(entries));
  else for (const [key, value] of entries) context.io.out(`${key}=${value}\n`);
  return exit.done;
}

async function get(context: CommandContext, target: string, keys: readonly string[]): Promise<ExitCode> {
  const store = await context.config();
  const found: [string, string][] = [];
  for (const key of keys) {
    const value = await store.get(target, key, context.signal);
    if (value === undefined) {
      throw new PlatformError("setting-not-found", `Key not found (/deis/${target}/${key})`, {
        hint: `\`deisctl config ${target} list\` shows what is set`,
      });
    }
    found.push([key, value]);
  }
  if (outputFormat(context) === "json") printJson(context, Object.fromEntries(found));
  else for (const [, value] of found) context.io.out(`${value}\n`);
  return exit.done;
}

async function set(context: CommandContext, target: string, words: readonly string[]): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("No settings given, for example: foo=bar");
  const entries = new Map<string, string>();
  for (const word of words) {
    const [key, value] = parsePair(word);
    entries.set(key, await stored(context, target, key, value));
  }
  const store = await context.config();
  await store.set(target, entries, context.signal);
  if (outputFormat(context) === "json") printJson(context, Object.fromEntries(entries));
  else for (const word of words) context.io.out(`${parsePair(word)[1]}\n`);
  return exit.done;
}

async function stored(context: CommandContext, target: string, key: string, value: string): Promise<string> {
  const encoding = fileSettingOf(target, key);
  if (encoding === undefined) return value;
  const path = expandHome(value, context.files.env.HOME ?? "");
  const text = await context.files.read(path);
  if (text === undefined) {
    throw new PlatformError("setting-file-missing", `Cannot read "${path}" for ${target} ${key}`, {
      hint: "This setting takes the path of a file",
    });
  }
  return encoding === "base64" ? Buffer.from(text, "utf8").toString("base64") : text;
}

async function remove(context: CommandContext, target: string, keys: readonly string[]): Promise<ExitCode> {
  if (keys.length === 0) throw new UsageError("No keys given");
  const store = await context.config();
  const removed = await store.remove(target, keys, context.signal);
  if (outputFormat(context) === "json") printJson(context, removed);
  else for (const key of removed) context.io.out(`${key}\n`);
  const missing = keys.filter((key) => !removed.includes(key));
  for (const key of missing) context.io.err(`Key not found (/deis/${target}/${key})\n`);
  return missing.length === 0 ? exit.done : exit.failed;
}
