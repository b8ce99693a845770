/** `deisctl destroy`: units are stopped, taken off their machines and forgotten. */
import type { CommandDefinition } from "../command.ts";
import { bringDown } from "../run-bring-down.ts";
import { waitFlags } from "../unit-flags.ts";

export const destroy: CommandDefinition = {
  name: "destroy",
  summary: "stop units and forget them",
  arguments: "[unit...]",
  flags: waitFlags,
  examples: ["deisctl destroy web@1", "deisctl destroy 'web@*'"],
  notes: "Waits until nothing of the unit is left anywhere; --no-block returns at once.",
  run: (context, args, options) => bringDown(context, args, options, "destroy"),
};
