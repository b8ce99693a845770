/**
 * `hosts`: real hosts on one machine, from the command line. Data goes to standard output, talk to standard error.
 * Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; `exec` ends as its command did.
 */
import { Command, CommanderError } from "commander";
import { describeError, hintOf } from "../cluster/errors.ts";
import { addClusterCommands } from "./cluster-commands.ts";
import { addHostCommands } from "./host-commands.ts";

const interrupted = 130;

async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  // The first Ctrl-C undoes what is half made; a second one ends this process at once, and the leash cleans up.
  process.once("SIGINT", () => abort.abort(new Error("interrupted")));
  process.once("SIGTERM", () => abort.abort(new Error("terminated")));
  const program = new Command("hosts")
    .description("Real hosts on this machine: own systemd, network, Docker, and TLS etcd on the first three.")
    .addHelpText("after", examples)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  let code = 0;
  const finish = (status: number) => {
    code = status;
  };
  addClusterCommands(program, abort.signal, finish);
  addHostCommands(program, abort.signal, finish);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (abort.signal.aborted) {
      process.stderr.write("hosts: interrupted; what was half made is removed\n");
      return interrupted;
    }
    const hint = hintOf(error);
    process.stderr.write(`hosts: ${describeError(error)}\n${hint ? `Hint: ${hint}\n` : ""}`);
    return 1;
  }
}

const examples = `
Examples:
  hosts up                          three hosts, cluster "dev"; quick when it is up already
  hosts list                        what there is, and how it is
  hosts exec h1 -- docker ps        run a command on a host
  hosts kill h2                     power cut; \`hosts start h2\` brings it back
  hosts part h3 && hosts heal       a silent partition, and its end
  hosts down                        remove the cluster and everything of it
  hosts clean                       remove what dead runs left`;

process.exitCode = await main(process.argv.slice(2));
