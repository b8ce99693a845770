/** `deisctl start`: units run on some machine; unknown ones are submitted first. */
import type { CommandDefinition } from "../command.ts";
import { platformVerb } from "../platform-verb.ts";
import { replaceRolling } from "../replace-rolling.ts";
import { rollingFlags, rollingOf } from "../rolling-flags.ts";
import { bringUp } from "../run-bring-up.ts";
import { replaceFlags, waitFlags } from "../unit-flags.ts";

export const start: CommandDefinition = {
  name: "start",
  summary: "run units, components or the platform, submitting files first",
  arguments: "[unit|component|platform...]",
  flags: [
    ...waitFlags,
    ...replaceFlags,
    ...rollingFlags,
    { flags: "--undo-on-failure", description: "with --rolling: give what was changed its former file back" },
  ],
  examples: [
    "deisctl start web@1 web@2",
    "deisctl start ./web.service --replace",
    "deisctl start web@.service --replace --rolling --max-unavailable 2",
    "deisctl start platform",
  ],
  notes:
    "web@1 is made from web@.service, in the cluster or beside you. Exit code 3: no machine can take it.",
  async run(context, args, options) {
    const rolling = rollingOf(options);
    if (rolling) return await replaceRolling(context, args, options, rolling);
    return await (platformVerb(context, args, options, "start") ??
      bringUp(context, args, options, "start", "launched"));
  },
};
