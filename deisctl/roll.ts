/**
 * Carries a rolling change out: takes up members as `rolling.ts` allows, and stops for good at the first that fails or is not ready in
 * time. What was begun goes on in the cluster; nothing more is touched.
 */
import { hasCode } from "../cluster/errors.ts";
import type { ClusterStore, UnitEdit } from "../cluster/ports.ts";
import { isReady } from "../cluster/unit-state.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import type { ChangeMirror } from "./change-units.ts";
import type { Patience } from "./patience.ts";
import { type Member, nextMembers } from "./rolling.ts";
import { UnitViews } from "./unit-views.ts";
import { judge, type UnitView, type Verdict } from "./wait.ts";

/** As with `await-units.ts`: Docker calls a container running before its command can fail. */
const proofMs = 200;
/** How long an older "cannot be placed" may take to be withdrawn before it is believed. */
const settleMs = 600;

export interface RollMember extends Member {
  readonly patience: Patience;
}

export interface RollRequest {
  readonly members: readonly RollMember[];
  readonly maxUnavailable: number;
  readonly minReadyMs: number;
  /** The edits that change these members; called once for each, right before they are written. */
  readonly editsFor: (members: readonly Member[]) => readonly UnitEdit[];
  readonly onTaken: (member: Member, position: number) => void;
  readonly onDone: (member: Member, machines: readonly string[]) => void;
  readonly clock?: Clock;
}

export type RollEnd =
  | { readonly kind: "done" }
  | {
      readonly kind: "stopped";
      readonly member: Member;
      readonly cause: Exclude<Verdict, { kind: "done" }>;
    }
  | { readonly kind: "interrupted" };

export interface RollResult {
  readonly end: RollEnd;
  readonly done: readonly Member[];
  /** Taken up and not done: the one that failed, and what was under way beside it. */
  readonly begun: readonly Member[];
  readonly left: readonly Member[];
}

/** Resolves at the end, whatever it is; rejects only if the store fails. */
export async function roll(
  store: ClusterStore,
  mirror: ChangeMirror,
  request: RollRequest,
  signal: AbortSignal,
): Promise<RollResult> {
  return await new Roll(store, mirror, request, signal).run();
}

interface Progress {
  readonly member: RollMember;
  stage: "left" | "under-way" | "done";
  takenAt: number;
  /** The store's revision after the member's edit. */
  revision: bigint;
  /** Since when it has been ready without a break. */
  readySince: number | undefined;
}

class Roll {
  readonly #store: ClusterStore;
  readonly #mirror: ChangeMirror;
  readonly #request: RollRequest;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #views: UnitViews;
  readonly #members: Progress[];
  /** Since when nothing has been under way though members are left. */
  #blockedSince: number | undefined;

