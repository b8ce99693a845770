/** Installs components or the whole platform: templates are read, filled in and checked, then submitted as loaded, section by section. */
import { PlatformError } from "../cluster/errors.ts";
import type { Mirror, UnitEdit } from "../cluster/ports.ts";
import { type CheckedUnitFile, checkUnitFile } from "../cluster/unit.ts";
import { version as platformVersion } from "../cluster/version.ts";
import { expandMesh, parseComponent, platformSections } from "../units/components.ts";
import { componentsIn, loadDecorator, loadTemplate, templateDirectories } from "../units/index.ts";
import { instantiate } from "../units/instantiate.ts";
import { type ChangeResult, changeUnits, finish, type UnitChange, withMirror } from "./change-units.ts";
import { type CommandContext, type ExitCode, exit, type Options, outputFormat } from "./command.ts";
import { checkPatience, patienceOf } from "./patience.ts";
import { banner, componentText, farewell } from "./platform-text.ts";
import { worst } from "./run-platform.ts";
import { UnitViews, type WatchedTables } from "./unit-views.ts";
import { judge } from "./wait.ts";

/** A unit ready to be submitted. */
interface Installable extends CheckedUnitFile {
  readonly name: string;
  readonly text: string;
}

interface InstallSection {
  readonly heading?: string;
  readonly units: readonly Installable[];
}

/** Every component of the platform that has a template; `meshSize` routers. */
export async function installPlatform(
  context: CommandContext,
  options: Options,
  meshSize: number,
): Promise<ExitCode> {
  const components = await componentsIn(templateDirectories(context.files.env));
  const sections = platformSections("install", (component) => components.has(component));
  const prepared = await prepare(
    context,
    options,
    sections.map(({ heading, components: names }) => ({
      heading,
      words: names.flatMap((name) => expandMesh(name, meshSize)),
    })),
  );
  const config = await context.config();
  if ((await config.get("platform", "domain", context.signal)) === undefined) {
    context.io.err("WARNING: no platform domain is set yet; apps will need one.\n");
    context.io.err("Hint: `deisctl config platform set domain=<your-domain>`\n");
  }
  return await install(context, options, prepared, true);
}

/** The named components: `router@1 registry`. */
export async function installComponents(
  context: CommandContext,
  words: readonly string[],
  options: Options,
): Promise<ExitCode> {
  return await install(context, options, await prepare(context, options, [{ words }]), false);
}

async function prepare(
  context: CommandContext,
  options: Options,
  sections: readonly { readonly heading?: string; readonly words: readonly string[] }[],
): Promise<readonly InstallSection[]> {
  checkPatience(options);
  const settings = await platformSettings(context);
  const prepared: InstallSection[] = [];
  for (const { words, ...heading } of sections) {
    const units: Installable[] = [];
    for (const word of words) units.push(await installable(context, word, settings));
    prepared.push({ ...heading, units });
  }
  return prepared;
}

interface PlatformSettings {
  readonly version: string;
  readonly decorate: boolean;
}

async function platformSettings(context: CommandContext): Promise<PlatformSettings> {
  const settings = await (await context.config()).list("platform", context.signal);
  return {
    version: settings.get("version") ?? platformVersion,
    decorate: /^(1|t|true)$/i.test(settings.get("enablePlacementOptions") ?? ""),
  };
}

async function installable(
  context: CommandContext,
  word: string,
  settings: PlatformSettings,
): Promise<Installable> {
  const target = parseComponent(word);
  if (!target) {
    throw new PlatformError("component-unknown", `Could not parse target: ${word}`, {
      hint: "Name a component such as router@1 or registry@1, or platform",
    });
  }
  const { component, unit: name } = target;
  const directories = templateDirectories(context.files.env);
  const template = await loadTemplate(component, directories);
  const text = instantiate(template, {
    component,
    image: await (await context.config()).get(component, "image", context.signal),
    version: settings.version,
    decorator: settings.decorate ? await loadDecorator(component, directories) : undefined,
  });
  try {
    return { name, text, ...checkUnitFile(name, text) };
  } catch (cause) {
    throw new PlatformError(
      "unit-refused",
      `Error creating units: cannot use the template of ${component} as ${name}`,
      { cause },
    );
  }
}

async function install(
  context: CommandContext,
  options: Options,
  sections: readonly InstallSection[],
  platform: boolean,
): Promise<ExitCode> {
  const say = (line: string): void => {
    if (outputFormat(context) === "text") context.io.out(line);
  };
  return await withMirror(context, async (store, mirror) => {
    if (platform) say(banner("install", context.io.color));
    const results: ChangeResult[] = [];
    for (const { heading, units } of sections) {
      if (heading !== undefined) say(`${heading}\n`);
      const views = new UnitViews(
        mirror,
        units.map(({ name }) => name),
      );
      const changes: UnitChange[] = [];
      const unchanged: string[] = [];
      for (const unit of units) {
        const standing = installedAs(unit, views);
        if (standing === undefined) {
          changes.push({ name: unit.name, edits: installEdits(unit, mirror), goal: "loaded" });
          continue;
        }
        unchanged.push(unit.name);
        say(`${unit.name}: already ${standing}\n`);
      }
      for (const unit of units) warn(context, unit, mirror);
      const result = await changeUnits(context, store, mirror, {
        changes,
        unchanged: unchanged.map((name) => ({ name, goal: "loaded" as const })),
        wait: options.given("block"),
        patience: patienceOf(
          options,
          units.map(({ file }) => file),
        ),
        tell: componentText,
      });
      results.push(result);
      if (result.exitCode === exit.interrupted) break;
    }
    const exitCode = worst(results.map((result) => result.exitCode));
    if (platform && exitCode === exit.done) say(farewell("install", false));
    return finish(context, { exitCode, reports: results.flatMap((result) => result.reports) });
  });
}

/** `loaded` or `launched` if there is nothing left to do for the unit. */
function installedAs(unit: Installable, views: UnitViews): string | undefined {
  const view = views.view(unit.name);
  const target = view.record?.target;
  if (target === undefined || target === "inactive") return undefined;
  const verdict = judge(view, { goal: "loaded", settled: true });
  return verdict.kind === "done" ? target : undefined;
}

/** An installed component keeps its text, as in Deis: a new one comes by uninstalling it first. */
function installEdits(unit: Installable, mirror: Mirror<WatchedTables>): UnitEdit[] {
  const { name, text, hash } = unit;
  const record = mirror.tables.units.get(name);
  if (!record) return [{ kind: "submit", name, hash, text, target: "loaded", expected: undefined }];
  return record.target === "inactive" ? [{ kind: "target", name, target: "loaded" }] : [];
}

/** What a template of the operator's own asks for in vain, and an installed text that is not its template's. */
function warn(context: CommandContext, unit: Installable, mirror: Mirror<WatchedTables>): void {
  for (const warning of unit.warnings) context.io.err(`WARNING: Unit ${unit.name}: ${warning}\n`);
  const record = mirror.tables.units.get(unit.name);
  if (!record || record.hash === unit.hash) return;
  context.io.err(`WARNING: Unit ${unit.name} in registry differs from its template and is kept as it is\n`);
  context.io.err(`Hint: \`deisctl uninstall ${unit.name}\`, then install it again\n`);
}
