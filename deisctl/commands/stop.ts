/** `deisctl stop`: units end but stay loaded on their machines. */
import type { CommandDefinition } from "../command.ts";
import { platformVerb } from "../platform-verb.ts";
import { bringDown } from "../run-bring-down.ts";
import { waitFlags } from "../unit-flags.ts";

export const stop: CommandDefinition = {
  name: "stop",
  summary: "stop units, components or the platform; they stay loaded",
  arguments: "[unit|component|platform...]",
  flags: waitFlags,
  examples: ["deisctl stop web@1", "deisctl stop 'web@*'", "deisctl stop platform"],
  run: (context, args, options) =>
    platformVerb(context, args, options, "stop") ?? bringDown(context, args, options, "stop"),
};
