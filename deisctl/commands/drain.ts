/** `deisctl drain`: empty machines, so that they can be rebooted, upgraded or taken away. */
import type { CommandDefinition } from "../command.ts";
import { moveFlags } from "../move-flags.ts";
import { drainMachines } from "../run-drain.ts";

export const drain: CommandDefinition = {
  name: "drain",
  summary: "close machines to new units and move theirs elsewhere",
  arguments: "[machine...]",
  flags: moveFlags,
  examples: [
    "deisctl drain f1ee0001",
    "deisctl drain 10.0.0.1 --reason 'kernel update'",
    "deisctl uncordon f1ee0001",
  ],
  notes:
    "A new copy is ready, and routed, before the old one stops; fenced and conflicting units stop first. Global units stay.",
  run: drainMachines,
};
