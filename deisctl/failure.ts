/** How an error is shown to the person who typed the command: the chain of causes in one line, then what to do next. */
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";

/** One or two lines for stderr. An error that is ours (a bug) shows its stack: somebody has to mend it. */
export function formatFailure(error: unknown): string {
  if (!(error instanceof PlatformError)) {
    return `Error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  }
  const text = describeError(error);
  const hint = hintOf(error);
  return `${text.startsWith("Error") ? "" : "Error: "}${text}\n${hint === undefined ? "" : `Hint: ${hint}\n`}`;
}
