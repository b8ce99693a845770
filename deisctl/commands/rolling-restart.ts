/** `deisctl rolling-restart`: Deis v1's word for `restart --rolling`. */
import type { CommandDefinition } from "../command.ts";
import { restartRolling } from "../restart-rolling.ts";
import { rollingFlags, rollingOf } from "../rolling-flags.ts";
import { waitFlags } from "../unit-flags.ts";

export const rollingRestart: CommandDefinition = {
  name: "rolling-restart",
  hidden: true,
  summary: "restart units one after the other: restart --rolling",
  arguments: "[unit|component...]",
  flags: [...waitFlags, ...rollingFlags.filter(({ flags }) => flags !== "--rolling")],
  examples: ["deisctl rolling-restart router"],
  run: (context, args, options) => restartRolling(context, args, options, rollingOf(options, true)),
};
