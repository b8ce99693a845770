/** What a unit reserves must be free: `MemoryMax=` and `CPUQuota=` against what the machine announces. */
import type { Filter } from "./filter.ts";

export const resources: Filter = {
  name: "resources",
  rejects(unit, machine) {
    const wanted = unit.demand?.resources;
    const capacity = machine.machine?.capacity;
    if (!wanted || !capacity) return undefined;
    if (wanted.memoryBytes > 0 && machine.memoryBytes + wanted.memoryBytes > capacity.memoryBytes)
      return "memory";
    if (wanted.cpuMillis > 0 && machine.cpuMillis + wanted.cpuMillis > capacity.cpuMillis) return "cpu";
    return undefined;
  },
  words(about, count, unit) {
    const wanted = unit.demand?.resources;
    const amount =
      about === "memory"
        ? `${bytes(wanted?.memoryBytes ?? 0)} of memory`
        : `${(wanted?.cpuMillis ?? 0) / 10} % of a processor`;
    return `${count === 1 ? "has" : "have"} less than the reserved ${amount} free`;
  },
};

/** In the largest unit that needs no more than one decimal. */
function bytes(amount: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = amount;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Math.round(value * 10) / 10} ${units[unit]}`;
}
