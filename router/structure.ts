/**
 * Reloads of nginx's structure that are over only when nginx serves it. `nginx -s reload` returns as soon as it has asked; a structure
 * that nginx then cannot take (a port that is in use, say) leaves the former one running without a word to whoever asked.
 */
import { readFile } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { Clock } from "../loop/clock.ts";
import type { RunCommand } from "../renderer/command.ts";
import type { Control } from "./control.ts";
import { digestOf } from "./serving.ts";

export interface StructureOptions {
  readonly run: RunCommand;
  readonly control: Control;
  /** nginx's configuration as rendered. */
  readonly file: string;
  /** False before nginx was started and while it stops: there is nothing to reload then. */
  readonly isRunning: () => boolean;
  readonly clock: Clock;
}

const lookMs = 15;

/** The command that runs a resource's reload command and resolves once nginx serves the structure that is on disk, or fails. */
export function servedReload({ run, control, file, isRunning, clock }: StructureOptions): RunCommand {
  return async (command, timeoutMs, signal) => {
    if (!isRunning()) return { output: "", failure: undefined, durationMs: 0 };
    const began = clock.monotonic();
    const wanted = digestOf(await readFile(file));
    const outcome = await run(command, timeoutMs, signal);
    if (outcome.failure) return outcome;
    while (isRunning()) {
      // Between two generations of workers there may be no answer for a moment.
      const state = await control.state(signal).catch(() => undefined);
      const durationMs = clock.monotonic() - began;
      if (state?.structure === wanted) return { ...outcome, durationMs };
      if (durationMs > timeoutMs) {
        const failure = new PlatformError(
          "structure-refused",
          `nginx does not serve "${file}" after its reload`,
          {
            hint: "The lines of nginx before this one say why",
            retryable: true,
          },
        );
        return { ...outcome, failure, durationMs };
      }
      await clock.sleep(lookMs, signal);
    }
    return outcome;
  };
}
