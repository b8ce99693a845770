/**
 * One router: nginx, the renderer that makes its files from keys, and the loop that makes it serve them.
 *
 * nginx never starts from files that are not whole: either those that an earlier life of this router served, at once, or those of a
 * first complete rendering. From then on it serves what it has, whatever becomes of the store. Without nginx there is no router:
 * when nginx ends, so does `run`.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { systemClock } from "../loop/clock.ts";
import { runCommand } from "../renderer/command.ts";
import { Daemon } from "../renderer/daemon.ts";
import { newRenderer } from "../renderer/new-renderer.ts";
import type { Resource } from "../renderer/resource.ts";
import { findResources } from "../renderer/resource-files.ts";
import { mergeSettings, type RendererSettings, readFlags } from "../renderer/settings.ts";
import { fixedKeys, type KeySource } from "../renderer/source.ts";
import { type Control, openControl } from "./control.ts";
import { answers, cutOff, DeadEnds } from "./dead-ends.ts";
import type { OnRouterEvent } from "./events.ts";
import { KeptTables } from "./kept-tables.ts";
import type { Progress } from "./membership.ts";
import { NginxProcess } from "./nginx-process.ts";
import { ensureSelfMadeCertificate } from "./self-made-certificate.ts";
import { Serving } from "./serving.ts";
import { servedReload } from "./structure.ts";

export interface RouterOptions {
  /** Where `conf.d` and `templates` lie. */
  readonly confdir: string;
  /** What else nginx's files depend on, such as its Lua programs. */
  readonly programs: readonly string[];
  /** nginx, by name or path. */
  readonly nginx: string;
  readonly controlSocket: string;
  readonly source: KeySource;
  /** nginx serves all up to here. */
  readonly onProgress: (progress: Progress) => void;
  /** Called when the router is told to stop, before nginx is: nobody shall be sent here any more. */
  readonly leave: () => Promise<void>;
  readonly onEvent: OnRouterEvent;
}

/** Less than the time that the unit has to stop. */
const stopPatienceMs = 25_000;
const answerPatienceMs = 10_000;

export class Router {
  readonly #options: RouterOptions;
  readonly #settings: RendererSettings;
  readonly #control: Control;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#settings = mergeSettings(readFlags(["-watch", `-confdir=${options.confdir}`]), undefined, {});
    this.#control = openControl(options.controlSocket);
  }

  /** Serves until `stop` aborts, then resolves. Rejects with `nginx-ended` when nginx ends by itself. */
  async run(stop: AbortSignal): Promise<void> {
    const { confdir, programs, controlSocket, source, onProgress, onEvent } = this.#options;
    const { resources } = await findResources(confdir, this.#settings);
    const [structure, routes, certs] = ["nginx.conf", "routes.json", "certs.json"].map((name) =>
      destinationOf(resources, name),
    ) as [string, string, string];
    for (const file of [structure, routes, certs, controlSocket])
      await mkdir(dirname(file), { recursive: true });
    await ensureSelfMadeCertificate(dirname(structure));
    const kept = await KeptTables.open(join(dirname(routes), "served"), [confdir, ...programs]);
    let nginx: NginxProcess | undefined;
    let isServed = false;
    const serving = new Serving({
      control: this.#control,
      files: { routes, certs },
      onProgress: (progress) => {
        onProgress(progress);
        if (isServed) return;
        isServed = true;
        kept.served().catch((error: unknown) => onEvent({ kind: "keeping-failed", error }));
      },
      deadEnds: new DeadEnds({ answers, cut: cutOff, onEvent }),
      onEvent,
    });
    const reload = servedReload({
      run: runCommand,
      control: this.#control,
      file: structure,
      isRunning: () => nginx !== undefined && !nginx.isStopping,
      clock: systemClock,
    });
    const over = new AbortController();
    const rendered = new Promise<void>((resolve, reject) => {
      const onSettled = (revision: bigint) => {
        serving.settled(revision);
        resolve();
      };
      const daemon = new Daemon(this.#settings, source, onEvent, { reload, onSettled });
      this.#rendering = daemon.run(over.signal);
      this.#rendering.then(resolve, reject);
    });
    try {
      const isKept = await kept.areUsable();
      if (!isKept) {
        onEvent({ kind: "awaiting-store" });
        await Promise.race([rendered, aborted(stop)]);
        if (stop.aborted) return;
        if (!existsSync(structure)) await this.#renderBaseline(resources, structure, stop);
      }
      nginx = await NginxProcess.start({
        program: this.#options.nginx,
        configuration: structure,
        controlSocket,
      });
      onEvent({ kind: "nginx-started", pid: nginx.pid, tables: isKept ? "kept" : "fresh" });
      const ended = nginx.ended.then(async (how) => {
        if (nginx?.isStopping) return;
        onEvent({ kind: "nginx-ended", how });
        if (!isServed) await kept.forget();
        throw new PlatformError("nginx-ended", `nginx has ended: ${how}`, {
          hint: "Its own lines before this one say why",
        });
      });
      const work = this.#answering(over.signal).then(() => serving.run(over.signal));
      await Promise.race([ended, aborted(stop), work.then(() => aborted(stop))]);
      await this.#options.leave();
      over.abort();
      await nginx.stop(stopPatienceMs);
      await work.catch(() => undefined);
    } finally {
      over.abort();
      await this.#rendering;
    }
  }

  #rendering: Promise<void> = Promise.resolve();

  /** Resolves once nginx answers, or it is no use to wait longer. */
  async #answering(signal: AbortSignal): Promise<void> {
    const ends = systemClock.monotonic() + answerPatienceMs;
    while (systemClock.monotonic() < ends && !signal.aborted) {
      if (await this.#control.state(signal).catch(() => undefined)) return;
      await systemClock.sleep(20, signal).catch(() => undefined);
    }
  }

  /** Renders nginx's structure as if no key were set: that of the real keys was refused, and one bad setting shall not keep it from starting. */
  async #renderBaseline(
    resources: readonly Resource[],
    structure: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { onEvent } = this.#options;
    onEvent({ kind: "baseline", dest: structure });
    const renderer = newRenderer({ ...this.#settings, mode: "once" }, onEvent, () => undefined, {
      reload: async () => ({ output: "", failure: undefined, durationMs: 0 }),
    });
    renderer.setResources(resources.filter(({ dest }) => dest === structure));
    const [failure] = await renderer.pass(fixedKeys(new Map()), signal);
    if (failure !== undefined) throw failure;
  }
}

function destinationOf(resources: readonly Resource[], name: string): string {
  const found = resources.find(({ dest }) => basename(dest) === name);
  if (found !== undefined) return found.dest;
  throw new PlatformError("router-incomplete", `No resource makes ${name}`, {
    hint: "Name the directory of the router's own resources with --confdir",
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
