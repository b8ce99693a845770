#!/usr/bin/env node
/**
 * deis-confd: keeps configuration files up to date with keys, from confd's own files and flags. Composition root.
 *
 * Exit codes are confd's: 0 done or told to stop, 1 failed, 2 a wrong command line. Standard output carries only what was asked for
 * (`-version`, `-diff`, `-help`); all talk goes to standard error.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { hasCode, PlatformError } from "../cluster/errors.ts";
import { parseHostPort } from "../cluster/host-port.ts";
import { version } from "../cluster/version.ts";
import { serveMetrics } from "../loop/serve-metrics.ts";
import { Daemon } from "./daemon.ts";
import { unifiedDiff } from "./diff.ts";
import type { Tell } from "./events.ts";
import { errorLine, type Log, logEvents, openLog } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { newRenderer } from "./new-renderer.ts";
import { openSource } from "./open-source.ts";
import { findResources } from "./resource-files.ts";
import { flagSpecs, mergeSettings, type RendererSettings, readFlags } from "./settings.ts";
import type { KeySource } from "./source.ts";
import { validate } from "./validate.ts";

const program = basename(process.argv[1] ?? "deis-confd").replace(/^main\.[jt]s$/, "deis-confd");

async function main(): Promise<number> {
  const given = readFlags(process.argv.slice(2));
  if (given.version) return print(`deis-confd ${version} (Node.js ${process.versions.node})\n`);
  if (given.help) return print(usage());
  let log = openLog("info", program, (line) => process.stderr.write(line));
  try {
    const settings = mergeSettings(given, await readOptional(given.configFile), process.env);
    log = openLog(settings.level, program, (line) => process.stderr.write(line));
    return await run(settings, log);
  } catch (error) {
    log("fatal", errorLine(error));
    return 1;
  }
}

async function run(settings: RendererSettings, log: Log): Promise<number> {
  if (settings.mode === "validate") return report(await validate(settings), log);
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      log("info", `Captured ${name}. Exiting...`);
      stop.abort();
    });
  }
  log("info", `Backend set to ${settings.backend}`);
  const source = await openSource(settings);
  try {
    const single = settings.mode === "once" || settings.mode === "diff";
    return single
      ? await runOnce(settings, source, log, stop.signal)
      : await stay(settings, source, log, stop.signal);
  } finally {
    await source.close();
  }
}

function report(problems: readonly unknown[], log: Log): number {
  for (const problem of problems) log("error", errorLine(problem));
  if (problems.length === 0) log("info", "Settings, resources and templates are valid");
  return problems.length === 0 ? 0 : 1;
}

/** One pass over all resources. A resource file that cannot be read ends it before anything is rendered, as in confd. */
async function runOnce(
  settings: RendererSettings,
  source: KeySource,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  const tell = settings.mode === "diff" ? tellDiffs(logEvents(log)) : logEvents(log);
  const renderer = newRenderer(settings, tell, () => undefined);
  const found = await findResources(settings.confdir, settings);
  for (const { error } of found.problems) log("error", errorLine(error));
  if (found.problems[0]) {
    log("fatal", errorLine(found.problems[0].error));
    return 1;
  }
  if (found.warning) log("warn", found.warning);
  renderer.setResources(found.resources);
  if (renderer.size === 0) return 0;
  try {
    const view = await source.read(renderer.keys, stop);
    const failures = await renderer.pass(view, stop);
    const last = failures.at(-1);
    if (last === undefined) return 0;
    log("fatal", errorLine(last));
    return 1;
  } catch (error) {
    if (stop.aborted) return 0;
    throw error;
  }
}

/** Runs until told to stop: passes after changes with -watch, every interval without. */
async function stay(
  settings: RendererSettings,
  source: KeySource,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  const metrics = new Metrics();
  const logging = logEvents(log);
  const tell: Tell = (event) => {
    metrics.count(event);
    logging(event);
  };
  const daemon = new Daemon(settings, source, tell);
  const server =
    settings.metrics === ""
      ? undefined
      : await serveMetrics(parseHostPort("-metrics", settings.metrics), () => metrics.text(daemon.state));
  if (server) log("info", `Metrics at ${server.url}/metrics`);
  const onHangup = () => daemon.lookAtAll();
  process.on("SIGHUP", onHangup);
  try {
    await daemon.run(stop);
    return 0;
  } finally {
    process.off("SIGHUP", onHangup);
    server?.close();
  }
}

/** Prints a diff for every file that would change. */
function tellDiffs(next: Tell): Tell {
  return (event) => {
    if (event.kind === "out-of-sync") {
      const before = event.found?.bytes.toString("utf8") ?? "";
      const diff = unifiedDiff(event.dest, before, event.wanted.bytes.toString("utf8"));
      process.stdout.write(diff === "" ? `${event.differences.join("\n")}\n` : diff);
    }
    next(event);
  };
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new PlatformError("settings-invalid", `Cannot read "${file}"`, { cause: error });
  }
}

function usage(): string {
  const width = Math.max(...flagSpecs.map(({ name }) => name.length));
  const lines = flagSpecs.map(({ name, help }) => `  -${name.padEnd(width)}  ${help}`);
  return `Usage of ${program}:\n${lines.join("\n")}\n\nExample:\n  ${program} -watch -backend etcdv3 -node 127.0.0.1:2379\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${errorLine(error)}\n`);
  if (hasCode(error, "usage")) process.stderr.write(usage());
  process.exitCode = hasCode(error, "usage") ? 2 : 1;
}
