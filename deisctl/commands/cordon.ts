/** `deisctl cordon`: no new unit comes to a machine; what runs there goes on. */
import { chooseMachine } from "../choose-machine.ts";
import { type CommandDefinition, exit, outputFormat, printJson, UsageError } from "../command.ts";
import { machineLabel } from "../machine-label.ts";

export const cordon: CommandDefinition = {
  name: "cordon",
  summary: "close machines to new units; what runs there goes on",
  arguments: "[machine...]",
  flags: [{ flags: "--reason <text>", description: "why, for those who look at it later" }],
  examples: ["deisctl cordon f1ee0001 --reason 'disk is failing'"],
  notes: "Also ends a drain: units that have not left stay.",
  async run(context, args, options) {
    if (args.length === 0) throw new UsageError("No machines given");
    const store = await context.cluster();
    const { tables } = await store.read(["machines", "cordons"], context.signal);
    const known = [...tables.cordons.entries()].map(([id]) => id);
    const ids = [...new Set(args.map((word) => chooseMachine(word, tables.machines.entries(), known)))];
    const reason = options.text("reason");
    const since = context.now().toISOString();
    const closed = { drain: false, ...(reason === undefined ? {} : { reason }), since };
    await store.edit(
      ids.map((machine) => ({ kind: "cordon", machine, cordon: closed })),
      context.signal,
    );
    if (outputFormat(context) === "json")
      printJson(
        context,
        ids.map((machine) => ({ machine, ...closed })),
      );
    else for (const id of ids) context.io.out(`Machine ${machineLabel(id, tables.machines)} cordoned\n`);
    return exit.done;
  },
};
