/** `deisctl load`: have units placed and their files on a machine, ready to start. */
import type { CommandDefinition } from "../command.ts";
import { bringUp } from "../run-bring-up.ts";
import { replaceFlags, waitFlags } from "../unit-flags.ts";

export const load: CommandDefinition = {
  name: "load",
  summary: "place units on machines without starting them",
  arguments: "[unit...]",
  flags: [...waitFlags, ...replaceFlags],
  examples: ["deisctl load web@1.service web@2.service"],
  run: (context, args, options) => bringUp(context, args, options, "load", "loaded"),
};
