/** `deisctl completion bash|zsh`: a script that completes commands, flags and unit names. */
import { type CommandDefinition, exit, UsageError } from "../command.ts";
import type { Completed } from "../completion.ts";

/** The command needs the whole program, itself included, so it is made rather than declared. */
export function completionCommand(completed: () => Completed): CommandDefinition {
  return {
    name: "completion",
    summary: "print a completion script for your shell",
    arguments: "[bash|zsh]",
    flags: [],
    examples: ["source <(deisctl completion bash)", "deisctl completion zsh > ~/.zfunc/_deisctl"],
    async run(context, [shell]) {
      const { bashCompletion, zshCompletion } = await import("../completion.ts");
      if (shell === "bash") context.io.out(bashCompletion(completed()));
      else if (shell === "zsh") context.io.out(zshCompletion(completed()));
      else throw new UsageError("Name the shell: deisctl completion bash, or deisctl completion zsh");
      return exit.done;
    },
  };
}
