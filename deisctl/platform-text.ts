/** What the platform commands print, in Deis v1's words. Pure. */
import type { PlatformVerb } from "../units/components.ts";
import type { Outcome } from "./await-units.ts";
import { failureHint, unplaceableHint, unplaceableText } from "./report.ts";
import type { Goal } from "./wait.ts";

const gerunds: Readonly<Record<PlatformVerb, string>> = {
  install: "Installing",
  start: "Starting",
  restart: "Restarting",
  stop: "Stopping",
  uninstall: "Uninstalling",
};

/** Deis's three shapes with the message on the middle line. */
export function banner(verb: PlatformVerb, color: boolean): string {
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const circle = paint(34, "●");
  const triangle = paint(32, "▴");
  const square = paint(31, "■");
  return [
    `${circle} ${triangle} ${square}`,
    `${square} ${circle} ${triangle} ${gerunds[verb]} Deis...`,
    `${triangle} ${square} ${circle}`,
    "",
  ].join("\n");
}

/** The end of a command that went well: what to type next. */
export function farewell(verb: PlatformVerb, hasController: boolean): string {
  switch (verb) {
    case "install":
      return "Done.\n\nPlease run `deisctl start platform` to boot up Deis.\n";
    case "start":
    case "restart":
      return hasController
        ? "Done.\n\nPlease set up an administrative account. See 'deis help register'\n"
        : "Done.\n\nPlease run `deisctl list-units` to see where Deis runs.\n";
    case "stop":
      return "Done.\n\nPlease run `deisctl start platform` to restart Deis.\n";
    case "uninstall":
      return "Done.\n";
    default:
      return verb satisfies never;
  }
}

const wishes: Readonly<Record<Goal, string>> = {
  launched: "starting",
  ready: "starting",
  loaded: "loading",
  stopped: "stopping",
  inactive: "unloading",
  gone: "being destroyed",
};

/** One unit's outcome: `deis-router@1.service: loaded` on stdout, or what went wrong on stderr. */
export function componentText(
  name: string,
  goal: Goal,
  outcome: Outcome,
): { readonly out: string; readonly err: string } {
  switch (outcome.kind) {
    case "done":
      return {
        out: `${name}: ${goal === "loaded" ? "loaded" : goal === "gone" ? "destroyed" : outcome.seen}\n`,
        err: "",
      };
    case "failed":
      return {
        out: "",
        err: `The service '${name}' failed while ${wishes[goal]}: ${outcome.reason}\n${failureHint(name, outcome)}`,
      };
    case "unplaceable":
      return { out: "", err: `${unplaceableText(name, outcome.reason)}\n${unplaceableHint(name)}\n` };
    case "timed-out":
    case "interrupted":
      return { out: "", err: `${name}: still waiting for ${outcome.missing}\n` };
    default:
      return outcome satisfies never;
  }
}
