/** `deisctl uninstall`: components are stopped and forgotten; their data volumes stay. */
import { type CommandDefinition, UsageError } from "../command.ts";
import { platformVerb } from "../platform-verb.ts";
import { bringDown } from "../run-bring-down.ts";
import { waitFlags } from "../unit-flags.ts";

export const uninstall: CommandDefinition = {
  name: "uninstall",
  summary: "stop and forget components, or the whole platform",
  arguments: "[component|platform...]",
  flags: waitFlags,
  examples: ["deisctl uninstall router@3", "deisctl uninstall platform"],
  async run(context, args, options) {
    if (args.length === 0) throw new UsageError("No components given");
    return await (platformVerb(context, args, options, "uninstall") ??
      bringDown(context, args, options, "destroy"));
  },
};
