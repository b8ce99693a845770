/** `MachineID=`: only the machine of that full id. */
import type { Filter } from "./filter.ts";

export const machineId: Filter = {
  name: "machine-id",
  rejects(unit, machine) {
    const asked = unit.demand?.requirements.machineId;
    return asked === undefined || asked === machine.id ? undefined : asked;
  },
  words: (about, count) => `${count === 1 ? "is" : "are"} not the machine "${about}" that MachineID asks for`,
};
