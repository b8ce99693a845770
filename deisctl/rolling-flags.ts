/** The flags of rolling changes, and their values. */
import type { Flag, Options } from "./command.ts";
import { UsageError } from "./command.ts";
import { maxUnavailable as checkMaxUnavailable } from "./rolling.ts";

export const rollingFlags: readonly Flag[] = [
  { flags: "--rolling", description: "one after the other, each ready before the next" },
  {
    flags: "--max-unavailable <n>",
    description: "with --rolling: how many at once, a number or share (default 1)",
  },
  {
    flags: "--min-ready <seconds>",
    description: "with --rolling: how long each must stay ready (default 0)",
  },
];

export interface Rolling {
  /** As given; it depends on how many there are. */
  readonly maxUnavailable: string | undefined;
  readonly minReadyMs: number;
}

const longestSeconds = 86_400;

/** Undefined without `--rolling`, unless that is `implied`. Throws `UsageError` if another of the flags is given without it. */
export function rollingOf(options: Options): Rolling | undefined;
export function rollingOf(options: Options, implied: true): Rolling;
export function rollingOf(options: Options, implied = false): Rolling | undefined {
  const maxUnavailable = options.text("maxUnavailable");
  // Told before anything is looked up or written.
  checkMaxUnavailable(maxUnavailable, 1);
  const minReady = options.integer("--min-ready", "minReady", 0, longestSeconds);
  if (implied || options.given("rolling")) return { maxUnavailable, minReadyMs: (minReady ?? 0) * 1_000 };
  const stray = ["maxUnavailable", "minReady"].find((name) => options.text(name) !== undefined);
  if (stray === undefined && !options.given("undoOnFailure")) return undefined;
  const flag =
    stray === undefined ? "--undo-on-failure" : stray === "minReady" ? "--min-ready" : "--max-unavailable";
  throw new UsageError(`${flag} says how a rolling change is made: add --rolling`);
}
