/** `deisctl cat`: the unit file as it was submitted, comments and all. */
import { mangleUnitName } from "../../cluster/unit-name.ts";
import { type CommandDefinition, exit, outputFormat, printJson, UsageError } from "../command.ts";
import { knownNames } from "../known-units.ts";
import { selectUnits } from "../select-units.ts";

export const cat: CommandDefinition = {
  name: "cat",
  summary: "print a unit's file as it was submitted",
  arguments: "[unit]",
  flags: [],
  examples: ["deisctl cat web@1", "deisctl cat router@1"],
  async run(context, args) {
    const [word] = args;
    if (word === undefined || args.length > 1) throw new UsageError("One unit file must be provided");
    const store = await context.cluster();
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const { names } = selectUnits([word], knownNames(tables));
    const [name] = names;
    const record = name === undefined ? undefined : tables.units.get(name);
    const text = record && tables.unitFiles.get(record.hash);
    if (name === undefined || record === undefined || text === undefined) {
      context.io.err(`Unit ${mangleUnitName(word)} not found\n`);
      return exit.failed;
    }
    if (names.length > 1) throw new UsageError(`"${word}" means ${names.join(", ")}: name one of them`);
    if (outputFormat(context) === "json") printJson(context, { unit: name, hash: record.hash, text });
    else context.io.out(text);
    return exit.done;
  },
};