  constructor(store: ClusterStore, mirror: ChangeMirror, request: RollRequest, signal: AbortSignal) {
    this.#store = store;
    this.#mirror = mirror;
    this.#request = request;
    this.#signal = signal;
    this.#clock = request.clock ?? systemClock;
    this.#views = new UnitViews(
      mirror,
      request.members.map(({ unit }) => unit),
    );
    this.#members = request.members.map((member) => ({
      member,
      stage: "left",
      takenAt: 0,
      revision: 0n,
      readySince: undefined,
    }));
  }

  async run(): Promise<RollResult> {
    let changed: () => void = () => undefined;
    const off = this.#mirror.onChange(() => changed());
    try {
      for (;;) {
        const bell = new Promise<void>((resolve) => (changed = resolve));
        if (this.#signal.aborted) return this.#result({ kind: "interrupted" });
        this.#views.refresh();
        const end = this.#look() ?? (await this.#takeUp());
        if (end) return this.#result(end);
        const over = new AbortController();
        const alarm = this.#clock.sleep(this.#alarmMs(), AbortSignal.any([this.#signal, over.signal]));
        await Promise.race([bell, alarm.catch(() => undefined)]);
        over.abort();
      }
    } finally {
      off();
    }
  }

  /** Judges what is under way. */
  #look(): RollEnd | undefined {
    const now = this.#clock.monotonic();
    for (const progress of this.#members) {
      if (progress.stage !== "under-way" || this.#mirror.revision < progress.revision) continue;
      const { member, takenAt } = progress;
      const view = this.#viewOf(member);
      if (member.machine !== undefined && view.copies.length === 0) {
        // Its machine has left, or it has left its machine: nothing is to be waited for.
        this.#finish(progress, []);
        continue;
      }
      const verdict = judge(view, { goal: "ready", settled: now - takenAt >= settleMs });
      if (verdict.kind === "done") {
        progress.readySince ??= now;
        if (now - progress.readySince >= this.#proofMs(view)) this.#finish(progress, verdict.machines);
        continue;
      }
      progress.readySince = undefined;
      if (verdict.kind !== "waiting") return { kind: "stopped", member, cause: verdict };
      const { totalMs, placingMs } = member.patience;
      const patienceMs = verdict.machine === undefined ? Math.min(placingMs, totalMs) : totalMs;
      if (now - takenAt >= patienceMs) return { kind: "stopped", member, cause: verdict };
    }
    return this.#members.every(({ stage }) => stage === "done") ? { kind: "done" } : undefined;
  }

  #finish(progress: Progress, machines: readonly string[]): void {
    progress.stage = "done";
    this.#request.onDone(progress.member, machines);
  }

  /** Takes up as many as may be. */
  async #takeUp(): Promise<RollEnd | undefined> {
    const standings = this.#members.map(({ member, stage }) => ({ stage, ready: this.#isReady(member) }));
    const chosen = nextMembers(standings, this.#request.maxUnavailable).flatMap(
      (at) => this.#members[at] ?? [],
    );
    const now = this.#clock.monotonic();
    if (chosen.length === 0) return this.#blocked(now);
    this.#blockedSince = undefined;
    const edits = this.#request.editsFor(chosen.map(({ member }) => member));
    let revision = this.#mirror.revision;
    try {
      if (edits.length > 0) revision = await this.#store.edit(edits, this.#signal);
    } catch (error) {
      if (this.#signal.aborted) return { kind: "interrupted" };
      const [first] = chosen;
      if (!first || !(hasCode(error, "unit-changed") || hasCode(error, "unit-not-found"))) throw error;
      return { kind: "stopped", member: first.member, cause: { kind: "failed", reason: error.message } };
    }
    for (const progress of chosen) {
      Object.assign(progress, { stage: "under-way", takenAt: now, revision });
      this.#request.onTaken(progress.member, this.#members.indexOf(progress));
    }
    // Where nothing had to be written no change will ring.
    return edits.length === 0 ? this.#look() : undefined;
  }

  /** Nothing is under way and nothing may begin: too many of those that were done are not ready any more. */
  #blocked(now: number): RollEnd | undefined {
    if (this.#members.some(({ stage }) => stage === "under-way")) return undefined;
    this.#blockedSince ??= now;
    const culprit = this.#members.find(({ member, stage }) => stage === "done" && !this.#isReady(member));
    if (!culprit || now - this.#blockedSince < culprit.member.patience.totalMs) return undefined;
    const { member } = culprit;
    const verdict = judge(this.#viewOf(member), { goal: "ready", settled: true });
    const unsteady = { kind: "waiting", missing: "it to stay ready" } as const;
    return { kind: "stopped", member, cause: verdict.kind === "done" ? unsteady : verdict };
  }

  #viewOf({ unit, machine }: Member): UnitView {
    const view = this.#views.view(unit);
    if (machine === undefined) return view;
    return { ...view, copies: view.copies.filter((copy) => copy.machine === machine) };
  }

  #isReady(member: Member): boolean {
    const { copies } = this.#viewOf(member);
    return copies.length > 0 && copies.every(({ state }) => state !== undefined && isReady(state));
  }

  #proofMs(view: UnitView): number {
    const container = view.copies.some(({ state }) => state?.containerId !== undefined);
    return Math.max(this.#request.minReadyMs, container ? proofMs : 0);
  }

  /** When to look again though nothing changes. */
  #alarmMs(): number {
    const now = this.#clock.monotonic();
    const due = this.#members
      .filter(({ stage }) => stage === "under-way")
      .flatMap(({ member, takenAt, readySince }) => [
        takenAt + settleMs,
        takenAt + member.patience.placingMs,
        takenAt + member.patience.totalMs,
        ...(readySince === undefined ? [] : [readySince + this.#proofMs(this.#viewOf(member))]),
      ])
      .filter((at) => at > now);
    const wait = Math.min(...due) - now;
    return Number.isFinite(wait) ? Math.max(1, wait) : 1_000;
  }

  #result(end: RollEnd): RollResult {
    const at = (stage: Progress["stage"]): Member[] =>
      this.#members.filter((progress) => progress.stage === stage).map(({ member }) => member);
    return { end, done: at("done"), begun: at("under-way"), left: at("left") };
  }
}
