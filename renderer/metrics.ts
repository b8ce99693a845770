/** What a renderer counts, in Prometheus' text format. Fed with its events. */
import type { RendererEvent } from "./events.ts";

/** What is so at the moment, beside what was counted. */
export interface State {
  readonly resources: number;
  readonly pendingReloads: number;
  readonly revision: bigint;
}

export class Metrics {
  readonly #counts = new Map<string, number>();
  #revision = 0n;
  #away = 0;
  #renderSeconds = 0;

  count(event: RendererEvent): void {
    const counter = counterOf[event.kind];
    if (counter !== undefined) this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + 1);
    if (event.kind === "rendered") this.#renderSeconds += event.durationMs / 1_000;
    if (event.kind === "pass-done") this.#revision = event.revision;
    if (event.kind === "source-lost") this.#away = 1;
    if (event.kind === "source-read" || event.kind === "source-back") this.#away = 0;
  }

  /** The text of `/metrics`. */
  text(now: State): string {
    const lines: string[] = [];
    for (const [name, help] of counters) {
      lines.push(`# HELP deis_confd_${name}_total ${help}`, `# TYPE deis_confd_${name}_total counter`);
      lines.push(`deis_confd_${name}_total ${this.#counts.get(name) ?? 0}`);
    }
    const gauges: [string, string, number | bigint][] = [
      ["render_seconds_total", "Time spent in renders.", this.#renderSeconds],
      ["resources", "Template resources in use.", now.resources],
      ["pending_reloads", "Reload commands that wait or run.", now.pendingReloads],
      ["source_away", "1 while the store cannot be reached.", this.#away],
      ["revision", "The store's revision that is known here.", now.revision],
      ["pass_revision", "The store's revision of the last pass that rendered.", this.#revision],
    ];
    for (const [name, help, value] of gauges) {
      const type = name.endsWith("_total") ? "counter" : "gauge";
      lines.push(
        `# HELP deis_confd_${name} ${help}`,
        `# TYPE deis_confd_${name} ${type}`,
        `deis_confd_${name} ${value}`,
      );
    }
    return `${lines.join("\n")}\n`;
  }
}

const counterOf: Partial<Record<RendererEvent["kind"], string>> = {
  "pass-done": "passes",
  rendered: "renders",
  "render-failed": "render_failures",
  updated: "updates",
  "check-failed": "check_failures",
  "swap-failed": "swap_failures",
  reloaded: "reloads",
  "reload-failed": "reload_failures",
  restored: "restores",
  "source-lost": "source_losses",
};

const counters: readonly (readonly [string, string])[] = [
  ["passes", "Passes that rendered something."],
  ["renders", "Templates rendered."],
  ["render_failures", "Renders that failed."],
  ["updates", "Files put in place."],
  ["check_failures", "Checks that failed."],
  ["swap_failures", "Files that could not be written."],
  ["reloads", "Reload commands that succeeded."],
  ["reload_failures", "Reload commands that failed."],
  ["restores", "Files restored after a failed reload."],
  ["source_losses", "Times the store was lost."],
];
