/** `deisctl ssh`: a shell on the machine of a unit, by the operator's own OpenSSH with its own configuration and keys. */
import { PlatformError } from "../../cluster/errors.ts";
import type { Machine } from "../../cluster/machine.ts";
import { type CommandDefinition, UsageError } from "../command.ts";
import { selectUnits } from "../select-units.ts";
import { copiesOf } from "../unit-status.ts";

export const ssh: CommandDefinition = {
  name: "ssh",
  summary: "open a shell, or run a command, on a unit's machine",
  arguments: "[machine|unit] [command...]",
  flags: [
    { flags: "-A, --forward-agent", description: "forward the authentication agent" },
    { flags: "--machine <id>", description: "a machine, by the beginning of its id" },
    { flags: "--unit <name>", description: "the machine of this unit" },
    { flags: "--ssh-port <port>", description: "the port of the machine's SSH server" },
    { flags: "--user <name>", description: "log in as this user" },
  ],
  examples: ["deisctl ssh router@1", "deisctl ssh -A f1ee0001 -- journalctl -n 5"],
  async run(context, args, options) {
    const named = options.text("machine") ?? options.text("unit");
    const target = named ?? args[0];
    if (target === undefined) throw new UsageError("One machine or unit must be provided.");
    const command = named === undefined ? args.slice(1) : args;
    const store = await context.cluster();
    const { tables } = await store.read(["units", "machines", "placements", "states"], context.signal);
    const machines = new Map<string, Machine>();
    if (options.text("unit") === undefined) {
      for (const [id, machine] of tables.machines.entries())
        if (id.startsWith(target)) machines.set(id, machine);
    }
    if (options.text("machine") === undefined) {
      const { names } = selectUnits(
        [target],
        [...tables.units.entries()].map(([name]) => name),
      );
      for (const { machine } of names.flatMap((name) => copiesOf(name, tables))) {
        const host = tables.machines.get(machine);
        if (host) machines.set(machine, host);
      }
    }
    const [machine, ...others] = machines.values();
    if (!machine || others.length > 0) throw notOne(target, [...machines.keys()]);
    const port = options.integer("--ssh-port", "sshPort", 1, 65_535);
    const user = options.text("user");
    return await context.runProgram("ssh", [
      ...(options.given("forwardAgent") ? ["-A"] : []),
      ...(port === undefined ? [] : ["-p", String(port)]),
      ...(user === undefined ? [] : ["-l", user]),
      machine.address,
      ...(command.length === 0 ? [] : ["--", ...command]),
    ]);
  },
};

function notOne(target: string, ids: readonly string[]): PlatformError {
  if (ids.length === 0) {
    return new PlatformError("machine-not-found", `No machine of the cluster is or runs "${target}"`, {
      hint: "`deisctl list-machines` and `deisctl list-units` show what there is",
    });
  }
  return new PlatformError(
    "machine-ambiguous",
    `"${target}" means ${ids.length} machines: ${ids.join(", ")}`,
    {
      hint: "Choose one with --machine",
    },
  );
}
