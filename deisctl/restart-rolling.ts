/** `restart --rolling`: units are restarted where they are, a few at a time, global units machine by machine. */
import type { UnitEdit } from "../cluster/ports.ts";
import { isTemplate } from "../cluster/unit-name.ts";
import { withMirror } from "./change-units.ts";
import { type CommandContext, type ExitCode, exit, type Options, UsageError } from "./command.ts";
import { GlobalChange, heldMachines, machinesOf } from "./global-copies.ts";
import { isGlobal, knownFile, knownNames } from "./known-units.ts";
import { checkPatience, patienceOf } from "./patience.ts";
import type { RollMember } from "./roll.ts";
import { byNumber } from "./rolling.ts";
import type { Rolling } from "./rolling-flags.ts";
import { finishRoll, runRoll } from "./run-roll.ts";
import { selectUnits } from "./select-units.ts";

export async function restartRolling(
  context: CommandContext,
  words: readonly string[],
  options: Options,
  rolling: Rolling,
): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("No units given");
  if (!options.given("block"))
    throw new UsageError("--rolling waits for each unit: it does not go with --no-block");
  checkPatience(options);
  return await withMirror(context, async (store, mirror) => {
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const { names, missing } = selectUnits(words, knownNames(tables));
    if (missing.length > 0) context.io.err(`Units not found in registry: ${missing.join(", ")}\n`);
    const members: RollMember[] = [];
    const globals = new Map<string, GlobalChange>();
    for (const name of [...names].sort(byNumber)) {
      if (isTemplate(name)) continue;
      const record = tables.units.get(name);
      const file = knownFile(name, tables);
      if (record?.target !== "launched") {
        context.io.err(`Unit ${name} is ${record?.target ?? "unreadable"}, not launched: it is left alone\n`);
        continue;
      }
      const patience = patienceOf(options, [file]);
      if (!isGlobal(name, file)) {
        members.push({ unit: name, patience });
        continue;
      }
      const there = machinesOf(name, mirror.tables.placements);
      const held = heldMachines(record);
      const left = there.filter((machine) => held.includes(machine));
      if (left.length > 0) {
        context.io.err(
          `Unit ${name}: going on with the change that ${left.length} of ${there.length} machines lack\n`,
        );
      }
      const begin: UnitEdit = { kind: "restart", name, hold: there };
      const strays = held.filter((machine) => !there.includes(machine));
      globals.set(name, new GlobalChange(name, left.length > 0 ? undefined : begin, strays));
      for (const machine of left.length > 0 ? left : there) members.push({ unit: name, machine, patience });
    }
    const outcome = await runRoll(
      context,
      store,
      mirror,
      {
        members,
        unchanged: [],
        participle: "restarted",
        editsFor: (chosen) => {
          const single = chosen.filter(({ unit }) => !globals.has(unit));
          const edits: UnitEdit[] = single.map(({ unit }) => ({ kind: "restart", name: unit }));
          for (const [name, change] of globals) {
            const own = chosen.filter(({ unit }) => unit === name);
            if (own.length > 0) edits.push(...change.editsFor(own));
          }
          return edits;
        },
        resume: ({ begun, left }) => {
          const rest = [...new Set([...begun, ...left].map(({ unit }) => unit))];
          return `deisctl restart --rolling ${rest.join(" ")}`;
        },
      },
      rolling,
    );
    const exitCode = outcome.exitCode === exit.done && missing.length > 0 ? exit.failed : outcome.exitCode;
    return finishRoll(context, { ...outcome, exitCode });
  });
}
