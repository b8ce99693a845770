/**
 * The renderer's pass: look what changed, render the resources that read it, check them all, put them all in place, reload.
 *
 * - A resource whose last render read nothing that changed is not rendered. One that comes out as it was touches nothing.
 * - No resource is put in place before all of the pass are checked, but nobody waits for a check longer than a second.
 * - One that fails keeps its file, blocks no other, and is tried again: at once when what it read changes, else with backoff.
 */

import { rm } from "node:fs/promises";
import { hasCode, PlatformError } from "../cluster/errors.ts";
import type { Clock } from "../loop/clock.ts";
import { groupNumber, userNumber } from "./accounts.ts";
import type { RunCommand } from "./command.ts";
import { expandCommand } from "./command-template.ts";
import type { Tell } from "./events.ts";
import { mergeKeys, SelectedKeys } from "./key-selection.ts";
import { type AnsweringWorld, ManagedResource } from "./managed-resource.ts";
import { Reloads } from "./reloads.ts";
import { modeOf, type Resource } from "./resource.ts";
import type { LiveKeys } from "./source.ts";
import { differences, type FileImage, readImage, replace, resolveDest, stage } from "./swap.ts";

export interface RendererOptions {
  readonly world: AnsweringWorld;
  /** Runs checks, and reloads unless `reload` does. */
  readonly run: RunCommand;
  readonly reload?: RunCommand | undefined;
  readonly clock: Clock;
  readonly tell: Tell;
  /** Change nothing, only tell what would be changed. */
  readonly noop: boolean;
  /** Neither check nor reload. */
  readonly syncOnly: boolean;
  readonly keepStageFile: boolean;
  /** One pass and out, as `-onetime`: checks and reloads one after the other, all awaited; a failed reload leaves the new file, as in confd. */
  readonly once: boolean;
  /** Rings for another pass. */
  readonly ring: () => void;
  /**
   * Called after a pass when the keys up to `revision` are in place and made known, once for each such revision. It is the last one that
   * changed a selected key. A resource that fails holds it up no longer than it takes to fail.
   */
  readonly onSettled?: ((revision: bigint) => void) | undefined;
  /** The user and group that files belong to unless a resource says otherwise, and whether this process may give files away. */
  readonly identity: { readonly uid: number; readonly gid: number; readonly mayGiveAway: boolean };
}

/** A rendered file that is not yet in its place. */
interface Proposal {
  readonly member: ManagedResource;
  /** The revision it was rendered from. */
  readonly heard: bigint;
  /** Where it goes: the destination, or what a link there points to. */
  readonly path: string;
  readonly found: FileImage | undefined;
  readonly wanted: FileImage;
}

/** How long the other resources of a pass wait for a slow check. */
const checkPatienceMs = 1_000;

export class Renderer {
  readonly #options: RendererOptions;
  readonly #reloads: Reloads;
  #members: readonly ManagedResource[] = [];
  /** The view that each set of keys was last filled from. */
  readonly #filled = new Map<SelectedKeys, LiveKeys>();
  #templatesInDoubt = false;
  readonly #late = new Set<Promise<void>>();
  /** The last revision that changed a selected key. */
  #heard = -1n;
  #settled = -1n;

