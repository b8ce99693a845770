/** `deisctl rebalance`: even out what machines carry. The plan comes first, with a reason for each move; nothing moves unasked. */
import type { RebalanceAnswer } from "../../cluster/question.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  outputFormat,
  printJson,
} from "../command.ts";
import { machineLabel } from "../machine-label.ts";
import { movePatienceMs } from "../move-flags.ts";
import { type MoveOutcome, runMoves } from "../run-moves.ts";
import { formatTable } from "../table.ts";

export const rebalance: CommandDefinition = {
  name: "rebalance",
  summary: "plan moves that spread units and load evenly, and do them",
  arguments: "",
  flags: [
    { flags: "-y, --yes", description: "do it without asking" },
    { flags: "--dry-run", description: "only show the plan" },
    { flags: "--timeout <seconds>", description: "give up when nothing has moved for so long (default 600)" },
  ],
  examples: ["deisctl rebalance", "deisctl rebalance --yes", "deisctl rebalance --dry-run --output json"],
  notes:
    "Moves are as gentle as a drain's. Without a terminal to ask at, only --yes does more than show the plan.",
  async run(context, _args, options) {
    const patienceMs = movePatienceMs(options);
    const store = await context.cluster();
    const plan = await store.ask({ kind: "rebalance" }, context.signal);
    const { tables } = await store.read(["machines"], context.signal);
    const label = (id: string): string => machineLabel(id, tables.machines);
    const json = outputFormat(context) === "json";
    if (!json) printPlan(context, plan, label);
    const due = plan.moves.length > 0 && !options.given("dryRun");
    const agreed = due && (options.given("yes") || (await agree(context, plan.moves.length)));
    if (!agreed) {
      if (json) printJson(context, { ...plan, done: false });
      return exit.done;
    }
    const outcomes = await runMoves(context, store, plan.moves, patienceMs, (line) => {
      if (!json) context.io.out(`${line}\n`);
    });
    if (json) {
      printJson(context, {
        summary: plan.summary,
        done: true,
        moves: outcomes.map(({ order, outcome, reason }) => ({ ...order, outcome, problem: reason ?? null })),
      });
    }
    return conclude(context, outcomes);
  },
};

function printPlan(
  context: CommandContext,
  { moves, summary }: RebalanceAnswer,
  label: (id: string) => string,
): void {
  if (moves.length > 0) {
    const rows = moves.map(({ unit, from, to, reason }) => [unit, label(from), label(to), reason]);
    const padding = context.io.outIsTerminal ? "spaces" : "tabs";
    context.io.out(formatTable(["unit", "from", "to", "reason"], rows, { legend: true, padding }));
  }
  context.io.err(`${summary}\n`);
}

async function agree(context: CommandContext, moves: number): Promise<boolean> {
  const answer = await context.ask(`Do ${moves === 1 ? "this move" : `these ${moves} moves`}? [y/N] `);
  context.signal.throwIfAborted();
  if (answer === undefined) context.io.err("Nothing was moved: `deisctl rebalance --yes` does it\n");
  return answer !== undefined && /^y(es)?$/i.test(answer.trim());
}

function conclude(context: CommandContext, outcomes: readonly MoveOutcome[]): ExitCode {
  const { io } = context;
  const of = (...kinds: readonly MoveOutcome["outcome"][]) =>
    outcomes.filter(({ outcome }) => kinds.includes(outcome));
  const moved = of("moved", "ended").length;
  for (const { order, outcome, reason } of of("stayed", "timed-out", "interrupted")) {
    const why = outcome === "stayed" ? "it stays where it is" : `it has not moved yet: ${reason}`;
    io.err(`Unit ${order.unit}: ${why}\n`);
  }
  if (moved === outcomes.length) {
    io.err(`Moved ${moved === 1 ? "1 unit" : `${moved} units`}\n`);
    return exit.done;
  }
  io.err(
    `Stopped: ${moved} of ${outcomes.length} units moved\nHint: \`deisctl rebalance\` plans anew from how things are now\n`,
  );
  return of("interrupted").length > 0 ? exit.interrupted : exit.failed;
}
