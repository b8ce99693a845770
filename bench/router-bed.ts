/** Routers on this machine's loopback as processes of their own, each with its nginx, and the backends and peers that they are measured with. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectRoot } from "../hosts/project.ts";
import { freePort } from "./free-port.ts";

const main = fileURLToPath(new URL("../router/main.js", import.meta.url));

/** A `deis-router` with its nginx. */
export class BenchRouter {
  readonly machine: string;
  readonly port: number;
  /** Where its rendered files are. */
  readonly state: string;
  readonly #child: ChildProcess;
  readonly #pidFile: string;
  #log = "";

  private constructor(machine: string, port: number, state: string, pidFile: string, child: ChildProcess) {
    this.#pidFile = pidFile;
    this.machine = machine;
    this.port = port;
    this.state = state;
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
  }

  static async start(number: number, etcd: string, directory: string): Promise<BenchRouter> {
    const [state, run, conf] = ["state", "run", "conf"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const each of [state, run, join(conf, "conf.d")]) await mkdir(each, { recursive: true });
    const home = join(projectRoot(), "router");
    await cp(join(home, "templates"), join(conf, "templates"), { recursive: true });
    for (const name of await readdir(join(home, "conf.d"))) {
      const text = await readFile(join(home, "conf.d", name), "utf8");
      const here = text.replaceAll("/var/lib/deis-router", state).replaceAll("/run/deis-router", run);
      await writeFile(join(conf, "conf.d", name), here);
    }
    const machine = `${number}`.padStart(32, "0");
    await writeFile(join(directory, "machine-id"), `${machine}\n`);
    const settings = `[machine]\naddress = "127.0.0.1"\n[etcd]\nendpoints = ["${etcd}"]\n`;
    await writeFile(join(directory, "agent.toml"), settings);
    const [http, https, status, builder] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const environment = {
      ...process.env,
      DEIS_ROUTER_LUA: join(home, "lua"),
      DEIS_ROUTER_STATE: state,
      DEIS_ROUTER_RUN: run,
      DEIS_ROUTER_HTTP_PORT: `${http}`,
      DEIS_ROUTER_HTTPS_PORT: `${https}`,
      DEIS_ROUTER_STATUS_PORT: `${status}`,
      DEIS_ROUTER_BUILDER_PORT: `${builder}`,
      DEIS_ROUTER_ACCESS_LOG: join(directory, "access.log"),
    };
    const words = [
      ...["--config", join(directory, "agent.toml"), "--machine-id", join(directory, "machine-id")],
      ...["--confdir", conf, "--lua", join(home, "lua"), "--control", join(run, "control.sock")],
    ];
    const child = spawn(process.execPath, [main, ...words], {
      stdio: ["ignore", "pipe", "inherit"],
      env: environment,
    });
    return new BenchRouter(machine, http, state, join(run, "nginx.pid"), child);
  }

  /** Processor time that nginx's workers have used so far, in µs. */
  async workersCpuUs(): Promise<number> {
    return workersCpuUs(Number(await readFile(this.#pidFile, "utf8")));
  }

  /** How often nginx was reloaded so far. */
  get reloads(): number {
    return this.#log.split('"msg":"reloaded"').length - 1;
  }

  async stop(): Promise<void> {
    await ended(this.#child);
  }
}

/** A bare nginx with a configuration of the measurer's. */
export class BareNginx {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** `http` makes the content of the `http` block for a port. */
  static async start(
    directory: string,
    workers: number | "auto",
    http: (port: number) => string,
  ): Promise<BareNginx> {
    await mkdir(directory, { recursive: true });
    const port = await freePort();
    const file = join(directory, "nginx.conf");
    const text = `worker_processes ${workers};\npid ${directory}/nginx.pid;\nerror_log stderr error;\nevents { worker_connections 768; }\nhttp {\n${http(port)}\n}\n`;
    await writeFile(file, text);
    const child = spawn("nginx", ["-c", file, "-g", "daemon off;"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new BareNginx(port, child);
  }

  /** Processor time that its workers have used so far, in µs. */
  workersCpuUs(): Promise<number> {
    return workersCpuUs(this.#child.pid ?? 0);
  }

  async stop(): Promise<void> {
    await ended(this.#child);
  }
}

/** Requests per second that wrk gets from this port with so many connections, how many in all, and how many were not answered with 2xx. */
export async function requestsPerSecond(
  port: number,
  host: string,
  connections: number,
  seconds: number,
): Promise<{ readonly requests: number; readonly rate: number; readonly bad: number }> {
  const words = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "-H",
    `Host: ${host}`,
    `http://127.0.0.1:${port}/`,
  ];
  const child = spawn("wrk", words, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(child, "close");
  const errors = [...text.matchAll(/(?:connect|read|write|timeout) (\d+)|Non-2xx or 3xx responses: (\d+)/g)];
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1]),
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    bad: errors.reduce((sum, [, one, other]) => sum + Number(one ?? other), 0),
  };
}

/** From the scheduler's own count, which is in nanoseconds: utime and stime come in steps of 10 ms. */
async function workersCpuUs(master: number): Promise<number> {
  const children = await readFile(`/proc/${master}/task/${master}/children`, "utf8");
  const times = children
    .trim()
    .split(" ")
    .map(async (pid) => {
      const [ns] = (await readFile(`/proc/${pid}/schedstat`, "utf8")).split(" ");
      return Number(ns) / 1_000;
    });
  return (await Promise.all(times)).reduce((sum, us) => sum + us, 0);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, "exit");
  child.kill("SIGTERM");
  await over;
}

/** Removes what a bed has written. */
export async function clear(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
