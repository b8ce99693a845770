/** Runs `stop`, `unload`, `destroy` and `restart` over their plan: select, decide, write once, wait, say. */
import { type DownVerb, downGoals, planBringDown } from "./bring-down.ts";
import { changeUnits, finish, withMirror } from "./change-units.ts";
import { type CommandContext, type ExitCode, exit, type Options, UsageError } from "./command.ts";
import { isGlobal, knownFile, knownNames } from "./known-units.ts";
import { checkPatience, patienceOf } from "./patience.ts";
import { selectUnits } from "./select-units.ts";
import { UnitViews } from "./unit-views.ts";

const participles = { stop: "stopped", unload: "unloaded" } as const;

/** Words that mean no unit are told on stderr and make the command fail; the others are carried out all the same. */
export async function bringDown(
  context: CommandContext,
  words: readonly string[],
  options: Options,
  verb: DownVerb,
): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("No units given");
  checkPatience(options);
  return await withMirror(context, async (store, mirror) => {
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const { names, missing } = selectUnits(words, knownNames(tables));
    if (missing.length > 0) {
      context.io.err(`Units not found in registry: ${missing.join(", ")}\n`);
      context.io.err("Hint: `deisctl list-unit-files` shows the units the cluster knows\n");
    }
    const views = new UnitViews(mirror, names);
    const plan = planBringDown(verb, names, (name) => views.view(name));
    for (const refusal of plan.refusals) context.io.err(`${refusal}\n`);
    const wait = options.given("block");
    const result = await changeUnits(context, store, mirror, {
      changes: plan.changes,
      unchanged: plan.unchanged.map((name) => ({ name, goal: downGoals[verb] })),
      wait,
      patience: patienceOf(
        options,
        names.map((name) => knownFile(name, tables)),
      ),
      triggered: (name) => triggeredText(verb, name, isGlobal(name, knownFile(name, tables))),
    });
    const refused = plan.refusals.length > 0 || missing.length > 0;
    const exitCode = result.exitCode === exit.done && refused ? exit.failed : result.exitCode;
    if (wait && (verb === "stop" || verb === "unload") && names.length > 0 && plan.refusals.length === 0) {
      context.io.err(
        summary(
          verb,
          plan.changes.map(({ name }) => name),
          result.exitCode,
        ),
      );
    }
    return finish(context, { ...result, exitCode });
  });
}

function triggeredText(verb: DownVerb, name: string, global: boolean): string {
  if (verb === "destroy") return `Destroyed ${name}`;
  return `Triggered ${global ? "global " : ""}unit ${name} ${verb}`;
}

function summary(verb: "stop" | "unload", names: readonly string[], exitCode: ExitCode): string {
  const list = `[${names.join(" ")}]`;
  if (exitCode === exit.done) return `Successfully ${participles[verb]} units ${list}.\n`;
  return `Failed to ${verb} units ${list}. exit == ${exitCode}.\n`;
}
