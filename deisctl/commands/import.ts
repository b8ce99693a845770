/** `deisctl import fleet`: take over the units, targets and run-time metadata of a fleet cluster. The plan comes first. */
import { PlatformError } from "../../cluster/errors.ts";
import { type TargetState, targetStates } from "../../cluster/unit.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  type Options,
  outputFormat,
  printJson,
  UsageError,
} from "../command.ts";
import { readFleetKeyspace } from "../fleet-keyspace.ts";
import { readFleetTree } from "../fleet-source.ts";
import { type ImportPlan, type ImportStep, planImport } from "../import-plan.ts";
import { formatTable } from "../table.ts";

const usualEndpoint = "http://127.0.0.1:2379";
const usualPrefix = "/_coreos.com/fleet";

export const importCommand: CommandDefinition = {
  name: "import",
  summary: "take over the units of a fleet cluster",
  arguments: "[fleet]",
  flags: [
    { flags: "--from <url>", description: `fleet's etcd, with its version 2 API (default ${usualEndpoint})` },
    { flags: "--from-cafile <file>", description: "the authority that signed that etcd's certificate" },
    { flags: "--from-certfile <file>", description: "your certificate there" },
    { flags: "--from-keyfile <file>", description: "its key" },
    { flags: "--prefix <key>", description: `fleet's etcd_key_prefix (default ${usualPrefix})` },
    { flags: "--dump <file>", description: "read the JSON of a recursive GET instead" },
    {
      flags: "--target <state>",
      description: "the highest target state to give: inactive, loaded, launched (default)",
    },
    { flags: "--replace", description: "take fleet's text where the cluster has another" },
    { flags: "--dry-run", description: "only show the plan" },
    { flags: "-y, --yes", description: "do it without asking" },
  ],
  examples: [
    "deisctl import fleet --from http://10.0.0.1:2379 --dry-run",
    "deisctl import fleet --dump fleet.json --target inactive --yes",
  ],
  notes:
    "Stop fleet on a host before units of the same names start there. Can be repeated: what is there already is kept.",
  async run(context, args, options) {
    if (args.length !== 1 || args[0] !== "fleet")
      throw new UsageError("Usage: deisctl import fleet [options]");
    const highest = highestTarget(options);
    const json = await sourceOf(context, options);
    const fleet = readFleetKeyspace(json, options.text("prefix") ?? usualPrefix);
    const store = await context.cluster();
    const { tables } = await store.read(["units", "metadata"], context.signal);
    const plan = planImport(
      fleet,
      (name) => tables.units.get(name),
      (machine, key) => tables.metadata.get(`${machine}/${key}`),
      { replace: options.given("replace"), highest },
    );
    const text = outputFormat(context) === "text";
    if (text) printPlan(context, plan);
    const due = plan.steps.some(({ edit }) => edit !== undefined) || plan.metadata.length > 0;
    const agreed = due && !options.given("dryRun") && (options.given("yes") || (await agree(context)));
    if (agreed) {
      const edits = plan.steps.flatMap(({ edit }) => edit ?? []);
      if (edits.length > 0) await store.edit(edits, context.signal);
      if (plan.metadata.length > 0) await store.setMetadata(plan.metadata, context.signal);
    }
    if (!text) {
      const steps = plan.steps.map(({ edit: _, hash, target, note, ...step }) => ({
        ...step,
        hash: hash ?? null,
        target: target ?? null,
        note: note === "" ? null : note,
      }));
      printJson(context, { done: agreed, units: steps, metadata: plan.metadata });
    }
    return conclude(context, plan, agreed);
  },
};

async function sourceOf(context: CommandContext, options: Options): Promise<string> {
  const dump = options.text("dump");
  if (dump !== undefined) {
    if (options.text("from") !== undefined) throw new UsageError("--dump and --from exclude each other");
    return await fileText(context, dump, "--dump");
  }
  const url = options.text("from") ?? usualEndpoint;
  if (!/^https?:\/\/[^\s/]+\/?$/.test(url))
    throw new UsageError(`--from is "${url}", allowed is a URL such as http://10.0.0.1:2379`);
  const files = { ca: "fromCafile", cert: "fromCertfile", key: "fromKeyfile" } as const;
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const [part, option] of Object.entries(files) as [keyof typeof files, string][]) {
    const path = options.text(option);
    if (path !== undefined) tls[part] = await fileText(context, path, `--from-${part}file`);
  }
  return await readFleetTree({ url, tls }, options.text("prefix") ?? usualPrefix, context.signal);
}

async function fileText(context: CommandContext, path: string, flag: string): Promise<string> {
  const text = await context.files.read(path);
  if (text !== undefined) return text;
  throw new PlatformError("file-missing", `Cannot read "${path}"`, { hint: `Correct ${flag}` });
}

function highestTarget(options: Options): TargetState {
  const asked = options.text("target") ?? "launched";
  const target = targetStates.find((known) => known === asked);
  if (target !== undefined) return target;
  throw new UsageError(`--target is "${asked}", allowed are ${targetStates.join(", ")}`);
}

function printPlan(context: CommandContext, { steps, metadata }: ImportPlan): void {
  const rows = steps.map(({ unit, action, hash, target, note }) => [
    unit,
    action,
    hash?.slice(0, 7) ?? "",
    target ?? "",
    note,
  ]);
  const padding = context.io.outIsTerminal ? "spaces" : "tabs";
  context.io.out(formatTable(["unit", "action", "hash", "target", "note"], rows, { legend: true, padding }));
  for (const { machine, key, value } of metadata) {
    context.io.out(`metadata of ${machine}: ${value === "" ? `${key} hidden` : `${key}=${value}`}\n`);
  }
}

async function agree(context: CommandContext): Promise<boolean> {
  const answer = await context.ask("Do this? [y/N] ");
  context.signal.throwIfAborted();
  if (answer === undefined) context.io.err("Nothing was imported: `deisctl import fleet --yes` does it\n");
  return answer !== undefined && /^y(es)?$/i.test(answer.trim());
}

function conclude(context: CommandContext, { steps }: ImportPlan, agreed: boolean): ExitCode {
  const count = (...actions: readonly ImportStep["action"][]): number =>
    steps.filter(({ action }) => actions.includes(action)).length;
  const done = agreed ? "Imported" : "Would import";
  context.io.err(
    `${done}: ${count("submit", "replace")}, there already: ${count("keep")}, refused: ${count("refuse")}\n`,
  );
  if (agreed) context.io.err("`deisctl list-units` shows how they come up\n");
  return count("refuse") > 0 ? exit.failed : exit.done;
}
