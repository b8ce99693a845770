/** `deisctl uncordon`: open machines to new units again, and end their drain. */
import { chooseMachine } from "../choose-machine.ts";
import { type CommandDefinition, exit, outputFormat, printJson, UsageError } from "../command.ts";
import { machineLabel } from "../machine-label.ts";

export const uncordon: CommandDefinition = {
  name: "uncordon",
  summary: "open machines to new units again, and end their drain",
  arguments: "[machine...]",
  flags: [],
  examples: ["deisctl uncordon f1ee0001"],
  notes: "Nothing moves back by itself: `deisctl rebalance` evens out.",
  async run(context, args) {
    if (args.length === 0) throw new UsageError("No machines given");
    const store = await context.cluster();
    const { tables } = await store.read(["machines", "cordons"], context.signal);
    const { machines, cordons } = tables;
    const known = [...cordons.entries()].map(([id]) => id);
    const ids = [...new Set(args.map((word) => chooseMachine(word, machines.entries(), known)))];
    // Also one whose cordon cannot be read.
    const closed = ids.filter((id) => cordons.get(id) !== undefined || cordons.unreadable.has(id));
    await store.edit(
      closed.map((machine) => ({ kind: "uncordon", machine })),
      context.signal,
    );
    if (outputFormat(context) === "json") {
      printJson(
        context,
        ids.map((machine) => ({ machine, wasCordoned: closed.includes(machine) })),
      );
      return exit.done;
    }
    for (const id of ids) {
      const label = machineLabel(id, machines);
      if (closed.includes(id)) context.io.out(`Machine ${label} uncordoned\n`);
      else context.io.err(`Machine ${label} is not cordoned: nothing to do\n`);
    }
    return exit.done;
  },
};
