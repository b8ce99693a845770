/**
 * Where each candidate answers and whether it does: its port found once a run, its health probed there on a schedule. A pass takes what is
 * known; whatever is found out later rings the bell.
 */
import type { Clock } from "../loop/clock.ts";
import type { Candidate } from "./candidates.ts";
import type { Health } from "./health.ts";
import { healthCheck } from "./health-settings.ts";
import type { NamedContainers } from "./named-containers.ts";
import type { Probe } from "./probe.ts";
import { type Probed, Prober } from "./prober.ts";
import { endpointText, findPort, type PortFinding } from "./reach.ts";
import { ReachFinder } from "./reach-finder.ts";
import type { UnitRuntime } from "./runtime.ts";

export interface AnswersOptions {
  readonly runtimes: readonly UnitRuntime[];
  readonly containers: NamedContainers;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly ring: () => void;
  /** Reads the health settings of an app; undefined while they are not known. */
  readonly healthSettings: (service: string) => ((name: string) => string | undefined) | undefined;
  /** True for a run that is believed in until its probes say otherwise. */
  readonly isAdopted: (candidate: Candidate) => boolean;
}

/** What is known of one candidate: each absent while it is being found out. */
export interface Answer {
  /** `host:port`. */
  readonly address?: string;
  /** Why it can have no address. */
  readonly portProblem?: string;
  readonly health?: Health;
}

export class Answers {
  readonly #options: AnswersOptions;
  readonly #reaches: ReachFinder;
  readonly #prober: Prober;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#reaches = new ReachFinder(options);
    this.#prober = new Prober(options);
  }

  /** What is known of each of these, by id; from now on these and no others are probed. `address` is this machine's. */
  of(found: ReadonlyMap<string, Candidate>, address: string): ReadonlyMap<string, Answer> {
    const findings = new Map<string, PortFinding>();
    const targets = new Map<string, Probed>();
    for (const [id, candidate] of found) {
      const reach = this.#reaches.reach(candidate);
      if (reach === undefined) continue;
      const finding = findPort(reach, candidate.port, address);
      findings.set(id, finding);
      const target = "host" in finding ? this.#target(candidate, finding) : undefined;
      if (target) targets.set(id, target);
    }
    this.#reaches.retain((id) => found.has(id));
    this.#prober.watch(targets);
    const answers = new Map<string, Answer>();
    for (const [id, candidate] of found) answers.set(id, this.#answer(candidate, findings.get(id)));
    return answers;
  }

  /** Probes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#prober.run(signal);
    } finally {
      this.#reaches.close();
    }
  }

  #target(candidate: Candidate, at: { readonly host: string; readonly port: number }): Probed | undefined {
    const { life, service, healthPath } = candidate;
    const { healthSettings, isAdopted, clock } = this.#options;
    const settings = healthSettings(service);
    if (life.kind !== "up" || settings === undefined) return undefined;
    const { initialDelayMs, ...check } = healthCheck(healthPath, settings);
    const startedMs = clock.monotonic() - (clock.now().getTime() - Date.parse(life.since));
    const notBeforeMs = startedMs + initialDelayMs;
    return { ...check, ...at, run: life.run, assumed: isAdopted(candidate), notBeforeMs };
  }

  #answer(candidate: Candidate, finding: PortFinding | undefined): Answer {
    const probed = this.#prober.health(candidate.id);
    const believed = this.#options.isAdopted(candidate)
      ? { kind: "assumed" as const, failures: 0 }
      : undefined;
    const health = probed ?? believed;
    return {
      ...(finding && "host" in finding ? { address: endpointText(finding) } : {}),
      ...(finding && "problem" in finding ? { portProblem: finding.problem } : {}),
      ...(health ? { health } : {}),
    };
  }
}
