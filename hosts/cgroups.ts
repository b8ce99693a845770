/**
 * A host's own cgroup, in every hierarchy of the machine. It is what makes a host one thing: everything that runs in it, its
 * containers too, is in there, so that it can be counted, frozen and killed at once, and nothing of it can be missed.
 *
 * On cgroup v1 and the hybrid layout we make the directories ourselves, below the creating process's own cgroup (so that its
 * limits hold for the hosts too). On a pure v2 machine whose PID 1 is systemd, the tree is systemd's: a delegated scope is
 * asked from it, as systemd's "Control Group APIs and Delegation" demands.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../cluster/errors.ts";

const mount = "/sys/fs/cgroup";

/** Where new cgroups go. Recorded with the cluster, since a later command may itself run in another cgroup. */
export interface CgroupLayout {
  /** `directories`: we make them. `scope`: systemd makes them, for `systemd-run --scope`. */
  readonly kind: "directories" | "scope";
  readonly version: 1 | 2;
  /** The parent directory in each hierarchy. */
  readonly parents: readonly string[];
}

/** The layout of this machine, for cgroups that the calling process makes. */
export function cgroupLayout(): CgroupLayout {
  const own = readFileSync("/proc/self/cgroup", "utf8");
  if (!existsSync(join(mount, "cgroup.controllers"))) {
    return { kind: "directories", version: 1, parents: v1Parents(own) };
  }
  const init = readFileSync("/proc/1/comm", "utf8").trim();
  if (init === "systemd") return { kind: "scope", version: 2, parents: [join(mount, `${slice}`)] };
  return { kind: "directories", version: 2, parents: [mount] };
}

/** systemd's slice for the hosts of all clusters, on a pure v2 machine. */
export const slice = "deis.slice";

/** The directories, one a hierarchy, that the lines of a `/proc/self/cgroup` say. See cgroups(7). */
export function v1Parents(text: string, exists: (path: string) => boolean = existsSync): readonly string[] {
  const parents: string[] = [];
  for (const line of text.trim().split("\n")) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const hierarchy = controllers === "" ? "unified" : controllers.replace(/^name=/, "");
    const root = join(mount, hierarchy);
    if (!exists(root)) continue;
    // In a container without a cgroup namespace the path is the machine's, and what is mounted starts further down.
    parents.push(exists(join(root, path)) ? join(root, path) : root);
  }
  return parents;
}

/** One cgroup by name, in all hierarchies of a layout. Every method may be repeated, and may find nothing left to do. */
export class Cgroup {
  readonly name: string;
  readonly #layout: CgroupLayout;

  constructor(layout: CgroupLayout, name: string) {
    this.#layout = layout;
    this.name = name;
  }

  /** Its directory in each hierarchy. */
  get directories(): readonly string[] {
    const leaf = this.#layout.kind === "scope" ? `${this.name}.scope` : this.name;
    return this.#layout.parents.map((parent) => join(parent, leaf));
  }

  /** True when the host must be told to use the unified hierarchy. */
  get unified(): boolean {
    return this.#layout.version === 2;
  }

  /** True if any of it exists. */
  get exists(): boolean {
    return this.directories.some((directory) => existsSync(directory));
  }

