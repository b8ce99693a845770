/** `deisctl version`. */
import { version as platformVersion } from "../../cluster/version.ts";
import { type CommandDefinition, exit, outputFormat, printJson } from "../command.ts";

/** The line that `version`, `--version` and `-v` print. */
export function versionLine(): string {
  return `deisctl version ${platformVersion}`;
}

export const version: CommandDefinition = {
  name: "version",
  summary: "print the version",
  arguments: "",
  flags: [],
  examples: ["deisctl version"],
  async run(context) {
    if (outputFormat(context) === "json") printJson(context, { version: platformVersion });
    else context.io.out(`${versionLine()}\n`);
    return exit.done;
  },
};
