#!/usr/bin/env node
/**
 * deis-confd: keeps configuration files up to date with keys, from confd's own files and flags. Composition root.
 *
 * Exit codes are confd's: 0 done or told to stop, 1 failed, 2 a wrong command line. Standard output carries only what was asked for
 * (`-version`, `-diff`, `-help`); all talk goes to standard error.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { basename } from "node:path";
import { hasCode, PlatformError } from "../cluster/errors.ts";
import { systemClock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import { runCommand } from "./command.ts";
import { unifiedDiff } from "./diff.ts";
import type { Tell } from "./events.ts";
import { errorLine, type Log, logEvents, openLog } from "./log.ts";
import { MachineWorld } from "./machine-world.ts";
import { Metrics } from "./metrics.ts";
import { openSource } from "./open-source.ts";
import { Renderer } from "./renderer.ts";
import { findResources } from "./resource-files.ts";
import { flagSpecs, mergeSettings, type RendererSettings, readFlags } from "./settings.ts";
import type { KeySource, LiveKeys } from "./source.ts";
import { validate } from "./validate.ts";
import { FileWatch } from "./watch-files.ts";

const version = "0.1.0";
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
    settings.metrics === "" ? undefined : await serve(settings.metrics, () => daemon.metricsText(metrics));
  const onHangup = () => daemon.reload();
  process.on("SIGHUP", onHangup);
  try {
    await daemon.run(stop);
    return 0;
  } finally {
    process.off("SIGHUP", onHangup);
    server?.close();
  }
}

class Daemon {
  readonly #settings: RendererSettings;
  readonly #source: KeySource;
  readonly #tell: Tell;
  readonly #renderer: Renderer;
  readonly #loop: ControlLoop;
  readonly #watch: FileWatch;
  #view: LiveKeys | undefined;
  #viewKeys = "";
  #filesInDoubt = true;
  #alarm: NodeJS.Timeout | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: RendererSettings, source: KeySource, tell: Tell) {
    this.#settings = settings;
    this.#source = source;
    this.#tell = tell;
    this.#loop = new ControlLoop({
      pass: (signal) => this.#pass(signal),
      backoff: { initialMs: 200, maxMs: 10_000 },
      onEvent: (event) => {
        if (event.kind === "pass-failed") tell(event);
      },
    });
    this.#renderer = newRenderer(settings, tell, () => this.#loop.ring());
    this.#watch = new FileWatch(settings.confdir, () => this.reload());
  }

  /** Looks at all files again. */
  reload(): void {
    this.#filesInDoubt = true;
    this.#loop.ring();
  }

  metricsText(metrics: Metrics): string {
    const { size: resources, pendingReloads } = this.#renderer;
    return metrics.text({ resources, pendingReloads, revision: this.#view?.revision ?? 0n });
  }

  async run(stop: AbortSignal): Promise<void> {
    try {
      await this.#loop.run(stop);
    } finally {
      clearTimeout(this.#alarm);
      this.#watch.close();
      // Its signal is its own: what must still be reloaded is, within the commands' time.
      await this.#renderer.close(new AbortController().signal);
      await this.#view?.close();
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { intervalSeconds, mode } = this.#settings;
    const now = systemClock.monotonic();
    const regular = now - this.#lookedAt >= intervalSeconds * 1_000 - 5;
    if (regular) {
      this.#lookedAt = now;
      this.#filesInDoubt = true;
      this.#renderer.doubtAll();
    }
    if (this.#filesInDoubt) {
      this.#filesInDoubt = false;
      await this.#lookAtFiles();
    }
    const view = await this.#keys(regular || this.#view === undefined, signal);
    if (view?.synced) await this.#renderer.pass(view, signal);
    this.#setAlarm(
      mode === "watch" ? this.#lookedAt + intervalSeconds * 1_000 : this.#lookedAt + intervalSeconds * 1_000,
    );
  }

  /** The next pass that nobody rings for. */
  #setAlarm(regularAt: number): void {
    clearTimeout(this.#alarm);
    const inMs = Math.min(
      regularAt - systemClock.monotonic(),
      this.#renderer.dueInMs ?? Number.POSITIVE_INFINITY,
    );
    this.#alarm = setTimeout(() => this.#loop.ring(), Math.min(Math.max(1, Math.ceil(inMs)), 2 ** 31 - 1));
  }

  /** What the present resources are rendered from; opened anew when they need other keys. */
  async #keys(regular: boolean, signal: AbortSignal): Promise<LiveKeys | undefined> {
    const { keys } = this.#renderer;
    const wanted = JSON.stringify(keys);
    if (this.#settings.mode === "interval") {
      if (regular || wanted !== this.#viewKeys) this.#view = await this.#source.read(keys, signal);
      this.#viewKeys = wanted;
      return this.#view;
    }
    if (this.#view === undefined || wanted !== this.#viewKeys) {
      await this.#view?.close();
      this.#viewKeys = wanted;
      this.#view = this.#source.follow(keys, this.#tell);
      this.#view.onChange(() => this.#loop.ring());
    }
    return this.#view;
  }

  async #lookAtFiles(): Promise<void> {
    await this.#watch.refresh();
    const found = await findResources(this.#settings.confdir, this.#settings);
    const resources = [...found.resources];
    for (const { file, error } of found.problems) {
      const former = this.#renderer.resourceOf(file);
      if (former) resources.push(former);
      this.#tell({ kind: "resource-unusable", file, error, kept: former !== undefined });
    }
    if (found.warning) this.#tell({ kind: "nothing-to-do", why: found.warning });
    const before = this.#renderer.size;
    const changed = this.#renderer.setResources(
      resources.sort((one, other) => (one.file < other.file ? -1 : 1)),
    );
    this.#renderer.doubtTemplates();
    if (changed > 0 || before !== resources.length) {
      this.#tell({ kind: "resources-loaded", resources: resources.length, changed });
    }
  }
}

function newRenderer(settings: RendererSettings, tell: Tell, ring: () => void): Renderer {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  return new Renderer({
    world: new MachineWorld(),
    run: runCommand,
    clock: systemClock,
    tell,
    noop: settings.noop,
    syncOnly: settings.syncOnly,
    keepStageFile: settings.keepStageFile,
    once: settings.mode === "once" || settings.mode === "diff",
    ring,
    identity: { uid, gid, mayGiveAway: uid === 0 },
  });
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

async function serve(address: string, text: () => string): Promise<Server> {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  if (port === "") {
    throw new PlatformError("settings-invalid", `-metrics is "${address}"`, {
      hint: 'Set it to host:port, such as "127.0.0.1:9105"',
    });
  }
  const server = createServer((request, response) => {
    if (request.url === "/metrics")
      response.setHeader("content-type", "text/plain; version=0.0.4").end(text());
    else if (request.url === "/healthz") response.end("ok\n");
    else response.writeHead(404).end("Try /metrics or /healthz\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(port), host === "" ? undefined : host, resolve);
  });
  return server;
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
