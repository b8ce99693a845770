/** `MachineMetadata=`: for every key asked for, one of the values asked for. */
import type { Filter } from "./filter.ts";

export const metadata: Filter = {
  name: "metadata",
  rejects(unit, machine) {
    for (const [key, values] of unit.demand?.requirements.machineMetadata ?? []) {
      const value = machine.machine?.metadata[key];
      if (value === undefined || !values.includes(value)) {
        return values.map((wanted) => `"${key}=${wanted}"`).join(" or ");
      }
    }
    return undefined;
  },
  words: (about, count) => `${count === 1 ? "lacks" : "lack"} metadata ${about}`,
};
