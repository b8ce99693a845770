/** `scale web=5`: as many instances of a template, or of a component of the platform, as asked for. */
import { templateOf } from "../cluster/unit-name.ts";
import {
  type CommandContext,
  type ExitCode,
  exit,
  type Options,
  outputFormat,
  printJson,
  UsageError,
} from "./command.ts";
import { knownNames } from "./known-units.ts";
import { bringDown } from "./run-bring-down.ts";
import { bringUp } from "./run-bring-up.ts";
import { installComponents } from "./run-install.ts";
import { worst } from "./run-platform.ts";

const mostInstances = 10_000;

export interface ScalePlan {
  readonly start: readonly number[];
  /** The highest first. */
  readonly destroy: readonly number[];
}

/** Free numbers are taken from the lowest on, taken ones given up from the highest on: gaps are no harm. Pure. */
export function planScale(taken: readonly number[], wanted: number): ScalePlan {
  const inUse = new Set(taken);
  const start: number[] = [];
  for (let number = 1; inUse.size + start.length < wanted; number += 1)
    if (!inUse.has(number)) start.push(number);
  const surplus = Math.max(0, inUse.size - wanted);
  return { start, destroy: [...inUse].sort((a, b) => b - a).slice(0, surplus) };
}

/** What `scale` does, as the words of other commands. */
interface Work {
  readonly start: string[];
  readonly destroy: string[];
  /** Components to be installed before they are started. */
  readonly install: string[];
}

export async function scaleUnits(
  context: CommandContext,
  words: readonly string[],
  options: Options,
): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("Nothing to scale given, for example: web=5");
  const wanted = words.map(parseWord);
  const store = await context.cluster();
  const { tables } = await store.read(["units"], context.signal);
  const known = knownNames(tables);
  const work: Work = { start: [], destroy: [], install: [] };
  for (const { name, count } of wanted) await plan(name, count, known, context, work);
  return await collected(context, async (each) => {
    const codes: ExitCode[] = [];
    if (work.install.length > 0) codes.push(await installComponents(each, work.install, options));
    const start = [...work.start, ...work.install];
    if (start.length > 0 && worst(codes) !== exit.interrupted) {
      codes.push(await bringUp(each, start, options, "start", "launched"));
    }
    if (work.destroy.length > 0 && worst(codes) !== exit.interrupted) {
      codes.push(await bringDown(each, work.destroy, options, "destroy"));
    }
    return worst(codes);
  });
}

function parseWord(word: string): { readonly name: string; readonly count: number } {
  const [, name, digits] = /^([^=]+?)(?:@(?:\.service)?)?=(\d{1,5})$/.exec(word) ?? [];
  const count = Number(digits);
  if (name !== undefined && count <= mostInstances) return { name, count };
  throw new UsageError(`Could not parse: ${word}, for example: web=5 (at most ${mostInstances})`);
}

async function plan(
  name: string,
  count: number,
  known: readonly string[],
  context: CommandContext,
  work: Work,
): Promise<void> {
  const own = `${name}@.service`;
  const component = `deis-${name.replace(/^deis-/, "")}@.service`;
  const has = (template: string): boolean => known.some((unit) => templateOf(unit) === template);
  const isOwn = has(own) || (!has(component) && (await context.files.read(own)) !== undefined);
  const template = isOwn ? own : component;
  const prefix = template.slice(0, -".service".length);
  const taken = known.flatMap((unit) => {
    const digits = templateOf(unit) === template ? unit.slice(prefix.length, -".service".length) : "";
    return /^[1-9]\d*$/.test(digits) ? [Number(digits)] : [];
  });
  const { start, destroy } = planScale(taken, count);
  const units = (numbers: readonly number[]): string[] =>
    numbers.map((number) => `${prefix}${number}.service`);
  work.destroy.push(...units(destroy));
  if (isOwn) work.start.push(...units(start));
  else work.install.push(...start.map((number) => `${prefix.slice("deis-".length)}${number}`));
}

/** The commands that this one is made of print a JSON array each: with `--output json` they become one. */
async function collected(
  context: CommandContext,
  run: (context: CommandContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (outputFormat(context) === "text") return await run(context);
  const reports: unknown[] = [];
  const out = (text: string): void => {
    reports.push(...(JSON.parse(text) as unknown[]));
  };
  const code = await run({ ...context, io: { ...context.io, out } });
  printJson(context, reports);
  return code;
}
