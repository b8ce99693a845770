/**
 * What a changing command says about each unit once its outcome is known: fleetctl's lines on stdout, and on stderr what went wrong
 * with the next command to type.
 */
import type { Outcome } from "./await-units.ts";
import { type CommandContext, type ExitCode, exit } from "./command.ts";
import { type MachineLookup, machineLabel } from "./machine-label.ts";
import type { Goal } from "./wait.ts";

/** One element of the JSON that `submit`, `load`, `start`, `stop`, `unload`, `destroy` and `restart` print. */
export interface UnitReport {
  readonly unit: string;
  /** `unchanged`: there was nothing to do. `triggered`: asked for, not waited for. `untouched`: a rolling change stopped before it. */
  readonly outcome: Outcome["kind"] | "unchanged" | "triggered" | "untouched";
  readonly goal: Goal;
  readonly machines: readonly { readonly id: string; readonly address: string | null }[];
  readonly reason: string | null;
}

const reached: Readonly<Record<Goal, string>> = {
  launched: "launched",
  ready: "launched",
  loaded: "loaded",
  stopped: "loaded",
  inactive: "inactive",
  gone: "destroyed",
};

/** The lines for stdout and stderr of one outcome; both may be empty. */
export function outcomeText(
  name: string,
  goal: Goal,
  outcome: Outcome,
  machines: MachineLookup,
): { readonly out: string; readonly err: string } {
  switch (outcome.kind) {
    case "done":
      return { out: doneText(name, goal, outcome.machines, machines), err: waitsText(name, goal, outcome) };
    case "failed": {
      const place = outcome.machine === undefined ? "" : ` on ${machineLabel(outcome.machine, machines)}`;
      return {
        out: "",
        err: `Unit ${name} failed${place}: ${outcome.reason}\n${failureHint(name, outcome)}`,
      };
    }
    case "unplaceable":
      return { out: "", err: `${unplaceableText(name, outcome.reason)}\n${unplaceableHint(name)}\n` };
    case "timed-out":
      return {
        out: "",
        err: `Error waiting for units: timed out waiting for unit ${name} to report state ${reached[goal]}\n${stillText(outcome, machines)}`,
      };
    case "interrupted":
      return { out: "", err: `Unit ${name}: ${stillText(outcome, machines)}` };
    default:
      return outcome satisfies never;
  }
}

/** Where to look after a failure; empty if no machine is to blame. */
export function failureHint(name: string, outcome: Extract<Outcome, { kind: "failed" }>): string {
  if (outcome.machine === undefined) return "";
  return outcome.unloaded
    ? `Hint: \`deisctl status ${name}\` shows how it goes on, \`deisctl destroy ${name}\` withdraws it\n`
    : `Hint: \`deisctl journal ${name}\` shows its last lines\n`;
}

/** The scheduler's sentence, complete in itself. */
export function unplaceableText(name: string, reason: string): string {
  return reason.startsWith("Cannot place") ? reason : `Cannot place "${name}": ${reason}`;
}

/** What to do about a unit that cannot be placed now. */
export function unplaceableHint(name: string): string {
  return `Hint: it stays wanted and starts as soon as a machine can take it; \`deisctl destroy ${name}\` withdraws it`;
}

function doneText(name: string, goal: Goal, on: readonly string[], machines: MachineLookup): string {
  if (goal === "gone") return `Destroyed ${name}\n`;
  if (goal === "inactive" || on.length === 0) return `Unit ${name} ${reached[goal]}\n`;
  return on.map((id) => `Unit ${name} ${reached[goal]} on ${machineLabel(id, machines)}\n`).join("");
}

/** A timer is as it should be though nothing of it runs: that is worth a line. */
function waitsText(name: string, goal: Goal, { machines, seen }: Extract<Outcome, { kind: "done" }>): string {
  return goal === "launched" && machines.length === 0 ? `Unit ${name}: ${seen}\n` : "";
}

function stillText(
  outcome: { missing: string; machine?: string; seen?: string },
  machines: MachineLookup,
): string {
  const place = outcome.machine === undefined ? "" : ` on ${machineLabel(outcome.machine, machines)}`;
  const seen = outcome.seen === undefined ? "" : `; it is ${outcome.seen}`;
  return `still waiting for ${outcome.missing}${place}${seen}\n`;
}

/** 130 after Ctrl-C, else 1 if anything failed or timed out, else 3 if anything cannot be placed, else 0. */
export function exitCodeOf(outcomes: Iterable<Outcome>): ExitCode {
  const kinds = new Set([...outcomes].map((outcome) => outcome.kind));
  if (kinds.has("interrupted")) return exit.interrupted;
  if (kinds.has("failed") || kinds.has("timed-out")) return exit.failed;
  return kinds.has("unplaceable") ? exit.unplaceable : exit.done;
}

/** One unit's outcome as JSON carries it. */
export function reportOf(name: string, goal: Goal, outcome: Outcome, machines: MachineLookup): UnitReport {
  const on =
    outcome.kind === "done"
      ? outcome.machines
      : "machine" in outcome && outcome.machine
        ? [outcome.machine]
        : [];
  const reason =
    "reason" in outcome ? outcome.reason : "missing" in outcome ? `waiting for ${outcome.missing}` : null;
  return {
    unit: name,
    outcome: outcome.kind,
    goal,
    machines: on.map((id) => ({ id, address: machines.get(id)?.address ?? null })),
    reason,
  };
}

/** What a person at a terminal sees while waiting, on stderr; nothing when the output is read by a program. */
export function progressText(
  context: CommandContext,
  name: string,
  seen: string | undefined,
  missing: string,
  place: string,
): string {
  if (!context.io.errIsTerminal) return "";
  return seen === undefined ? `Unit ${name}: waiting for ${missing}\n` : `Unit ${name} ${seen}${place}\n`;
}
