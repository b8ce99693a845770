/** The commands about one host: exec, logs, stop, start, kill, reboot, freeze, thaw, cut, join, push. */
import { resolve as absolute } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { Cluster } from "./cluster.ts";
import { clusterCommand } from "./cluster-commands.ts";
import type { Host } from "./host.ts";
import { inTerminal } from "./in-terminal.ts";
import { describeCounts, Load } from "./load.ts";
import { hostNumber } from "./names.ts";
import { terminalProgress } from "./progress.ts";
import { wholeNumber } from "./whole-number.ts";

interface NameFlag {
  readonly name: string;
}

/** Adds the commands to the program. `finish` sets the exit code of a command that has one of its own. */
export function addHostCommands(
  program: Command,
  signal: AbortSignal,
  finish: (exitCode: number) => void,
): void {
  clusterCommand(program, "exec", "run a command on a host, with this terminal; ends as the command does")
    .argument("<host>", "h1, h2, …")
    .argument("<command...>", "the command, after -- if it has options")
    .allowUnknownOption()
    .action(async (host: string, command: string[], { name }: NameFlag) => {
      finish(await inTerminal((await hostOf(name, host)).command(command, process.env.TERM)));
    });
  clusterCommand(program, "logs", "a host's journal: what follows the host goes to journalctl")
    .argument("<host>", "h1, h2, …")
    .argument("[arguments...]", "such as -u etcd -f", [])
    .allowUnknownOption()
    .action(async (host: string, args: string[], { name }: NameFlag) => {
      finish(await inTerminal((await hostOf(name, host)).command(["journalctl", "--no-pager", ...args])));
    });
  clusterCommand(program, "push", "copy a file or a directory's content to a path of a host")
    .argument("<host>", "h1, h2, …")
    .argument("<source>", "here")
    .argument("<path>", "there")
    .action(async (host: string, source: string, path: string, { name }: NameFlag) => {
      await (await hostOf(name, host)).copyIn(absolute(source), path);
    });
  clusterCommand(
    program,
    "load",
    "ask the routers for an app, steadily, and count what comes back; Ctrl-C ends it",
  )
    .argument("<app>", "the name that is asked for, such as web.example.com")
    .argument("[routers...]", "hosts whose routers are asked; default: all that run")
    .option("--rate <n>", "requests per second of all clients together", wholeNumber, 500)
    .option("--clients <n>", "clients, each with a connection that it keeps", wholeNumber, 24)
    .option("--every <seconds>", "how often the counts are shown", wholeNumber, 5)
    .action(async (app: string, names: string[], { name, ...options }: LoadFlags) => {
      const cluster = await Cluster.open(name);
      const all = cluster.hosts.filter((host) => host.state === "running");
      const hosts = names.length === 0 ? all : await Promise.all(names.map((host) => hostOf(name, host)));
      finish(await showLoad(app, hosts, options, signal));
    });
  for (const [verb, description, act] of actions) {
    clusterCommand(program, verb, description)
      .argument("<hosts...>", "h1, h2, …")
      .action(async (names: string[], { name }: NameFlag) => {
        const hosts = await Promise.all(names.map((host) => hostOf(name, host)));
        await terminalProgress().step(`${verb} ${names.join(", ")}`, () =>
          Promise.all(hosts.map((host) => act(host, signal))),
        );
      });
  }
}

interface LoadFlags extends NameFlag {
  readonly rate: number;
  readonly clients: number;
  readonly every: number;
}

/** Of the failures of one interval, so many are shown one by one. */
const mostShown = 10;

/** Shows the counts of every few seconds, the first failures, and the counts of all. Resolves to 0 if none failed. */
async function showLoad(
  app: string,
  hosts: readonly Host[],
  { rate, clients, every }: Omit<LoadFlags, "name">,
  signal: AbortSignal,
): Promise<number> {
  const targets = hosts.map(({ address }) => address);
  const load = Load.start({ targets, host: app, connections: clients, ratePerSecond: rate });
  const time = () => new Date().toISOString().slice(11, 19);
  for (let mark = 0; !signal.aborted; ) {
    await delay(every * 1_000, undefined, { signal }).catch(() => undefined);
    const counts = load.countsSince(mark);
    for (const { at, target, reason, afterMs } of load.failuresSince(mark).slice(0, mostShown)) {
      const when = at.toISOString().slice(11, 23);
      process.stdout.write(`${when} failed at ${target} after ${Math.round(afterMs)} ms: ${reason}\n`);
    }
    mark += counts.ok + counts.failed;
    const who = [...counts.answers].map(([unit, count]) => `${unit} ${count}`).join(", ");
    process.stdout.write(`${time()} ${describeCounts(counts)}; ${who}\n`);
  }
  const counts = await load.stop();
  process.stdout.write(`in all: ${describeCounts(counts)}\n`);
  return counts.failed === 0 ? 0 : 1;
}

type Action = (host: Host, signal: AbortSignal) => void | Promise<void>;

const actions: readonly (readonly [verb: string, description: string, act: Action])[] = [
  ["start", "boot hosts that are off", (host, signal) => host.start(signal)],
  ["stop", "shut hosts down in order", (host) => host.stop()],
  ["kill", "cut the power of hosts: nothing says goodbye", (host) => host.kill()],
  ["reboot", "reboot hosts", (host, signal) => host.reboot(signal)],
  ["freeze", "hang hosts: every process stops where it is", (host) => host.freeze()],
  ["thaw", "let frozen hosts go on", (host) => host.thaw()],
  ["cut", "pull the network cable of hosts", (host) => host.cut()],
  ["join", "plug it in again", (host) => host.join()],
];

async function hostOf(cluster: string, host: string): Promise<Host> {
  return (await Cluster.open(cluster)).host(hostNumber(host));
}
