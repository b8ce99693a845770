/** Runs `submit`, `load` and `start` over their plan: read, decide, write once, wait, say. */
import type { TargetState } from "../cluster/unit.ts";
import { planBringUp } from "./bring-up.ts";
import { type ChangeResult, changeUnits, finish, withMirror } from "./change-units.ts";
import { type CommandContext, type ExitCode, type Options, UsageError } from "./command.ts";
import { isGlobal, knownFile } from "./known-units.ts";
import { checkPatience, patienceOf } from "./patience.ts";
import { resolveUnitArguments } from "./unit-arguments.ts";
import { UnitViews } from "./unit-views.ts";

/** `verb` as the operator typed it, for messages. */
export async function bringUp(
  context: CommandContext,
  words: readonly string[],
  options: Options,
  verb: "submit" | "load" | "start",
  target: TargetState,
): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("No units given");
  checkPatience(options);
  const result = await withMirror(context, async (store, mirror): Promise<ChangeResult> => {
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const units = await resolveUnitArguments(words, tables, context.files, {
      sources: options.given("replace"),
    });
    const views = new UnitViews(
      mirror,
      units.map(({ name }) => name),
    );
    const plan = planBringUp(units, (name) => views.view(name), {
      target,
      replace: options.given("replace"),
    });
    for (const { name, source } of units) {
      for (const warning of source?.warnings ?? []) context.io.err(`WARNING: Unit ${name}: ${warning}\n`);
    }
    for (const warning of plan.warnings) context.io.err(`${warning}\n`);
    if (context.output !== "json") for (const note of plan.notes) context.io.out(`${note}\n`);
    const files = new Map(units.map(({ name, source }) => [name, source?.file ?? knownFile(name, tables)]));
    const kind = (name: string): string => (isGlobal(name, files.get(name)) ? "global unit" : "unit");
    return await changeUnits(context, store, mirror, {
      changes: plan.changes,
      unchanged: plan.unchanged.map((name) => ({ name, goal: target })),
      wait: verb === "submit" || options.given("block"),
      patience: patienceOf(options, files.values()),
      triggered: (name) => `Triggered ${kind(name)} ${name} ${verb}`,
    });
  });
  return finish(context, result);
}