  constructor(options: RendererOptions) {
    this.#options = options;
    this.#reloads = new Reloads({
      run: options.reload ?? options.run,
      clock: options.clock,
      tell: options.tell,
      restore: !options.once,
      onEnd: options.ring,
    });
  }

  /** The keys that the present resources need, none below another. */
  get keys(): readonly string[] {
    return mergeKeys(this.#members.flatMap(({ keys }) => keys.selection.keys));
  }

  get size(): number {
    return this.#members.length;
  }

  get pendingReloads(): number {
    return this.#reloads.pending;
  }

  /** Milliseconds until a pass is due without anyone ringing, or undefined. */
  get dueInMs(): number | undefined {
    const times = this.#members.flatMap(({ retryAt, busy }) =>
      retryAt === undefined || busy ? [] : [retryAt],
    );
    const reload = this.#reloads.dueAt;
    if (reload !== undefined) times.push(reload);
    if (times.length === 0) return undefined;
    return Math.max(0, Math.min(...times) - this.#options.clock.monotonic());
  }

  /** Works on these resources from now on. One that is as it was keeps its state. Returns how many are new or other than before. */
  setResources(resources: readonly Resource[]): number {
    const known = new Map(this.#members.map((member) => [fingerprint(member.resource), member]));
    const sets = new Map([...this.#filled.keys()].map((keys) => [JSON.stringify(keys.selection), keys]));
    let changed = 0;
    this.#members = resources.map((resource) => {
      const same = known.get(fingerprint(resource));
      if (same) return same;
      changed += 1;
      const name = JSON.stringify(resource.selection);
      const keys = sets.get(name) ?? new SelectedKeys(resource.selection);
      sets.set(name, keys);
      return new ManagedResource(resource, keys, this.#options.world);
    });
    const used = new Set(this.#members.map(({ keys }) => keys));
    for (const keys of this.#filled.keys()) if (!used.has(keys)) this.#filled.delete(keys);
    return changed;
  }

  /** The present resources, by the file that defines each. */
  resourceOf(file: string): Resource | undefined {
    return this.#members.find(({ resource }) => resource.file === file)?.resource;
  }

  /** Templates may have been edited: the next pass looks. */
  doubtTemplates(): void {
    this.#templatesInDoubt = true;
  }

  /** Every file may be other than it was left: the next pass compares them all. */
  doubtAll(): void {
    for (const member of this.#members) member.dirty = true;
  }

  /** One round on what `view` shows. Resolves to what failed, in the order of the resources. */
  async pass(view: LiveKeys, signal: AbortSignal): Promise<readonly unknown[]> {
    const { clock, tell, once, world } = this.#options;
    const began = clock.monotonic();
    const { revision } = view;
    this.#absorb(view);
    if (this.#templatesInDoubt) {
      this.#templatesInDoubt = false;
      await Promise.all(this.#members.map((member) => member.refreshTemplate()));
    }
    const due = this.#members.filter((member) => isDue(member, began));
    const failures: unknown[] = [];
    const proposals: Proposal[] = [];
    if (due.length > 0) world.forget();
    for (const member of due) {
      signal.throwIfAborted();
      const proposal = await this.#propose(member, failures);
      if (proposal) proposals.push(proposal);
    }
    await this.#apply(proposals, revision, failures, signal);
    if (once) failures.push(...(await this.#reloads.flush(signal)));
    else this.#reloads.startDue();
    this.#settle();
    if (due.length > 0) {
      tell({ kind: "pass-done", durationMs: clock.monotonic() - began, rendered: due.length, revision });
    }
    return failures;
  }

  /** Ends what is under way; reloads that still wait run now, for their files are in place. */
  async close(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#late);
    await this.#reloads.flush(signal);
  }

  /** Notes for each resource what it is up to date with, and tells how far all are. */
  #settle(): void {
    const awaited = this.#members.filter((member) => !member.failing || this.#reloads.concerns(member));
    for (const member of awaited) {
      if (!member.dirty && !this.#reloads.concerns(member)) member.settled = this.#heard;
    }
    const [settled] = awaited.map((member) => member.settled).sort((one, other) => (one < other ? -1 : 1));
    if (settled === undefined || settled <= this.#settled) return;
    this.#settled = settled;
    this.#options.onSettled?.(settled);
  }

  /** Brings every set of keys up to date and marks the resources that read what changed. */
  #absorb(view: LiveKeys): void {
    const changed = [...view.takeChanges()];
    for (const keys of new Set(this.#members.map((member) => member.keys))) {
      const members = this.#members.filter((member) => member.keys === keys);
      const take = (key: string) => {
        const update = keys.update(key, view.get(key), view.reach);
        if (update === undefined) return;
        this.#heard = view.revision;
        if (update.change === "none") return;
        for (const member of members) member.keyChanged(update.name, update.change);
      };
      if (this.#filled.get(keys) === view) {
        for (const key of changed) take(key);
        continue;
      }
      for (const key of [...keys.storeKeys()]) take(key);
      for (const key of view.keys()) take(key);
      this.#heard = view.revision;
      this.#filled.set(keys, view);
    }
  }

  /** Renders one resource; undefined if it failed or nothing is to be done. */
  async #propose(member: ManagedResource, failures: unknown[]): Promise<Proposal | undefined> {
    const { clock, tell } = this.#options;
    const { dest } = member.resource;
    member.dirty = false;
    member.retryAt = undefined;
    const began = clock.monotonic();
    let bytes: Buffer;
    try {
      bytes = await member.render();
    } catch (error) {
      // Only an edit or a change of what it read can help, and both are noticed.
      failures.push(error);
      member.failing = true;
      tell({ kind: "render-failed", dest, error });
      return undefined;
    }
    tell({ kind: "rendered", dest, durationMs: clock.monotonic() - began, bytes: bytes.length });
    try {
      if (dest === "") {
        throw new PlatformError("resource-invalid", `${member.resource.file}: dest is not set`, {
          hint: "Set dest to the path of the file to be written",
        });
      }
      const path = await resolveDest(dest, member.resource.keepSymlink);
      const found = await readImage(path);
      const wanted = await this.#imageOf(member.resource, bytes, found);
      const sentences = differences(dest, found, wanted);
      if (sentences.length === 0) {
        tell({ kind: "in-sync", dest });
        if (this.#options.keepStageFile) tell({ kind: "stage-kept", path: await stage(path, wanted) });
        member.placed = this.#heard;
        if (member.reloadOwed)
          this.#reloads.request(this.#reloadCommand(member.resource, path), member, path);
        else member.succeeded();
        return undefined;
      }
      tell({ kind: "out-of-sync", dest, differences: sentences, found, wanted });
      return { member, heard: this.#heard, path, found, wanted };
    } catch (error) {
      this.#fail(member, error, "swap-failed", failures);
      return undefined;
    }
  }

  async #imageOf(resource: Resource, bytes: Buffer, found: FileImage | undefined): Promise<FileImage> {
    const { uid, gid, mayGiveAway } = this.#options.identity;
    const { dest, owner, group } = resource;
    const mode = modeOf(resource) ?? found?.mode ?? 0o644;
    if (!mayGiveAway) return { bytes, mode, uid, gid };
    return {
      bytes,
      mode,
      uid: (await this.#account(userNumber, owner, dest)) ?? resource.uid ?? uid,
      gid: (await this.#account(groupNumber, group, dest)) ?? resource.gid ?? gid,
    };
  }

  /** The number of an account; undefined, with a warning, of one that this machine does not know: confd takes no names and renders. */
  async #account(
    numberOf: (account: string | number) => Promise<number>,
    account: string | number | undefined,
    dest: string,
  ): Promise<number | undefined> {
    if (account === undefined) return undefined;
    try {
      return await numberOf(account);
    } catch (error) {
      if (!hasCode(error, "account-unknown")) throw error;
      this.#options.tell({ kind: "account-unknown", dest, error });
      return undefined;
    }
  }

  /** Stages and checks all, then puts in place those that passed. */
  async #apply(
    proposals: readonly Proposal[],
    revision: bigint,
    failures: unknown[],
    signal: AbortSignal,
  ): Promise<void> {
    const { tell, noop, once, keepStageFile } = this.#options;
    if (noop) {
      for (const { member, path, wanted } of proposals) {
        if (keepStageFile) tell({ kind: "stage-kept", path: await stage(path, wanted) });
        tell({ kind: "left-alone", dest: member.resource.dest });
      }
      return;
    }
    const checked = new Map<Proposal, string>();
    const prepare = async (proposal: Proposal): Promise<void> => {
      const staged = await this.#prepare(proposal, failures, signal);
      if (staged !== undefined) checked.set(proposal, staged);
    };
    if (once) for (const proposal of proposals) await prepare(proposal);
    else await this.#withPatience(proposals, prepare, checked, revision);
    // Those that are late enter the map while this goes on, and are put in place elsewhere.
    for (const [proposal, staged] of [...checked]) await this.#place(proposal, staged, revision, failures);
  }

  /** Prepares all at once and returns when all are, or patience is over; who is late is put in place on its own. */
  async #withPatience(
    proposals: readonly Proposal[],
    prepare: (proposal: Proposal) => Promise<void>,
    checked: Map<Proposal, string>,
    revision: bigint,
  ): Promise<void> {
    const { clock, tell, ring } = this.#options;
    const over = new AbortController();
    const waiting = new Set(proposals);
    const all = proposals.map(async (proposal) => {
      await prepare(proposal);
      if (waiting.delete(proposal)) return;
      const staged = checked.get(proposal);
      if (staged !== undefined) await this.#place(proposal, staged, revision, []);
      proposal.member.busy = false;
      ring();
    });
    const patience = clock.sleep(checkPatienceMs, over.signal).catch(() => undefined);
    await Promise.race([Promise.all(all), patience]);
    over.abort();
    for (const proposal of waiting) {
      waiting.delete(proposal);
      proposal.member.busy = true;
      tell({ kind: "check-slow", dest: proposal.member.resource.dest, patienceMs: checkPatienceMs });
      const late = all[proposals.indexOf(proposal)];
      if (late) this.#late.add(late.finally(() => this.#late.delete(late)));
    }
  }

  /** Writes the file beside its place and checks it there. Resolves to its path, or to undefined if it failed. */
  async #prepare(proposal: Proposal, failures: unknown[], signal: AbortSignal): Promise<string | undefined> {
    const { member, path, wanted } = proposal;
    const { checkCmd } = member.resource;
    const { syncOnly } = this.#options;
    let staged: string;
    try {
      staged = await stage(path, wanted);
    } catch (error) {
      this.#fail(member, error, "swap-failed", failures);
      return undefined;
    }
    if (syncOnly || checkCmd === "") return staged;
    try {
      await this.#check(expandCommand("checkcmd", checkCmd, { src: staged }), member, signal);
      return staged;
    } catch (error) {
      const failure = new PlatformError("check-failed", "Config check failed", {
        cause: error,
        retryable: true,
      });
      await this.#discard(staged);
      this.#fail(member, failure, "check-failed", failures);
      return undefined;
    }
  }

  async #check(command: string, member: ManagedResource, signal: AbortSignal): Promise<void> {
    const { run, tell } = this.#options;
    const { output, durationMs, failure } = await run(command, member.resource.checkTimeoutMs, signal);
    if (failure === undefined) return tell({ kind: "command-done", command, output, durationMs });
    tell({ kind: "command-failed", command, output, error: failure });
    throw failure;
  }

  async #place(proposal: Proposal, staged: string, revision: bigint, failures: unknown[]): Promise<void> {
    const { member, path, found, wanted } = proposal;
    const { tell } = this.#options;
    const { dest } = member.resource;
    try {
      const command = this.#reloadCommand(member.resource, path);
      if (!(await replace(staged, path, wanted))) tell({ kind: "overwritten", dest });
      tell({ kind: "updated", dest, revision });
      member.placed = proposal.heard;
      if (command === "") return member.succeeded();
      if (member.lastGood === undefined) member.lastGood = found ?? null;
      this.#reloads.request(command, member, path);
    } catch (error) {
      await this.#discard(staged);
      this.#fail(member, error, "swap-failed", failures);
    }
  }

  /** What is to run for this resource; empty for nothing. Its `src` is the rendered file, which is at its place by then. */
  #reloadCommand({ reloadCmd, reloadTemplate, dest }: Resource, path: string): string {
    if (this.#options.syncOnly) return "";
    return reloadTemplate ? expandCommand("reloadcmd", reloadCmd, { src: path, dest }) : reloadCmd;
  }

  async #discard(staged: string): Promise<void> {
    if (this.#options.keepStageFile) this.#options.tell({ kind: "stage-kept", path: staged });
    else await rm(staged, { force: true });
  }

  #fail(
    member: ManagedResource,
    error: unknown,
    kind: "swap-failed" | "check-failed",
    failures: unknown[],
  ): void {
    const { tell, once, clock } = this.#options;
    const { dest } = member.resource;
    failures.push(error);
    tell({ kind, dest, error });
    if (!once) tell({ kind: "retry", dest, inMs: member.retryLater(clock.monotonic()) });
  }
}

function isDue(member: ManagedResource, now: number): boolean {
  return !member.busy && (member.dirty || (member.retryAt !== undefined && member.retryAt <= now));
}

function fingerprint(resource: Resource): string {
  return JSON.stringify(resource);
}
