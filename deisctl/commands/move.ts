/** `deisctl move`: one unit to another machine, as gently as a drain does it. */
import { PlatformError } from "../../cluster/errors.ts";
import { chooseMachine } from "../choose-machine.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  outputFormat,
  printJson,
  UsageError,
} from "../command.ts";
import { knownNames } from "../known-units.ts";
import { machineLabel } from "../machine-label.ts";
import { moveFlags, movePatienceMs } from "../move-flags.ts";
import { runMoves } from "../run-moves.ts";
import { selectUnits } from "../select-units.ts";

export const move: CommandDefinition = {
  name: "move",
  summary: "move a unit to another machine",
  arguments: "[unit] [machine]",
  flags: moveFlags,
  examples: ["deisctl move web@1 f1ee0002", "deisctl move web@1"],
  notes:
    "Without a machine the scheduler chooses one. The unit stays where it is if no other machine can take it.",
  async run(context, args, options) {
    const [word, target] = args;
    if (word === undefined || args.length > 2)
      throw new UsageError("Name one unit, and the machine it is to go to");
    const patienceMs = movePatienceMs(options);
    const store = await context.cluster();
    const { tables } = await store.read(["units", "machines", "placements"], context.signal);
    const { machines } = tables;
    const { names } = selectUnits([word], knownNames(tables));
    const [unit, ...others] = names;
    if (unit === undefined || others.length > 0) throw notOne(word, names);
    const to = target === undefined ? undefined : chooseMachine(target, machines.entries());
    const there = [...tables.placements.entries()].flatMap(([, placement]) =>
      placement.unit === unit && placement.move !== "arriving" ? [placement.machine] : [],
    );
    const [from] = there;
    if (from === undefined || there.length > 1) throw notSomewhere(unit, there.length);
    const json = outputFormat(context) === "json";
    if (from === to) {
      context.io.err(`Unit ${unit} is on ${machineLabel(from, machines)} already\n`);
      if (json) printJson(context, { unit, from, to, outcome: "unchanged", reason: null });
      return exit.done;
    }
    const order = {
      unit,
      from,
      ...(to === undefined ? {} : { to }),
      reason: options.text("reason") ?? "asked for with deisctl move",
    };
    if (!options.given("block") || !options.given("wait")) {
      const { unit: _, ...wanted } = order;
      await store.edit([{ kind: "move", unit, move: wanted }], context.signal);
      if (json) printJson(context, { unit, from, to: to ?? null, outcome: "triggered", reason: null });
      else context.io.out(`Triggered unit ${unit} move\n`);
      return exit.done;
    }
    const [result] = await runMoves(context, store, [order], patienceMs, (line) => {
      if (!json) context.io.out(`${line}\n`);
    });
    if (!result) throw new Error("one move was asked for");
    const reason = result.outcome === "stayed" ? await whyStayed(context, unit, to) : result.reason;
    if (json)
      printJson(context, {
        unit,
        from,
        to: result.to ?? null,
        outcome: result.outcome,
        reason: reason ?? null,
      });
    return tell(context, unit, result.outcome, reason);
  },
};

function tell(context: CommandContext, unit: string, outcome: string, reason: string | undefined): ExitCode {
  const { io } = context;
  switch (outcome) {
    case "moved":
    case "ended":
      return exit.done;
    case "failed":
      io.err(`Hint: \`deisctl journal ${unit}\` shows its last lines\n`);
      return exit.failed;
    case "stayed":
      io.err(
        `Cannot move "${unit}": ${reason}\nHint: \`deisctl why ${unit}\` shows every machine with its reason\n`,
      );
      return exit.unplaceable;
    default:
      io.err(
        `Unit ${unit} has not moved yet: ${reason}\nThe move goes on without this command; \`deisctl events -f ${unit}\` shows it\n`,
      );
      return outcome === "interrupted" ? exit.interrupted : exit.failed;
  }
}

/** The scheduler has ended the move; it says what it thinks of the machine now. */
async function whyStayed(context: CommandContext, unit: string, to: string | undefined): Promise<string> {
  const store = await context.cluster();
  const { machines, summary } = await store.ask({ kind: "why", unit }, context.signal);
  const verdict = machines.find(({ machine }) => machine === to);
  if (verdict && !verdict.fits) return `${verdict.machine.slice(0, 8)}... ${verdict.reason}`;
  if (verdict) return "it did not come up there; `deisctl events` and the scheduler's log say how";
  return machines.some(({ fits, machine }) => fits && machine !== to)
    ? summary
    : "no other machine can take it";
}

function notOne(word: string, names: readonly string[]): PlatformError {
  if (names.length === 0) {
    return new PlatformError("unit-not-found", `Cannot move "${word}": there is no such unit`, {
      hint: "`deisctl list-units` shows what is where",
    });
  }
  return new PlatformError("unit-ambiguous", `"${word}" means ${names.join(", ")}`, {
    hint: "Name one of them",
  });
}

function notSomewhere(unit: string, copies: number): PlatformError {
  if (copies === 0) {
    return new PlatformError("unit-not-there", `Cannot move "${unit}": it is on no machine`, {
      hint: `\`deisctl why ${unit}\` says why; \`deisctl start ${unit}\` places it`,
    });
  }
  return new PlatformError(
    "unit-global",
    `Cannot move "${unit}": it is on ${copies} machines, every one that fits it`,
    {
      hint: "MachineMetadata= in its file says which machines those are",
    },
  );
}
