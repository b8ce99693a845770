/**
 * `start --replace --rolling`: running units are given new files, a few at a time. A template stands for itself and all its
 * instances; global units change machine by machine. Units that have the file already are passed over, so the same command goes on
 * where an earlier one stopped.
 */
import { PlatformError } from "../cluster/errors.ts";
import type { ClusterStore, UnitEdit } from "../cluster/ports.ts";
import type { UnitRecord } from "../cluster/unit.ts";
import { checkUnitFile } from "../cluster/unit.ts";
import { isTemplate, templateOf } from "../cluster/unit-name.ts";
import { type ChangeMirror, withMirror } from "./change-units.ts";
import { type CommandContext, type ExitCode, type Options, UsageError } from "./command.ts";
import { GlobalChange, heldMachines, machinesOf } from "./global-copies.ts";
import { type ClusterUnits, isGlobal, knownFile, knownNames } from "./known-units.ts";
import { checkPatience, patienceOf } from "./patience.ts";
import type { RollMember, RollResult } from "./roll.ts";
import { byNumber, byUnit, type Member } from "./rolling.ts";
import type { Rolling } from "./rolling-flags.ts";
import { finishRoll, memberText, runRoll } from "./run-roll.ts";
import { type ResolvedUnit, resolveUnitArguments, type Source } from "./unit-arguments.ts";
import { UnitViews } from "./unit-views.ts";
import { judge } from "./wait.ts";

/** What is to become of one unit. */
interface Change {
  readonly name: string;
  readonly record: UnitRecord | undefined;
  readonly source: Source | undefined;
  readonly global: boolean;
}

export async function replaceRolling(
  context: CommandContext,
  words: readonly string[],
  options: Options,
  rolling: Rolling,
): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("No units given");
  if (!options.given("replace")) throw new UsageError("--rolling replaces running units: add --replace");
  if (!options.given("block"))
    throw new UsageError("--rolling waits for each unit: it does not go with --no-block");
  checkPatience(options);
  return await withMirror(context, async (store, mirror) => {
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const named = await resolveUnitArguments(words, tables, context.files, { sources: true });
    const { templates, units } = withInstances(named, tables);
    for (const { name, source } of named) {
      for (const warning of source?.warnings ?? []) context.io.err(`WARNING: Unit ${name}: ${warning}\n`);
    }
    if (templates.length > 0) await store.edit(templates, context.signal);
    const plan = planRoll(units, tables, mirror, options);
    const outcome = await runRoll(
      context,
      store,
      mirror,
      {
        ...plan,
        participle: "replaced",
        resume: () => `deisctl start --replace --rolling ${words.join(" ")}`,
        ...(options.given("undoOnFailure")
          ? {}
          : { undo: () => "with the former file it goes back, and --undo-on-failure does so by itself" }),
      },
      rolling,
    );
    if (outcome.result.end.kind === "stopped" && options.given("undoOnFailure")) {
      await undo(context, store, mirror, {
        before: tables,
        units: named,
        result: outcome.result,
        options,
        rolling,
      });
    }
    return finishRoll(context, outcome);
  });
}

/** The templates' own submissions, and for each template its instances in place of it, with its text. */
function withInstances(
  named: readonly ResolvedUnit[],
  cluster: ClusterUnits,
): { readonly templates: readonly UnitEdit[]; readonly units: readonly ResolvedUnit[] } {
  const templates: UnitEdit[] = [];
  const units = new Map<string, ResolvedUnit>();
  for (const unit of named) {
    if (!isTemplate(unit.name)) {
      units.set(unit.name, unit);
      continue;
    }
    const { name, record, source } = unit;
    const stored = record && cluster.unitFiles.get(record.hash);
    const text = source?.text ?? stored;
    if (text === undefined)
      throw new PlatformError("unit-file-missing", `The cluster has no text of "${name}"`);
    if (source && source.hash !== record?.hash) {
      const { hash } = source;
      templates.push({ kind: "submit", name, hash, text, target: "inactive", expected: record });
    }
    for (const instance of knownNames(cluster)) {
      if (templateOf(instance) !== name) continue;
      const own = cluster.units.get(instance);
      const origin = source?.origin ?? name;
      units.set(instance, {
        name: instance,
        ...(own ? { record: own } : {}),
        source: { text, origin, ...checkUnitFile(instance, text) },
      });
    }
  }
  return { templates, units: [...units.values()].sort((a, b) => byNumber(a.name, b.name)) };
}

interface RollPlan {
  readonly members: readonly RollMember[];
  readonly unchanged: readonly string[];
  readonly editsFor: (members: readonly Member[]) => readonly UnitEdit[];
}

