/** `deisctl list-machines`: the hosts whose agents are alive. */
import type { Machine } from "../../cluster/machine.ts";
import { machinesWithMetadata } from "../../cluster/machine-metadata.ts";
import type { CommandDefinition } from "../command.ts";
import { shortMachineId } from "../machine-label.ts";
import { listFlags, printList } from "../print-list.ts";

const columnNames = ["machine", "ip", "metadata", "memory", "cpus", "runtimes", "version", "api"] as const;

export const listMachines: CommandDefinition = {
  name: "list-machines",
  aliases: ["machines"],
  summary: "show the machines of the cluster",
  arguments: "",
  flags: listFlags(columnNames),
  examples: ["deisctl list-machines", "deisctl list-machines --full --fields=machine,memory,cpus"],
  async run(context, _args, options) {
    const store = await context.cluster();
    const { tables } = await store.read(["machines", "metadata"], context.signal);
    const full = options.given("full");
    return printList<Machine>(context, options, machinesWithMetadata(tables), {
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
      },
      json: (row) => ({ ...row, api: row.api ?? null }),
    });
  },
};

/** `k=v,k=v`, sorted by key. */
function metadataText(machine: Machine): string {
  return Object.keys(machine.metadata)
    .sort()
    .map((key) => `${key}=${machine.metadata[key]}`)
    .join(",");
}
