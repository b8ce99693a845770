/** `deisctl submit`: make units known to the cluster without placing them. */
import type { CommandDefinition } from "../command.ts";
import { bringUp } from "../run-bring-up.ts";
import { replaceFlags } from "../unit-flags.ts";

export const submit: CommandDefinition = {
  name: "submit",
  summary: "give unit files to the cluster without placing them",
  arguments: "[unit...]",
  flags: replaceFlags,
  examples: ["deisctl submit web@.service", "deisctl submit --replace web@.service"],
  run: (context, args, options) => bringUp(context, args, options, "submit", "inactive"),
};
