/**
 * The common course of every command that changes units: look, decide all edits, write them at once, then watch until each unit
 * is as wanted and say so.
 *
 * The mirror is opened before the edit, so nothing that happens after the edit can be missed.
 */
import type { ClusterStore, Mirror, UnitEdit } from "../cluster/ports.ts";
import { awaitUnits, type Outcome } from "./await-units.ts";
import { type CommandContext, type ExitCode, exit, outputFormat, printJson } from "./command.ts";
import { machineLabel } from "./machine-label.ts";
import type { Patience } from "./patience.ts";
import { exitCodeOf, outcomeText, progressText, reportOf, type UnitReport } from "./report.ts";
import { type WatchedTables, watchedTables } from "./unit-views.ts";
import type { Goal } from "./wait.ts";

/** What a command decided to do with one unit. */
export interface UnitChange {
  readonly name: string;
  /** May be empty: the unit is on its way already and only needs waiting for. */
  readonly edits: readonly UnitEdit[];
  readonly goal: Goal;
  /** Told on stdout once the edits are stored, before any waiting. */
  readonly announcement?: string;
}

export interface ChangeRequest {
  readonly changes: readonly UnitChange[];
  /** Units for which there was nothing to do, for the JSON report. */
  readonly unchanged: readonly { readonly name: string; readonly goal: Goal }[];
  /** Said per unit with `--no-block`: "Triggered unit X start". Absent: do not wait and say nothing. */
  readonly triggered?: (name: string) => string;
  readonly wait: boolean;
  readonly patience: Patience;
  /** The store's revision after edits that were written before; default: that of the edits of this call. */
  readonly since?: bigint;
  /** How an outcome is told; default: fleetctl's lines. */
  readonly tell?: (
    name: string,
    goal: Goal,
    outcome: Outcome,
  ) => { readonly out: string; readonly err: string };
}

/** The tables of the mirror that the decision was made from. */
export type ChangeMirror = Mirror<WatchedTables>;

export interface ChangeResult {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly reports: readonly UnitReport[];
  readonly exitCode: ExitCode;
}

/** Opens a mirror for deciding and watching, hands it to `use`, and closes it whatever happens. */
export async function withMirror<T>(
  context: CommandContext,
  use: (store: ClusterStore, mirror: ChangeMirror) => Promise<T>,
): Promise<T> {
  const store = await context.cluster();
  const mirror = await store.follow(watchedTables, context.signal);
  try {
    return await use(store, mirror);
  } finally {
    await mirror.close();
  }
}

/** Writes the edits and waits as asked. Prints lines as outcomes come; the JSON report is left to the caller. */
export async function changeUnits(
  context: CommandContext,
  store: ClusterStore,
  mirror: ChangeMirror,
  request: ChangeRequest,
): Promise<ChangeResult> {
  const text = outputFormat(context) === "text";
  const say = (line: string): void => {
    if (text && line !== "") context.io.out(line);
  };
  const edits = request.changes.flatMap((change) => change.edits);
  const before = request.since ?? mirror.revision;
  const revision = edits.length === 0 ? before : await store.edit(edits, context.signal);
  for (const { announcement } of request.changes) if (announcement !== undefined) say(`${announcement}\n`);
  const unchanged = request.unchanged.map(({ name, goal }) => plainReport(name, goal, "unchanged"));
  if (!request.wait) {
    for (const { name } of request.changes) if (request.triggered) say(`${request.triggered(name)}\n`);
    const reports = request.changes.map(({ name, goal }) => plainReport(name, goal, "triggered"));
    return { outcomes: new Map(), reports: [...unchanged, ...reports], exitCode: exit.done };
  }
  const goals = new Map(request.changes.map(({ name, goal }) => [name, goal]));
  const { machines } = mirror.tables;
  const reports: UnitReport[] = [...unchanged];
  const told = new Map<string, string>();
  const outcomes = await awaitUnits({
    mirror,
    goals,
    revision,
    patience: request.patience,
    signal: context.signal,
    onOutcome: (name, outcome) => {
      const goal = goals.get(name) ?? "launched";
      const lines = (request.tell ?? ((...said) => outcomeText(...said, machines)))(name, goal, outcome);
      say(lines.out);
      if (lines.err !== "") context.io.err(lines.err);
      reports.push(reportOf(name, goal, outcome, machines));
    },
    onProgress: (name, { seen, missing, machine }) => {
      const place = machine === undefined ? "" : ` on ${machineLabel(machine, machines)}`;
      const line = progressText(context, name, seen, missing, place);
      // What is missing may change while what is seen does not.
      if (line !== "" && told.get(name) !== line) context.io.err(line);
      told.set(name, line);
    },
  });
  const exitCode = exitCodeOf(outcomes.values());
  sayWhatGoesOn(context, mirror, outcomes);
  return { outcomes, reports, exitCode };
}

/** After giving up: what the cluster does without us, and whether anybody decides there at all. */
function sayWhatGoesOn(
  context: CommandContext,
  mirror: ChangeMirror,
  outcomes: ReadonlyMap<string, Outcome>,
): void {
  const left = [...outcomes].filter(([, { kind }]) => kind === "timed-out" || kind === "interrupted");
  const [first] = left[0] ?? [];
  if (first === undefined) return;
  if (mirror.tables.leader.size === 0) {
    context.io.err(
      "No scheduler leads the cluster: look at `systemctl status deis-scheduler` on its hosts\n",
    );
  } else if (mirror.tables.machines.size === 0) {
    context.io.err("The cluster has no machines: look at `systemctl status deis-agent` on its hosts\n");
  }
  context.io.err(
    `The cluster goes on without this command; \`deisctl status ${first}\` shows how far it is\n`,
  );
}

function plainReport(unit: string, goal: Goal, outcome: "unchanged" | "triggered"): UnitReport {
  return { unit, goal, outcome, machines: [], reason: null };
}

/** Prints the JSON report if `--output json` asks for one, and passes the exit code on. */
export function finish(context: CommandContext, result: Omit<ChangeResult, "outcomes">): ExitCode {
  if (outputFormat(context) === "json") {
    printJson(
      context,
      [...result.reports].sort((a, b) => (a.unit < b.unit ? -1 : a.unit > b.unit ? 1 : 0)),
    );
  }
  return result.exitCode;
}