function planRoll(
  units: readonly ResolvedUnit[],
  cluster: ClusterUnits,
  mirror: ChangeMirror,
  options: Options,
): RollPlan {
  const views = new UnitViews(
    mirror,
    units.map(({ name }) => name),
  );
  const members: RollMember[] = [];
  const unchanged: string[] = [];
  const changes = new Map<string, (members: readonly Member[]) => readonly UnitEdit[]>();
  for (const unit of units) {
    const { name, record, source } = unit;
    const file = source?.file ?? knownFile(name, cluster);
    const patience = patienceOf(options, [file]);
    const change: Change = { name, record, source, global: isGlobal(name, file) };
    const machines =
      change.global && record?.target === "launched" ? machinesOf(name, mirror.tables.placements) : [];
    if (record && machines.length > 0) {
      const held = heldMachines(record);
      const differs = source !== undefined && source.hash !== record.hash;
      const due = differs ? machines : machines.filter((machine) => held.includes(machine));
      if (due.length === 0) unchanged.push(name);
      const begin = differs ? submission(change, machines) : undefined;
      const global = new GlobalChange(
        name,
        begin,
        held.filter((machine) => !machines.includes(machine)),
      );
      changes.set(name, (chosen) => global.editsFor(chosen));
      for (const machine of due) members.push({ unit: name, machine, patience });
      continue;
    }
    const edits = editsOf(change, () => judge(views.view(name), { goal: "ready", settled: true }).kind);
    if (!edits) {
      unchanged.push(name);
      continue;
    }
    changes.set(name, () => edits);
    members.push({ unit: name, patience });
  }
  const editsFor = (chosen: readonly Member[]): readonly UnitEdit[] => {
    return [...byUnit(chosen)].flatMap(([unit, own]) => changes.get(unit)?.(own) ?? []);
  };
  return { members, unchanged, editsFor };
}

/** What brings a unit to the new file, or up again where it has that file and failed; undefined if it is as wanted. */
function editsOf(change: Change, verdict: () => string): readonly UnitEdit[] | undefined {
  const { name, record, source } = change;
  if (source && source.hash !== record?.hash) return [submission(change)];
  if (record?.target !== "launched") return [{ kind: "target", name, target: "launched" }];
  switch (verdict()) {
    case "done":
      return undefined;
    case "failed":
      return [{ kind: "restart", name }];
    default:
      return [];
  }
}

function submission({ name, record, source }: Change, hold?: readonly string[]): UnitEdit {
  if (!source) throw new Error("nothing to submit");
  const { hash, text } = source;
  const edit = { kind: "submit", name, hash, text, target: "launched", expected: record } as const;
  return hold ? { ...edit, hold } : edit;
}

interface Undoing {
  /** The cluster before the roll. */
  readonly before: ClusterUnits;
  readonly units: readonly ResolvedUnit[];
  readonly result: RollResult;
  readonly options: Options;
  readonly rolling: Rolling;
}

/** Gives what was changed its former file back, by the same rules, and templates theirs. */
async function undo(
  context: CommandContext,
  store: ClusterStore,
  mirror: ChangeMirror,
  { before, units, result, options, rolling }: Undoing,
): Promise<void> {
  const touched = [...result.done, ...result.begun].toReversed();
  const { tables } = await store.read(["units", "unitFiles"], context.signal);
  const templates = units.flatMap(({ name }): UnitEdit[] => {
    const former = before.units.get(name);
    const text = former && before.unitFiles.get(former.hash);
    const now = tables.units.get(name);
    if (!isTemplate(name) || !former || text === undefined || now?.hash === former.hash) return [];
    return [{ kind: "submit", name, hash: former.hash, text, target: former.target, expected: now }];
  });
  if (templates.length > 0) await store.edit(templates, context.signal);
  const changes = new Map<string, (members: readonly Member[]) => readonly UnitEdit[]>();
  const members: RollMember[] = [];
  for (const [name, own] of byUnit(touched)) {
    const former = before.units.get(name);
    const text = former && before.unitFiles.get(former.hash);
    if (!former || text === undefined) {
      context.io.err(`Unit ${name} was not there before: it is left as it is\n`);
      continue;
    }
    if (former.hash === tables.units.get(name)?.hash) {
      context.io.err(`Unit ${name} had this file before: there is nothing to undo\n`);
      continue;
    }
    const machines = own.flatMap(({ machine }) => machine ?? []);
    const submit: UnitEdit = {
      kind: "submit",
      name,
      hash: former.hash,
      text,
      target: former.target,
      expected: tables.units.get(name),
      ...(machines.length === 0 ? {} : { hold: machines }),
    };
    const global = machines.length === 0 ? undefined : new GlobalChange(name, submit);
    changes.set(name, (chosen) => global?.editsFor(chosen) ?? [submit]);
    const patience = patienceOf(options, [knownFile(name, before)]);
    members.push(...own.map((member) => ({ ...member, patience })));
  }
  if (members.length === 0) return;
  context.io.err(`Undoing: ${members.map((member) => memberText(member, mirror)).join(", ")}\n`);
  await runRoll(
    context,
    store,
    mirror,
    {
      members,
      unchanged: [],
      participle: "restored",
      editsFor: (chosen) => [...byUnit(chosen)].flatMap(([unit, own]) => changes.get(unit)?.(own) ?? []),
      resume: () => "deisctl start --replace --rolling <former file>",
    },
    rolling,
  );
}
