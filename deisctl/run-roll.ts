/** What `restart --rolling` and `start --replace --rolling` have in common: run the roll, tell each step, and say at the end how to go on. */
import type { ClusterStore } from "../cluster/ports.ts";
import { type ChangeMirror, finish } from "./change-units.ts";
import { type CommandContext, type ExitCode, exit, outputFormat } from "./command.ts";
import { machineLabel } from "./machine-label.ts";
import { failureHint, reportOf, type UnitReport, unplaceableText } from "./report.ts";
import type { RollRequest } from "./roll.ts";
import { type RollEnd, type RollMember, type RollResult, roll } from "./roll.ts";
import { type Member, maxUnavailable } from "./rolling.ts";
import type { Rolling } from "./rolling-flags.ts";

export interface RollStory {
  readonly members: readonly RollMember[];
  readonly editsFor: RollRequest["editsFor"];
  /** Units that are as wanted already. */
  readonly unchanged: readonly string[];
  /** `restarted`, `replaced`: "Successfully restarted units [...]". */
  readonly participle: string;
  /** The command that goes on where this one stopped. */
  readonly resume: (result: RollResult) => string;
  /** How to have it as it was; one sentence, without full stop. */
  readonly undo?: (result: RollResult) => string;
}

/** Rolls and prints, but for the JSON, which `finish` prints. */
export async function runRoll(
  context: CommandContext,
  store: ClusterStore,
  mirror: ChangeMirror,
  story: RollStory,
  rolling: Rolling,
): Promise<{
  readonly result: RollResult;
  readonly reports: readonly UnitReport[];
  readonly exitCode: ExitCode;
}> {
  const { members } = story;
  const { machines } = mirror.tables;
  const text = outputFormat(context) === "text";
  const reports: UnitReport[] = story.unchanged.map((unit) => ({
    unit,
    goal: "ready",
    outcome: "unchanged",
    machines: [],
    reason: null,
  }));
  const result = await roll(
    store,
    mirror,
    {
      members,
      maxUnavailable: maxUnavailable(rolling.maxUnavailable, members.length),
      minReadyMs: rolling.minReadyMs,
      editsFor: story.editsFor,
      onTaken: (member, position) => {
        if (!context.io.errIsTerminal) return;
        context.io.err(`${memberText(member, mirror)}: ${position + 1} of ${members.length}\n`);
      },
      onDone: (member, on) => {
        const place = on.map((id) => ` on ${machineLabel(id, machines)}`).join(",");
        if (text) context.io.out(`Unit ${member.unit} launched${place}\n`);
        reports.push(reportOf(member.unit, "ready", { kind: "done", machines: on, seen: "" }, machines));
      },
    },
    context.signal,
  );
  const { end } = result;
  reports.push(...unfinished(result, mirror));
  if (end.kind === "done") {
    const names = [...new Set(result.done.map(({ unit }) => unit))];
    context.io.err(`Successfully ${story.participle} units [${names.join(" ")}].\n`);
    return { result, reports, exitCode: exit.done };
  }
  context.io.err(stopText(end, mirror));
  context.io.err(`${storyText(result, mirror)}\n`);
  const hint = end.kind === "stopped" ? stopHint(end) : "";
  const undo = story.undo?.(result);
  context.io.err(
    `${hint}Hint: \`${story.resume(result)}\` goes on${undo === undefined ? "" : `; ${undo}`}\n`,
  );
  return { result, reports, exitCode: exitCodeOf(end) };
}

/** Prints the JSON if asked for, and passes the exit code on. */
export function finishRoll(
  context: CommandContext,
  outcome: { readonly reports: readonly UnitReport[]; readonly exitCode: ExitCode },
): ExitCode {
  return finish(context, outcome);
}

/** `web@1.service`, or `glob.service on f1ee0001.../10.0.0.1`. */
export function memberText({ unit, machine }: Member, mirror: ChangeMirror): string {
  return machine === undefined ? unit : `${unit} on ${machineLabel(machine, mirror.tables.machines)}`;
}

function stopText(end: Exclude<RollEnd, { kind: "done" }>, mirror: ChangeMirror): string {
  if (end.kind === "interrupted") return "Interrupted\n";
  const { member, cause } = end;
  const { machines } = mirror.tables;
  switch (cause.kind) {
    case "failed": {
      const place = cause.machine === undefined ? "" : ` on ${machineLabel(cause.machine, machines)}`;
      return `Unit ${member.unit} failed${place}: ${cause.reason}\n`;
    }
    case "unplaceable":
      return `${unplaceableText(member.unit, cause.reason)}\n`;
    case "waiting": {
      const place = cause.machine === undefined ? "" : ` on ${machineLabel(cause.machine, machines)}`;
      const seen = cause.seen === undefined ? "" : `; it is ${cause.seen}`;
      return `Unit ${member.unit} is not ready in time: still waiting for ${cause.missing}${place}${seen}\n`;
    }
    default:
      return cause satisfies never;
  }
}

/** What was done and what was not. */
function storyText({ done, begun, left }: RollResult, mirror: ChangeMirror): string {
  const list = (members: readonly Member[]): string =>
    members.length === 0 ? "none" : members.map((member) => memberText(member, mirror)).join(", ");
  return `Stopped. Done: ${list(done)}. Begun: ${list(begun)}. Not touched: ${list(left)}.`;
}

function stopHint({ member, cause }: Extract<RollEnd, { kind: "stopped" }>): string {
  return cause.kind === "failed" ? failureHint(member.unit, cause) : "";
}

function exitCodeOf(end: Exclude<RollEnd, { kind: "done" }>): ExitCode {
  if (end.kind === "interrupted") return exit.interrupted;
  return end.cause.kind === "unplaceable" ? exit.unplaceable : exit.failed;
}

function unfinished({ end, begun, left }: RollResult, mirror: ChangeMirror): UnitReport[] {
  const { machines } = mirror.tables;
  const report = (member: Member, outcome: UnitReport["outcome"], reason: string | null): UnitReport => {
    const on = member.machine === undefined ? [] : [member.machine];
    const address = (id: string): string | null => machines.get(id)?.address ?? null;
    return {
      unit: member.unit,
      goal: "ready",
      outcome,
      machines: on.map((id) => ({ id, address: address(id) })),
      reason,
    };
  };
  const reports = begun.map((member) => {
    if (end.kind !== "stopped" || end.member !== member) return report(member, "interrupted", null);
    const { cause } = end;
    if (cause.kind === "waiting") return report(member, "timed-out", `waiting for ${cause.missing}`);
    return report(member, cause.kind, cause.reason);
  });
  return [...reports, ...left.map((member) => report(member, "untouched", null))];
}
