/**
 * Reload commands: each distinct one runs once for all resources that wait for it, never twice at a time, at the pace of `pace.ts`.
 *
 * If it fails, every file that it was to make known goes back to what it was when the command last succeeded, the command runs once more
 * so that the service and its files agree, and the resources are tried again later.
 */
import type { PlatformError } from "../cluster/errors.ts";
import type { Clock } from "../loop/clock.ts";
import type { RunCommand } from "./command.ts";
import type { Tell } from "./events.ts";
import type { ManagedResource } from "./managed-resource.ts";
import { Pace, paceOf, usualPace } from "./pace.ts";
import { restore } from "./swap.ts";

export interface ReloadOptions {
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly tell: Tell;
  /** Whether files go back when a reload fails. */
  readonly restore: boolean;
  /** Called when a reload has ended and its resources may be rendered again. */
  readonly onEnd: () => void;
}

interface Waiting {
  readonly member: ManagedResource;
  /** The revision its file was made from. */
  readonly revision: bigint;
  /** Where its file was written. */
  readonly path: string;
}

interface Group {
  readonly pace: Pace;
  waiting: Map<ManagedResource, Waiting>;
  running: Promise<PlatformError | undefined> | undefined;
}

const unending = new AbortController().signal;

export class Reloads {
  readonly #options: ReloadOptions;
  readonly #groups = new Map<string, Group>();

  constructor(options: ReloadOptions) {
    this.#options = options;
  }

  /** The file of `member` at `path` was replaced: `command` is to run. */
  request(command: string, member: ManagedResource, path: string): void {
    const { reloadIntervalMs } = member.resource;
    let group = this.#groups.get(command);
    if (group === undefined) {
      const pace = new Pace(reloadIntervalMs === undefined ? usualPace : paceOf(reloadIntervalMs));
      group = { pace, waiting: new Map(), running: undefined };
      this.#groups.set(command, group);
    }
    member.reloadOwed = false;
    group.waiting.set(member, { member, revision: member.placed, path });
    group.pace.request(this.#options.clock.monotonic());
  }

  /** The next time at which a reload is due; undefined if none waits, or only for one that runs. */
  get dueAt(): number | undefined {
    const times = [...this.#groups.values()].flatMap(({ pace, running }) => {
      return pace.dueAt === undefined || running !== undefined ? [] : [pace.dueAt];
    });
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** True if a reload for this resource waits for its time or runs. */
  concerns(member: ManagedResource): boolean {
    return member.busy || [...this.#groups.values()].some(({ waiting }) => waiting.has(member));
  }

  /** Commands that wait for their time or run. */
  get pending(): number {
    return [...this.#groups.values()].filter(({ waiting, running }) => waiting.size > 0 || running).length;
  }

  /** Starts what is due, without waiting for it. What runs is never cut short but by its own time: half a reload is worse than a late stop. */
  startDue(): void {
    const now = this.#options.clock.monotonic();
    for (const [command, group] of this.#groups) {
      if (group.running === undefined && (group.pace.dueAt ?? Number.POSITIVE_INFINITY) <= now) {
        void this.#start(command, group, unending);
      }
    }
  }

  /** Runs all that waits, one after the other, whatever the pace. Resolves to the failures. */
  async flush(signal: AbortSignal): Promise<readonly PlatformError[]> {
    const failures: PlatformError[] = [];
    for (const [command, group] of this.#groups) {
      await group.running;
      if (group.waiting.size === 0) continue;
      const failure = await this.#start(command, group, signal);
      if (failure) failures.push(failure);
    }
    return failures;
  }

  #start(command: string, group: Group, signal: AbortSignal): Promise<PlatformError | undefined> {
    const waiting = [...group.waiting.values()];
    group.waiting = new Map();
    group.pace.begin(this.#options.clock.monotonic());
    for (const { member } of waiting) member.busy = true;
    const running = this.#reload(command, waiting, signal).finally(() => {
      group.pace.end(this.#options.clock.monotonic());
      group.running = undefined;
      for (const { member } of waiting) member.busy = false;
      this.#options.onEnd();
    });
    group.running = running;
    return running;
  }

  async #reload(
    command: string,
    waiting: readonly Waiting[],
    signal: AbortSignal,
  ): Promise<PlatformError | undefined> {
    const { tell, clock } = this.#options;
    const dests = waiting.map(({ member }) => member.resource.dest);
    const { failure, durationMs } = await this.#run(command, waiting, signal);
    if (failure === undefined) {
      for (const { member, revision } of waiting) {
        member.lastGood = undefined;
        member.succeeded();
        if (revision > member.settled) member.settled = revision;
      }
      tell({ kind: "reloaded", command, dests, durationMs });
      return undefined;
    }
    tell({ kind: "reload-failed", command, dests, error: failure });
    let restored = 0;
    for (const { member, path } of waiting) {
      if (this.#options.restore && (await this.#restore(member, path))) restored += 1;
      else member.reloadOwed = true;
      tell({ kind: "retry", dest: member.resource.dest, inMs: member.retryLater(clock.monotonic()) });
    }
    if (restored > 0) await this.#run(command, waiting, signal);
    return failure;
  }

  async #run(command: string, waiting: readonly Waiting[], signal: AbortSignal) {
    const { tell } = this.#options;
    const timeoutMs = Math.max(...waiting.map(({ member }) => member.resource.reloadTimeoutMs));
    const outcome = await this.#options.run(command, timeoutMs, signal);
    const { output, durationMs, failure } = outcome;
    if (failure) tell({ kind: "command-failed", command, output, error: failure });
    else tell({ kind: "command-done", command, output, durationMs });
    return outcome;
  }

  /** Puts the last good file back. False if there was none, or it cannot be. */
  async #restore(member: ManagedResource, path: string): Promise<boolean> {
    const { lastGood, resource } = member;
    if (!lastGood) return false;
    try {
      await restore(path, lastGood);
      member.lastGood = undefined;
      this.#options.tell({ kind: "restored", dest: resource.dest });
      return true;
    } catch (error) {
      this.#options.tell({ kind: "restore-failed", dest: resource.dest, error });
      return false;
    }
  }
}
