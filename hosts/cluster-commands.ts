/** The commands about a whole cluster: up, down, list, add, part, heal, uplink, etcdctl, env, clean. */
import { type Command, InvalidArgumentError } from "commander";
import { installAgents } from "./agents.ts";
import { pruneCache } from "./cache.ts";
import { Cluster } from "./cluster.ts";
import { createCluster } from "./create.ts";
import { etcdctlCommand } from "./etcdctl.ts";
import {
  currentEntries,
  entryKinds,
  imageTag,
  type PlatformImage,
  platformImages,
  writeContext,
} from "./images.ts";
import { inTerminal } from "./in-terminal.ts";
import { hostNumber } from "./names.ts";
import { bringUpPlatform } from "./platform.ts";
import { terminalProgress } from "./progress.ts";
import { reap } from "./reap.ts";
import { ensureRelease } from "./release.ts";
import { setUp } from "./setup.ts";
import { sweep } from "./sweep.ts";
import { wholeNumber } from "./whole-number.ts";

export const defaultCluster = "dev";

type Finish = (exitCode: number) => void;

/** Adds the commands to the program. `finish` sets the exit code of a command that has one of its own. */
export function addClusterCommands(program: Command, signal: AbortSignal, finish: Finish): void {
  program
    .command("setup")
    .description("install what is needed on this machine and build base and images; quick the second time")
    .action(async () => {
      await setUp(terminalProgress(), signal);
    });
  clusterCommand(program, "up", "make a cluster and leave it running")
    .option("--hosts <n>", "how many hosts", wholeNumber, 3)
    .option("--images <set>", "images on every host: platform, foundation or none", imageSet, "platform")
    .option("--no-etcd", "without etcd")
    .option("--no-docker", "without Docker")
    .action(async ({ name, ...options }: UpFlags) => {
      await up(name, options, signal);
    });
  clusterCommand(program, "down", "remove a cluster and everything of it").action(
    async ({ name }: NameFlag) => {
      const cluster = await Cluster.find(name);
      if (cluster === undefined) return say(`there is no cluster "${name}"`);
      await terminalProgress().step(`remove cluster "${name}"`, () => cluster.down());
    },
  );
  program
    .command("list")
    .description("all clusters of this machine and their hosts")
    .option("--json", "as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const rows = await clusterRows();
      process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
    });
  clusterCommand(program, "add", "make one more host, a client of the cluster's etcd").action(
    async ({ name }: NameFlag) => {
      const cluster = await Cluster.open(name);
      const host = await terminalProgress().step("one more host", () => cluster.add(signal));
      process.stdout.write(`${host.name}\t${host.address}\n`);
    },
  );
  clusterCommand(program, "deploy", "install or upgrade Deis on every host, built from this checkout").action(
    async ({ name }: NameFlag) => {
      const progress = terminalProgress();
      const cluster = await Cluster.open(name);
      const release = await ensureRelease(progress, signal, "without-node");
      await progress.step(`Deis on ${cluster.hosts.map((host) => host.name).join(", ")}`, () =>
        installAgents(cluster, release),
      );
    },
  );
  clusterCommand(program, "platform", "install and start the platform, and show it").action(
    async ({ name }: NameFlag) => {
      process.stdout.write(`\n${await bringUpPlatform(await Cluster.open(name), signal)}`);
    },
  );
  program
    .command("release")
    .description("build what is installed on a host, unless it is current")
    .action(async () => {
      process.stdout.write(`${await ensureRelease(terminalProgress(), signal)}.tar.gz\n`);
    });
  program
    .command("image-context")
    .description("fill a directory with all that `docker build` needs for an image of the platform")
    .argument("<image>", platformImages.join(" or "), imageName)
    .argument("<directory>", "a new directory, or an empty one")
    .action(async (image: PlatformImage, directory: string) => {
      await writeContext(image, directory);
      process.stdout.write(`docker build --tag ${imageTag(image)} ${directory}\n`);
    });
  clusterCommand(program, "part", "part hosts from the others, silently: packets are lost, links stay up")
    .argument("<hosts...>", "the hosts on the far side; they see each other")
    .action(async (hosts: string[], { name }: NameFlag) => {
      await (await Cluster.open(name)).part(hosts.map(hostNumber));
    });
  clusterCommand(program, "heal", "end every partition").action(async ({ name }: NameFlag) => {
    await (await Cluster.open(name)).heal();
  });
  clusterCommand(program, "uplink", "open a way out to this machine's networks").action(
    async ({ name }: NameFlag) => {
      await (await Cluster.open(name)).openUplink();
    },
  );
  clusterCommand(program, "etcdctl", "run etcdctl as the cluster's operator")
    .argument("<arguments...>")
    .allowUnknownOption()
    .action(async (args: string[], { name }: NameFlag) => {
      finish(await inTerminal(etcdctlCommand((await Cluster.open(name)).etcd, args)));
    });
  clusterCommand(program, "env", "print the operator's settings as shell assignments").action(
    async ({ name }: NameFlag) => {
      process.stdout.write((await Cluster.open(name)).operatorEnvironment);
    },
  );
  program
    .command("clean")
    .description("remove what dead runs left; clusters that were made to stay are kept")
    .option("--all", "remove these too")
    .option("--cache", "remove what older versions of this checkout have put into the cache, too")
    .action(async ({ all = false, cache = false }: { all?: boolean; cache?: boolean }) => {
      const removed = [...(await sweep({ all })), ...(cache ? await pruneUnused() : [])];
      say(removed.length === 0 ? "nothing was left over" : `removed: ${removed.join(", ")}`);
    });
  // Not for people: what a leash runs.
  clusterCommand(program, "reap", "remove a cluster whose owner is gone", { hidden: true }).action(
    async ({ name }: NameFlag) => {
      await reap(name);
    },
  );
}

