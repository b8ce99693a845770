/** One resource at work: its keys, its compiled template, what its last render read, and whether it must be rendered again. */
import { describeError, PlatformError } from "../cluster/errors.ts";
import { Backoff } from "../loop/backoff.ts";
import type { AskedStore, World } from "./functions/index.ts";
import { confdFunctions } from "./functions/index.ts";
import { GoTemplateError } from "./gotmpl/index.ts";
import type { SelectedKeys } from "./key-selection.ts";
import { Reads } from "./reads.ts";
import type { Resource } from "./resource.ts";
import type { Change } from "./store-index.ts";
import type { FileImage } from "./swap.ts";
import { TemplateFile } from "./template-file.ts";

/** The world outside the store, with answers that take time. */
export interface AnsweringWorld extends World {
  /** Finds what was asked in vain; resolves to false if nothing was. */
  answer(): Promise<boolean>;
  forget(): void;
}

/** Answers lead to questions: a template that never stops asking is ended. */
const mostRounds = 10;

export class ManagedResource {
  readonly resource: Resource;
  readonly keys: SelectedKeys;
  readonly #template: TemplateFile;
  readonly #world: AnsweringWorld;
  readonly #backoff = new Backoff({ initialMs: 1_000, maxMs: 60_000 });
  #asked: AskedStore;
  /** True if it must be rendered: something it read has changed, or it never was. */
  dirty = true;
  /** True while a check or a reload of it is under way: it is then left alone. */
  busy = false;
  /** When what failed is tried again, in ms of the renderer's clock. */
  retryAt: number | undefined;
  /** What stood at the destination when its reload command last succeeded, kept until it succeeds again. Null: nothing. */
  lastGood: FileImage | null | undefined;
  /** True if its file is in place, but the reload command that was to make it known has failed. */
  reloadOwed = false;
  /** True from a failure to the next success. */
  failing = false;
  /** The revision whose keys its file was last made from and put in place for, whether or not it is made known yet. */
  placed = -1n;
  /** The revision up to which its file is what the keys ask for, put in place and made known. */
  settled = -1n;

  constructor(resource: Resource, keys: SelectedKeys, world: AnsweringWorld) {
    this.resource = resource;
    this.keys = keys;
    this.#world = world;
    this.#asked = { index: keys.index, reads: new Reads(), missingKey: resource.missingKey };
    this.#template = new TemplateFile(
      resource.src,
      confdFunctions(() => this.#asked, world),
    );
  }

  /** Takes note of a change of one of its keys. */
  keyChanged(name: string, change: Change): void {
    if (!this.dirty && this.#asked.reads.touchedBy(name, change)) this.dirty = true;
  }

  /** Looks whether its template was edited. */
  async refreshTemplate(): Promise<void> {
    if (await this.#template.refresh()) this.dirty = true;
  }

  /** Reads the template and nothing else. Rejects with `template-missing` or `template-invalid`. */
  async compile(): Promise<void> {
    await this.#template.refresh();
    void this.#template.template;
  }

  /** Renders it. Rejects with `template-missing`, `template-invalid` or `render-failed`. */
  async render(): Promise<Buffer> {
    await this.#template.refresh();
    this.#asked = { ...this.#asked, reads: new Reads() };
    const { template } = this.#template;
    for (let round = 1; ; round += 1) {
      let output: string | undefined;
      let failure: unknown;
      try {
        output = template.execute();
      } catch (error) {
        failure = error;
      }
      const again = await this.#world.answer();
      if (again && round < mostRounds) continue;
      if (output !== undefined) return Buffer.from(output, "latin1");
      throw new PlatformError("render-failed", wordsOf(failure));
    }
  }

  /** Plans another try after a failure; returns in how many ms. */
  retryLater(now: number): number {
    const inMs = this.#backoff.next();
    this.retryAt = now + inMs;
    this.failing = true;
    return inMs;
  }

  succeeded(): void {
    this.#backoff.reset();
    this.retryAt = undefined;
    this.failing = false;
  }
}

/** Go's sentence ends with what the function said, which is also the error's cause: it is told once. */
function wordsOf(failure: unknown): string {
  return failure instanceof GoTemplateError ? failure.message : describeError(failure);
}
