import { unitRuntimeContract } from "../contract/unit-runtime.ts";
import { MemoryHost } from "../support/memory-runtime.ts";

unitRuntimeContract("The runtime in memory", async () => {
  const host = new MemoryHost();
  return {
    create: () => host.runtime(),
    unit: (name, behaviour, edition = 1) => ({
      name,
      text: `# behaves: ${behaviour}\n[Service]\nExecStart=/bin/edition ${edition}\n`,
      hash: `${behaviour}-${edition}`,
      generation: 0,
    }),
    kill: async (unit) => host.kill(unit),
    processes: async (unit) => host.residents.get(unit)?.processes ?? 0,
    disconnect: async () => {
      host.reach(false);
      setImmediate(() => host.reach(true));
    },
    dispose: async () => undefined,
  };
});
