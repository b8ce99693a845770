/** A configuration directory of confd's kind in a temporary folder, and deis-confd as a process on it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../renderer/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly log: string;
}

/** A process of deis-confd that may still run. */
export interface RunningConfd {
  readonly child: ChildProcess;
  /** What it has logged so far. */
  log(): string;
  stop(): Promise<Ended>;
}

export class ConfdBed {
  readonly directory: string;
  readonly #running = new Set<ChildProcess>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<ConfdBed> {
    const bed = new ConfdBed(await mkdtemp(join(tmpdir(), "deis-confd-")));
    await mkdir(join(bed.directory, "conf.d"));
    await mkdir(join(bed.directory, "templates"));
    return bed;
  }

  /** A path below the directory. */
  path(name: string): string {
    return join(this.directory, name);
  }

  async write(name: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    await writeFile(this.path(name), text);
  }

  /** The text of a file, or undefined if there is none. */
  read(name: string): Promise<string | undefined> {
    return readFile(this.path(name), "utf8").catch(() => undefined);
  }

  /** A resource `name` that renders `template` to the file `name`, with more lines of TOML. */
  async resource(name: string, template: string, more = 'keys = ["/"]'): Promise<void> {
    await this.write(`templates/${name}.tmpl`, template);
    await this.write(
      `conf.d/${name}.toml`,
      `[template]\nsrc = "${name}.tmpl"\ndest = "${this.path(name)}"\n${more}\n`,
    );
  }

  /** Runs it to its end. */
  async run(flags: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.start(flags, environment).ended;
  }

  start(
    flags: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): RunningConfd & { readonly ended: Promise<Ended> } {
    const words = [
      "--import",
      "tsx",
      main,
      "-confdir",
      this.directory,
      "-config-file",
      this.path("confd.toml"),
      ...flags,
    ];
    const child = spawn(process.execPath, words, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.add(child);
    let stdout = "";
    let log = "";
    child.stdout.on("data", (text) => {
      stdout += String(text);
    });
    child.stderr.on("data", (text) => {
      log += String(text);
    });
    const ended = once(child, "close").then(([code]) => {
      this.#running.delete(child);
      return { code: code as number | null, stdout, log };
    });
    return {
      child,
      ended,
      log: () => log,
      stop: () => {
        child.kill("SIGTERM");
        return ended;
      },
    };
  }

  /** Ends what still runs and removes everything. */
  async close(): Promise<void> {
    for (const child of this.#running) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}
