/** `deisctl scale`: how many instances there are. */
import type { CommandDefinition } from "../command.ts";
import { scaleUnits } from "../run-scale.ts";
import { waitFlags } from "../unit-flags.ts";

export const scale: CommandDefinition = {
  name: "scale",
  summary: "start or destroy instances until there are as many as asked for",
  arguments: "[component|template=count...]",
  flags: waitFlags,
  examples: ["deisctl scale web=5", "deisctl scale router=2 registry=1"],
  notes:
    "The highest numbers go first. New ones come from the template, web@.service, or the platform's own.",
  run: scaleUnits,
};
