/** `deisctl verify`: fleetctl had it, and it never did anything in fleet 1.0. */
import { type CommandDefinition, exit } from "../command.ts";

export const verify: CommandDefinition = {
  name: "verify",
  hidden: true,
  summary: "say that units are not signed",
  arguments: "[unit...]",
  flags: [],
  examples: ["deisctl verify web.service"],
  async run(context) {
    context.io.err("WARNING: The signed/verified units feature is DEPRECATED and cannot be used.\n");
    return exit.usage;
  },
};
