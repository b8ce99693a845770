/** `deisctl unload`: units leave their machines; the cluster still knows them. */
import type { CommandDefinition } from "../command.ts";
import { bringDown } from "../run-bring-down.ts";
import { waitFlags } from "../unit-flags.ts";

export const unload: CommandDefinition = {
  name: "unload",
  summary: "take units off their machines; the cluster still knows them",
  arguments: "[unit...]",
  flags: waitFlags,
  examples: ["deisctl unload web@1"],
  run: (context, args, options) => bringDown(context, args, options, "unload"),
};
