/** `MaxPerMachine=`: so many instances of the template on one machine, by the lowest limit that any of them has. */
import type { Filter } from "./filter.ts";

export const maxPerMachine: Filter = {
  name: "max-per-machine",
  rejects(unit, machine) {
    const { template } = unit;
    const limit = template?.limitOn(machine, unit.demand?.requirements.maxPerMachine);
    if (!template || limit === undefined || template.on.of(machine) < limit) return undefined;
    return String(limit);
  },
  words(about, count, unit) {
    const instances = about === "1" ? "an instance" : `${about} instances`;
    return `${count === 1 ? "runs" : "run"} ${instances} of "${unit.template?.name}", and MaxPerMachine allows no more`;
  },
};
