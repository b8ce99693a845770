/** `MachineMetadata=`: for every key asked for, one of the values asked for; and none of the values ruled out by `!=`. */
import type { Filter } from "./filter.ts";

export const metadata: Filter = {
  name: "metadata",
  rejects(unit, machine) {
    const requirements = unit.demand?.requirements;
    const announced = machine.machine?.metadata;
    for (const [key, values] of requirements?.machineMetadata ?? []) {
      const value = announced?.[key];
      if (value === undefined || !values.includes(value)) {
        return `lacks ${values.map((wanted) => `"${key}=${wanted}"`).join(" or ")}`;
      }
    }
    for (const [key, values] of requirements?.machineMetadataNot ?? []) {
      const value = announced?.[key];
      if (value !== undefined && values.includes(value)) return `has "${key}=${value}"`;
    }
    return undefined;
  },
  words(about, count) {
    const [verb = "", pair] = [about.slice(0, about.indexOf(" ")), about.slice(about.indexOf(" ") + 1)];
    if (verb === "has") return `${count === 1 ? "has" : "have"} metadata ${pair} which is ruled out`;
    return `${count === 1 ? "lacks" : "lack"} metadata ${pair}`;
  },
};
