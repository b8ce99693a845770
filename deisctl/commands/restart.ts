/** `deisctl restart`: units are stopped and started again where they are. */
import type { CommandDefinition } from "../command.ts";
import { platformVerb } from "../platform-verb.ts";
import { restartRolling } from "../restart-rolling.ts";
import { rollingFlags, rollingOf } from "../rolling-flags.ts";
import { bringDown } from "../run-bring-down.ts";
import { waitFlags } from "../unit-flags.ts";

export const restart: CommandDefinition = {
  name: "restart",
  summary: "restart units, components or the platform where they are",
  arguments: "[unit|component|platform...]",
  flags: [...waitFlags, ...rollingFlags],
  examples: [
    "deisctl restart web@1",
    "deisctl restart --rolling 'web@*' --max-unavailable 25%",
    "deisctl restart --rolling logspout",
  ],
  notes:
    "--rolling takes a global unit machine by machine, and stops at the first that does not become ready.",
  async run(context, args, options) {
    const rolling = rollingOf(options);
    if (rolling) return await restartRolling(context, args, options, rolling);
    return await (platformVerb(context, args, options, "restart") ??
      bringDown(context, args, options, "restart"));
  },
};
