/** The renderer that stays: what it follows, when it looks at its files again, and what wakes it. */
import { systemClock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import type { Tell } from "./events.ts";
import type { State } from "./metrics.ts";
import { newRenderer, type RendererHooks } from "./new-renderer.ts";
import type { Renderer } from "./renderer.ts";
import { findResources } from "./resource-files.ts";
import type { RendererSettings } from "./settings.ts";
import type { KeySource, LiveKeys } from "./source.ts";
import { FileWatch } from "./watch-files.ts";

/** Runs until told to stop: passes after changes with -watch, every interval without; in both a regular look at all files. */
export class Daemon {
  readonly #settings: RendererSettings;
  readonly #source: KeySource;
  readonly #tell: Tell;
  readonly #renderer: Renderer;
  readonly #loop: ControlLoop;
  readonly #watch: FileWatch;
  #view: LiveKeys | undefined;
  #viewKeys = "";
  #filesInDoubt = true;
  /** True until the keys were read once in this interval. */
  #readDue = true;
  #alarm: NodeJS.Timeout | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: RendererSettings, source: KeySource, tell: Tell, hooks?: RendererHooks) {
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
    this.#renderer = newRenderer(settings, tell, () => this.#loop.ring(), hooks);
    this.#watch = new FileWatch(settings.confdir, () => this.reload());
  }

  /** Looks at all files again, and puts right those that others changed. */
  lookAtAll(): void {
    this.#renderer.doubtAll();
    this.reload();
  }

  /** Looks at the resources and templates again. */
  reload(): void {
    this.#filesInDoubt = true;
    this.#loop.ring();
  }

  get state(): State {
    const { size: resources, pendingReloads } = this.#renderer;
    return { resources, pendingReloads, revision: this.#view?.revision ?? 0n };
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
    const { intervalSeconds } = this.#settings;
    const now = systemClock.monotonic();
    const regular = now - this.#lookedAt >= intervalSeconds * 1_000 - 5;
    if (regular) {
      this.#lookedAt = now;
      this.#readDue = true;
      this.#filesInDoubt = true;
      this.#renderer.doubtAll();
    }
    if (this.#filesInDoubt) {
      this.#filesInDoubt = false;
      await this.#lookAtFiles();
    }
    const view = await this.#keys(signal);
    if (view?.synced) await this.#renderer.pass(view, signal);
    this.#setAlarm(this.#lookedAt + intervalSeconds * 1_000);
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
  async #keys(signal: AbortSignal): Promise<LiveKeys | undefined> {
    const { keys } = this.#renderer;
    const wanted = JSON.stringify(keys);
    if (this.#settings.mode === "interval") {
      if (this.#readDue || wanted !== this.#viewKeys) this.#view = await this.#source.read(keys, signal);
      this.#readDue = false;
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