  /** Makes the directories; of a scope there is nothing to make before a process runs in it. */
  create(): void {
    if (this.#layout.kind === "scope") return;
    for (const directory of this.directories) {
      mkdirSync(directory, { recursive: true });
      // A new v1 cpuset is empty, and nothing can enter it before it has processors and memory nodes.
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        const own = join(directory, file);
        const above = join(directory, "..", file);
        if (existsSync(own) && existsSync(above) && this.#layout.version === 1)
          writeFileSync(own, readFileSync(above));
      }
    }
  }

  /** The words before a command that make it run in this cgroup and leave the caller's. */
  entering(argv: readonly string[]): readonly string[] {
    if (this.#layout.kind === "scope") {
      const scope = ["--scope", "--quiet", "--collect", `--slice=${slice}`, `--unit=${this.name}.scope`];
      return ["systemd-run", ...scope, "--property=Delegate=yes", "--", ...argv];
    }
    return ["sh", "-c", enter, "enter", ...this.directories, "--", ...argv];
  }

  /** The same, for a command that joins a host which runs: on v2 a process may only be in a leaf, and init.scope is one. */
  joining(argv: readonly string[]): readonly string[] {
    const leaves = this.unified
      ? this.directories.map((directory) => join(directory, "payload/init.scope"))
      : this.directories;
    return ["sh", "-c", enter, "enter", ...leaves, "--", ...argv];
  }

  /** The ids of all processes in it and below it. */
  processes(): readonly number[] {
    const pids = new Set<number>();
    const directory = this.#counting();
    if (directory !== undefined) for (const pid of processesBelow(directory)) pids.add(pid);
    return [...pids];
  }

  /** Stops every process where it is, and resolves when all have stopped. Rejects with `cgroup-not-frozen` after 5 s. */
  async freeze(): Promise<void> {
    this.#setFrozen(true);
    const deadline = performance.now() + 5_000;
    while (!this.frozen) {
      if (performance.now() > deadline) {
        this.thaw();
        throw new PlatformError("cgroup-not-frozen", `Cannot freeze the processes of ${this.name}`);
      }
      await delay(5);
    }
  }

  thaw(): void {
    this.#setFrozen(false);
  }

  get frozen(): boolean {
    if (this.#layout.version === 2) {
      const state = this.directories.map((directory) => read(join(directory, "cgroup.events")));
      return state.some((text) => /^frozen 1$/m.test(text));
    }
    return read(this.#freezerFile() ?? "").trim() === "FROZEN";
  }

  /** Kills everything in it, as a power cut does: nothing gets to say goodbye. Rejects with `cgroup-not-empty` after 10 s. */
  async kill(): Promise<void> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const pids = this.processes();
      if (pids.length === 0) return;
      for (const directory of this.directories) write(join(directory, "cgroup.kill"), "1");
      for (const pid of pids) signalProcess(pid, "SIGKILL");
      // A frozen process dies only when it is thawed, and then before it runs another instruction.
      this.thaw();
      if (performance.now() > deadline) {
        throw new PlatformError(
          "cgroup-not-empty",
          `Processes ${pids.join(", ")} of ${this.name} do not die`,
        );
      }
      await delay(10);
    }
  }

  /** Removes the directories. Its processes must be dead; the kernel may need a moment to let go of them. */
  async remove(): Promise<void> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const left = this.directories.filter((directory) => !removeBelow(directory));
      if (left.length === 0) return;
      if (performance.now() > deadline) {
        throw new PlatformError("cgroup-not-empty", `Cannot remove the cgroup "${left[0]}"`);
      }
      await delay(20);
    }
  }

  #counting(): string | undefined {
    const directories = this.directories;
    return directories.find((directory) => directory.startsWith(join(mount, "pids"))) ?? directories[0];
  }

  #freezerFile(): string | undefined {
    const directory = this.directories.find((path) => path.startsWith(join(mount, "freezer")));
    return directory === undefined ? undefined : join(directory, "freezer.state");
  }

  #setFrozen(frozen: boolean): void {
    if (this.#layout.version === 2) {
      for (const directory of this.directories) write(join(directory, "cgroup.freeze"), frozen ? "1" : "0");
      return;
    }
    const file = this.#freezerFile();
    if (file !== undefined) write(file, frozen ? "FROZEN" : "THAWED");
  }
}

/** Enters every cgroup named before `--`, then becomes the command after it. */
const enter =
  'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

/** Sends a signal to a process that may be gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function processesBelow(directory: string): number[] {
  const pids = read(join(directory, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
  return pids.concat(...children(directory).map(processesBelow));
}

function removeBelow(directory: string): boolean {
  if (!existsSync(directory)) return true;
  const empty = children(directory).map(removeBelow).every(Boolean);
  if (!empty) return false;
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    if ((error as NodeJS.ErrnoException).code === "EBUSY") return false;
    throw error;
  }
}

function children(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
  } catch {
    // It went away while we looked: then nothing is below it.
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A cgroup that is gone has no processes and no state.
    return "";
  }
}

function write(path: string, text: string): void {
  if (existsSync(path)) writeFileSync(path, text);
}

/** Every cgroup of this machine whose name is wanted, wherever it lies, five levels deep at most. */
export function findCgroups(wanted: (name: string) => boolean): readonly Cgroup[] {
  const parents = new Map<string, Set<string>>();
  const version = existsSync(join(mount, "cgroup.controllers")) ? 2 : 1;
  const look = (directory: string, depth: number) => {
    for (const child of children(directory)) {
      const leaf = basename(child);
      if (wanted(leaf)) parents.set(leaf, (parents.get(leaf) ?? new Set()).add(directory));
      else if (depth > 0) look(child, depth - 1);
    }
  };
  look(mount, 5);
  return [...parents].map(([leaf, above]) => {
    const kind = leaf.endsWith(".scope") ? "scope" : "directories";
    return new Cgroup({ kind, version, parents: [...above] }, leaf.replace(/\.scope$/, ""));
  });
}
