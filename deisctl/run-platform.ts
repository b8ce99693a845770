/** Starts, restarts, stops and uninstalls the whole platform, section by section. */
import { PlatformError } from "../cluster/errors.ts";
import { type PlatformVerb, platformSections, type Section } from "../units/components.ts";
import { planBringDown } from "./bring-down.ts";
import { planBringUp } from "./bring-up.ts";
import { type ChangeResult, changeUnits, finish, withMirror } from "./change-units.ts";
import { type CommandContext, type ExitCode, exit, type Options, outputFormat } from "./command.ts";
import { knownFile, knownNames } from "./known-units.ts";
import { checkPatience, patienceOf } from "./patience.ts";
import { banner, componentText, farewell } from "./platform-text.ts";
import { selectUnits } from "./select-units.ts";
import { UnitViews } from "./unit-views.ts";

type Verb = Exclude<PlatformVerb, "install">;

/**
 * `start` asks for everything at once, as Deis did, and then waits section by section; the others ask for one section when the one
 * before is done. A unit that fails or cannot be placed is told and stops nobody else.
 */
export async function runPlatform(context: CommandContext, options: Options, verb: Verb): Promise<ExitCode> {
  checkPatience(options);
  const text = outputFormat(context) === "text";
  const say = (line: string): void => {
    if (text) context.io.out(line);
  };
  return await withMirror(context, async (store, mirror) => {
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const known = knownNames(tables);
    const sections = installedSections(verb, known);
    if (sections.length === 0) {
      context.io.err("None of the platform's components is installed: nothing to uninstall\n");
      return finish(context, { exitCode: exit.done, reports: [] });
    }
    const views = new UnitViews(mirror, known);
    const plans = sections.map(({ heading, components }) => {
      const { changes, unchanged } = planSection(verb, components, views);
      return { heading, changes, unchanged };
    });
    say(banner(verb, context.io.color));
    let since: bigint | undefined;
    if (verb === "start") {
      const edits = plans.flatMap(({ changes }) => changes.flatMap((change) => change.edits));
      if (edits.length > 0) since = await store.edit(edits, context.signal);
    }
    const results: ChangeResult[] = [];
    for (const { heading, changes, unchanged } of plans) {
      say(`${heading}\n`);
      for (const name of unchanged) say(`${name}: already ${standing(verb)}\n`);
      const result = await changeUnits(context, store, mirror, {
        changes: since === undefined ? changes : changes.map((change) => ({ ...change, edits: [] })),
        unchanged: unchanged.map((name) => ({ name, goal: "launched" as const })),
        wait: options.given("block"),
        patience: patienceOf(
          options,
          changes.map(({ name }) => knownFile(name, tables)),
        ),
        tell: componentText,
        ...(since === undefined ? {} : { since }),
      });
      results.push(result);
      if (result.exitCode === exit.interrupted) break;
    }
    const exitCode = worst(results.map((result) => result.exitCode));
    if (exitCode === exit.done) say(farewell(verb, known.includes("deis-controller.service")));
    return finish(context, { exitCode, reports: results.flatMap((result) => result.reports) });
  });
}

/** The exit code of several steps: Ctrl-C, then a failure, then "cannot be placed". */
export function worst(codes: readonly ExitCode[]): ExitCode {
  const order: readonly ExitCode[] = [exit.interrupted, exit.failed, exit.unplaceable];
  return order.find((code) => codes.includes(code)) ?? exit.done;
}

/** The sections with the names of installed units in place of components. Throws if there are none, unless that is what is wanted. */
function installedSections(verb: Verb, known: readonly string[]): readonly Section[] {
  const sections = platformSections(verb, () => true)
    .map(({ heading, components }) => ({
      heading,
      components: selectUnits(components, known.filter(isComponent)).names,
    }))
    .filter(({ components }) => components.length > 0);
  if (sections.length > 0 || verb === "uninstall") return sections;
  throw new PlatformError(
    "platform-not-installed",
    `Cannot ${verb} the platform: none of its components is installed`,
    {
      hint: "Run `deisctl install platform`",
    },
  );
}

function isComponent(name: string): boolean {
  return name.startsWith("deis-");
}

function planSection(verb: Verb, names: readonly string[], views: UnitViews) {
  const viewOf = (name: string) => views.view(name);
  if (verb === "start") {
    const units = names.map((name) => {
      const { record } = views.view(name);
      return { name, ...(record ? { record } : {}) };
    });
    return planBringUp(units, viewOf, { target: "launched", replace: false });
  }
  if (verb === "stop") {
    const placed = names.filter((name) => views.view(name).copies.length > 0);
    return planBringDown("stop", placed, viewOf);
  }
  return planBringDown(verb === "uninstall" ? "destroy" : "restart", names, viewOf);
}

function standing(verb: Verb): string {
  return verb === "start" || verb === "restart" ? "running" : "stopped";
}
