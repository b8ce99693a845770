/** The flags of the commands that move units, and their patience. */
import type { Flag, Options } from "./command.ts";

export const moveFlags: readonly Flag[] = [
  { flags: "--no-wait", description: "do not wait until the units have moved" },
  { flags: "--no-block", description: "the same", hidden: true },
  { flags: "--timeout <seconds>", description: "give up when nothing has moved for so long (default 600)" },
  { flags: "--reason <text>", description: "why, for those who look at it later" },
];

const defaultSeconds = 600;
const longestSeconds = 86_400;

/** How long nothing may happen, in ms. Throws `UsageError`. */
export function movePatienceMs(options: Options): number {
  return (options.integer("--timeout", "timeout", 1, longestSeconds) ?? defaultSeconds) * 1_000;
}
