/**
 * Finds out how each run of a unit can be reached, once a run: runtimes answer from outside, so a pass takes what is known and the answer
 * rings the bell. A few are asked at once, so that a host full of containers does not swamp its daemon.
 */
import type { Clock } from "../loop/clock.ts";
import type { Candidate } from "./candidates.ts";
import type { NamedContainers } from "./named-containers.ts";
import type { Reach } from "./reach.ts";
import type { UnitRuntime } from "./runtime.ts";

export interface ReachFinderOptions {
  readonly runtimes: readonly UnitRuntime[];
  readonly containers: NamedContainers;
  readonly clock: Clock;
  readonly ring: () => void;
}

interface Finding {
  readonly run: string;
  reach?: Reach;
}

const atOnce = 8;
/** After a runtime could not say. */
const retryMs = 1_000;

export class ReachFinder {
  readonly #options: ReachFinderOptions;
  readonly #findings = new Map<string, Finding>();
  readonly #queue: (() => Promise<void>)[] = [];
  readonly #closing = new AbortController();
  #underWay = 0;

  constructor(options: ReachFinderOptions) {
    this.#options = options;
  }

  /** How this candidate is reached in its present run; undefined while that is being found out, or if it is not up. */
  reach({ id, unit, life }: Candidate): Reach | undefined {
    if (life.kind !== "up") return undefined;
    const { run, from } = life;
    if (from.kind === "container") return this.#options.containers.running.get(from.container)?.reach;
    const known = this.#findings.get(id);
    if (known?.run === run) return known.reach;
    const runtime = this.#options.runtimes.find(({ name }) => name === from.runtime);
    if (runtime === undefined || unit === undefined) return undefined;
    const finding: Finding = { run };
    this.#findings.set(id, finding);
    this.#queue.push(() => this.#find(id, finding, () => runtime.reach(unit, this.#closing.signal)));
    this.#next();
    return undefined;
  }

  /** Forgets what is no longer a candidate. */
  retain(isKnown: (id: string) => boolean): void {
    for (const id of this.#findings.keys()) if (!isKnown(id)) this.#findings.delete(id);
  }

  close(): void {
    this.#queue.length = 0;
    this.#closing.abort(new Error("the agent is stopping"));
  }

  #next(): void {
    while (this.#underWay < atOnce) {
      const find = this.#queue.shift();
      if (!find) return;
      this.#underWay += 1;
      void find().finally(() => {
        this.#underWay -= 1;
        this.#next();
      });
    }
  }

  /** Never rejects: a runtime that cannot be reached tells so itself. */
  async #find(id: string, finding: Finding, ask: () => Promise<Reach | undefined>): Promise<void> {
    const { clock, ring } = this.#options;
    const reach = await ask().catch(() => undefined);
    if (reach !== undefined) {
      finding.reach = reach;
      return ring();
    }
    // Another run has begun meanwhile, or the runtime is away for a moment: asked again, and nobody waits behind it.
    clock.sleep(retryMs, this.#closing.signal).then(
      () => {
        if (this.#findings.get(id) === finding) this.#findings.delete(id);
        ring();
      },
      () => undefined, // the agent is stopping
    );
  }
}
