/** `deisctl dock`: a shell, or a command, inside a unit's container, over the operator's own OpenSSH. */
import { PlatformError } from "../../cluster/errors.ts";
import { type CommandDefinition, UsageError } from "../command.ts";
import { knownNames } from "../known-units.ts";
import { machineLabel } from "../machine-label.ts";
import { selectUnits } from "../select-units.ts";
import { copiesOf } from "../unit-status.ts";

export const dock: CommandDefinition = {
  name: "dock",
  summary: "open a shell, or run a command, in a unit's container",
  arguments: "[unit] [command...]",
  flags: [
    { flags: "--machine <id>", description: "on this machine, by the beginning of its id" },
    { flags: "--ssh-port <port>", description: "the port of the machine's SSH server" },
    { flags: "--user <name>", description: "log in as this user" },
  ],
  examples: ["deisctl dock router@1", "deisctl dock web@1 -- ls -l /app"],
  async run(context, args, options) {
    const [word, ...command] = args;
    if (word === undefined) throw new UsageError("Name a unit");
    const store = await context.cluster();
    const { tables } = await store.read(["units", "machines", "placements", "states"], context.signal);
    const { names } = selectUnits([word], knownNames(tables));
    const wanted = options.text("machine") ?? "";
    const inside = names.flatMap((unit) =>
      copiesOf(unit, tables).flatMap(({ machine, state }) => {
        const host = tables.machines.get(machine);
        const id = state?.active === "active" ? state.containerId : undefined;
        return host && id !== undefined && machine.startsWith(wanted) ? [{ unit, host, id }] : [];
      }),
    );
    const [found, ...others] = inside;
    if (!found) {
      throw new PlatformError("container-not-found", `No container of "${word}" runs`, {
        hint: `\`deisctl status ${word}\` says how it is; \`deisctl ssh ${word}\` opens a shell on its machine`,
      });
    }
    if (others.length > 0) {
      const places = inside.map(({ unit, host }) => `${unit} on ${machineLabel(host.id, tables.machines)}`);
      throw new PlatformError("container-ambiguous", `"${word}" means ${places.join(", ")}`, {
        hint: "Name one unit, or choose with --machine",
      });
    }
    const port = options.integer("--ssh-port", "sshPort", 1, 65_535);
    const user = options.text("user");
    // A terminal on both ends only where there is one here: `dock web@1 -- cat file > copy` must not change a byte.
    const tty = context.io.outIsTerminal ? "-it" : "-i";
    const words = command.length === 0 ? ["sh"] : command;
    return await context.runProgram("ssh", [
      ...(context.io.outIsTerminal ? ["-t"] : []),
      ...(port === undefined ? [] : ["-p", String(port)]),
      ...(user === undefined ? [] : ["-l", user]),
      found.host.address,
      "--",
      ["docker", "exec", tty, found.id, ...words].map(quoted).join(" "),
    ]);
  },
};

/** As a word of the remote shell's command line. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
