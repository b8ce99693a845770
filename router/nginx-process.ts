/** nginx as a child in the foreground: its logs go where ours go, and it ends when we say so, within a time, or by itself, which is told. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";
import { systemClock } from "../loop/clock.ts";

export interface NginxOptions {
  /** The program, by name or path. */
  readonly program: string;
  /** Its configuration, which must not say `daemon` itself. */
  readonly configuration: string;
  /** Its control socket: one that a killed nginx has left is removed first, for nginx would not bind it. */
  readonly controlSocket: string;
}

/**
 * The environment that nginx runs in: ours, and tcmalloc for its allocator (Debian's libtcmalloc-minimal4). A request takes its memory
 * in a few pieces of some kilobytes and gives all of it back; glibc's allocator keeps nothing above a kilobyte at hand, and the same
 * memory given out again is still in the processor's cache. Where the library is missing, the loader says so and nginx runs without.
 */
export function nginxEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LD_PRELOAD: "libtcmalloc_minimal.so.4" };
}

export class NginxProcess {
  readonly #child: ChildProcess;
  /** Resolves to how it ended, such as `exit status 1` or `signal SIGKILL`. */
  readonly ended: Promise<string>;
  #isStopping = false;

  private constructor(child: ChildProcess, ended: Promise<string>) {
    this.#child = child;
    this.ended = ended;
  }

  /** Resolves once the process runs; whether it answers is another question. Rejects with `nginx-not-started`. */
  static async start({ program, configuration, controlSocket }: NginxOptions): Promise<NginxProcess> {
    await rm(controlSocket, { force: true });
    const child = spawn(program, ["-c", configuration, "-g", "daemon off;"], {
      stdio: ["ignore", "inherit", "inherit"],
      env: nginxEnvironment(),
    });
    const ended = new Promise<string>((resolve) => {
      child.once("exit", (code, signal) =>
        resolve(signal === null ? `exit status ${code}` : `signal ${signal}`),
      );
    });
    try {
      await once(child, "spawn");
    } catch (cause) {
      throw new PlatformError("nginx-not-started", `Cannot start "${program}"`, { cause });
    }
    return new NginxProcess(child, ended);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** True from the moment it was told to stop. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Lets requests finish and ends it, by force after `patienceMs`. Resolves to how it ended. */
  async stop(patienceMs: number): Promise<string> {
    this.#isStopping = true;
    const over = new AbortController();
    this.#child.kill("SIGQUIT");
    const forced = systemClock.sleep(patienceMs, over.signal).then(
      () => this.#child.kill("SIGTERM"),
      () => undefined,
    );
    const killed = systemClock.sleep(patienceMs + 2_000, over.signal).then(
      () => this.#child.kill("SIGKILL"),
      () => undefined,
    );
    const how = await this.ended;
    over.abort();
    await Promise.all([forced, killed]);
    return how;
  }
}
