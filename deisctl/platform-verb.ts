/** The word `platform` means every component of the platform, and stands alone. */
import type { PlatformVerb } from "../units/components.ts";
import { type CommandContext, type ExitCode, type Options, UsageError } from "./command.ts";
import { runPlatform } from "./run-platform.ts";

/** Runs the verb on the platform if that is what the words say; undefined if they name units. */
export function platformVerb(
  context: CommandContext,
  words: readonly string[],
  options: Options,
  verb: Exclude<PlatformVerb, "install">,
): Promise<ExitCode> | undefined {
  if (!words.includes("platform")) return undefined;
  if (words.length > 1) throw new UsageError('"platform" stands alone: it already means every component');
  return runPlatform(context, options, verb);
}
