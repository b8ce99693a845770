/** `deisctl list-machines`: the hosts whose agents are alive. */
import type { Cordon } from "../../cluster/cordon.ts";
import type { Machine } from "../../cluster/machine.ts";
import { machinesWithMetadata } from "../../cluster/machine-metadata.ts";
import type { CommandDefinition } from "../command.ts";
import { machineLabel, shortMachineId } from "../machine-label.ts";
import { listFlags, printList } from "../print-list.ts";

const columnNames = [
  "machine",
  "ip",
  "metadata",
  "memory",
  "cpus",
  "runtimes",
  "version",
  "api",
  "cordon",
] as const;

export const listMachines: CommandDefinition = {
  name: "list-machines",
  aliases: ["machines"],
  summary: "show the machines of the cluster",
  arguments: "",
  flags: listFlags(columnNames),
  examples: ["deisctl list-machines", "deisctl list-machines --full --fields=machine,memory,cpus"],
  async run(context, _args, options) {
    const store = await context.cluster();
    const { tables } = await store.read(["machines", "metadata", "cordons"], context.signal);
    const full = options.given("full");
    const machines = machinesWithMetadata(tables);
    const code = printList<Machine>(context, options, machines, {
      standard: ["machine", "ip", "metadata"],
      columns: {
        machine: (row) => shortMachineId(row.id, full),
        ip: (row) => row.address,
        metadata: metadataText,
        memory: (row) => `${Math.floor(row.capacity.memoryBytes / 1_048_576)}M`,
        cpus: (row) => String(row.capacity.cpuMillis / 1_000),
        runtimes: (row) => row.runtimes.join(","),
        version: (row) => row.version,
        api: (row) => row.api ?? "",
        cordon: (row) => cordonText(tables.cordons.get(row.id)),
      },
      json: (row) => ({ ...row, api: row.api ?? null, cordon: tables.cordons.get(row.id) ?? null }),
    });
    // fleetctl's table has no column for it; a person is told, a script asks for the field.
    if (!context.io.errIsTerminal) return code;
    for (const { id } of machines) {
      const cordon = tables.cordons.get(id);
      if (!cordon) continue;
      const state = cordon.drain ? "being drained" : "cordoned";
      const reason = cordon.reason === undefined ? "" : `: ${cordon.reason}`;
      context.io.err(`${machineLabel(id, tables.machines)} is ${state}${reason}\n`);
    }
    return code;
  },
};

function cordonText(cordon: Cordon | undefined): string {
  if (cordon === undefined) return "";
  return cordon.drain ? "draining" : "cordoned";
}

/** `k=v,k=v`, sorted by key. */
function metadataText(machine: Machine): string {
  return Object.keys(machine.metadata)
    .sort()
    .map((key) => `${key}=${machine.metadata[key]}`)
    .join(",");
}
