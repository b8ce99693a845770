/** A unit runs only where the agent offers its runtime. */
import type { Filter } from "./filter.ts";

export const runtime: Filter = {
  name: "runtime",
  rejects(unit, machine) {
    const wanted = unit.demand?.runtime;
    return wanted === undefined || machine.machine?.runtimes.includes(wanted) ? undefined : wanted;
  },
  words: (about, count) => `${count === 1 ? "does" : "do"} not offer the runtime "${about}"`,
};