interface NameFlag {
  readonly name: string;
}

interface UpFlags extends NameFlag {
  readonly hosts: number;
  readonly images: "platform" | "foundation" | "none";
  readonly etcd: boolean;
  readonly docker: boolean;
}

/** A command with `--name`, the cluster it is about. */
export function clusterCommand(
  program: Command,
  command: string,
  description: string,
  options: { readonly hidden?: boolean } = {},
): Command {
  return program
    .command(command, options)
    .description(description)
    .option("--name <cluster>", "the cluster", defaultCluster);
}

/** Makes a cluster that stays, or brings the stopped hosts of the one there is up again. */
async function up(name: string, options: Omit<UpFlags, "name">, signal: AbortSignal): Promise<void> {
  const progress = terminalProgress();
  const present = await Cluster.find(name);
  if (present === undefined || present.isGarbage) {
    const cluster = await createCluster({ name, ...options, owner: "none", progress, signal });
    say(`cluster "${name}" is up: ${cluster.hosts.map((host) => `${host.name} ${host.address}`).join(", ")}`);
    return;
  }
  const stopped = present.hosts.filter((host) => host.state === "stopped");
  if (stopped.length === 0) return say(`cluster "${name}" is up already`);
  const names = stopped.map((host) => host.name).join(", ");
  await progress.step(`start ${names} of cluster "${name}"`, () =>
    Promise.all(stopped.map((host) => host.start(signal))),
  );
}

/** Prunes the cache of what neither this checkout nor a cluster of this machine uses. */
async function pruneUnused(): Promise<readonly string[]> {
  const used = (await Cluster.list()).flatMap((cluster) => cluster.cacheEntries);
  return await pruneCache(entryKinds, new Set([...used, ...(await currentEntries())]));
}

interface Row {
  readonly cluster: string;
  readonly host: string;
  readonly address: string;
  readonly state: string;
  readonly cable: string;
  readonly etcd: string;
}

async function clusterRows(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const cluster of await Cluster.list()) {
    for (const host of cluster.hosts) {
      const member = cluster.etcd.endpoints.some((url) => url.includes(`${host.address}:`));
      const state = cluster.isGarbage ? "left over" : host.state;
      const etcd = member ? "member" : "-";
      rows.push({
        cluster: cluster.name,
        host: host.name,
        address: host.address,
        state,
        cable: await host.cable(),
        etcd,
      });
    }
  }
  return rows;
}

/** Rows under their column names, aligned on a terminal and with tabs in a pipe. */
function table(rows: readonly Row[]): string {
  const columns = ["cluster", "host", "address", "state", "cable", "etcd"] as const;
  const cells = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((key) => row[key])),
  ];
  if (!process.stdout.isTTY) return cells.map((row) => `${row.join("\t")}\n`).join("");
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? "").length)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function imageSet(text: string): UpFlags["images"] {
  if (text === "platform" || text === "foundation" || text === "none") return text;
  throw new InvalidArgumentError("it is one of platform, foundation and none.");
}

function imageName(text: string): PlatformImage {
  const found = platformImages.find((image) => image === text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`it is one of ${platformImages.join(", ")}.`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
