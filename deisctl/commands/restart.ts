/** `deisctl restart`: units are stopped and started again where they are. */
import type { CommandDefinition } from "../command.ts";
import { platformVerb } from "../platform-verb.ts";
import { bringDown } from "../run-bring-down.ts";
import { waitFlags } from "../unit-flags.ts";

export const restart: CommandDefinition = {
  name: "restart",
  summary: "restart units, components or the platform where they are",
  arguments: "[unit|component|platform...]",
  flags: waitFlags,
  examples: ["deisctl restart web@1", "deisctl restart router"],
  run: (context, args, options) =>
    platformVerb(context, args, options, "restart") ?? bringDown(context, args, options, "restart"),
};
