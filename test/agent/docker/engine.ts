/**
 * One real Docker Engine for these tests, with runtimes on it: units of busybox, onlookers who ask the engine and the host
 * and not our code, and a socket in between that can be cut, or go silent as a frozen daemon's does.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { DockerNamedContainers } from "../../../agent/docker/named-containers.ts";
import {
  type DockerRuntimeEvent,
  DockerUnitRuntime,
  type DockerUnitRuntimeOptions,
} from "../../../agent/docker/unit-runtime.ts";
import type { RuntimeUnit } from "../../../agent/runtime.ts";
import { parseUnitFile, unitHash } from "../../../cluster/unit-file.ts";
import type { Host } from "../../../hosts/host.ts";

/** A unit from the body of its `[Container]` section, after `Image=busybox`, and of its `[Service]` section. */
export function containerUnit(name: string, container: string, service = ""): RuntimeUnit {
  const image = /^Image=/m.test(container) ? "" : "Image=busybox\nPull=never\n";
  const text = `[Container]\n${image}${container}\n${service === "" ? "" : `\n[Service]\n${service}\n`}`;
  return { name, text, hash: unitHash(parseUnitFile(text)), generation: 0 };
}

/** The command line of a process that runs until asked to stop, and stops at once. As PID 1 it must say so itself. */
export const untilStopped = `Exec=sh -c "trap 'exit 0' TERM; echo ready; sleep 1000 & wait"`;

export class Engine {
  readonly host: Host;
  readonly docker: Docker;
  readonly events: DockerRuntimeEvent[] = [];
  readonly #directory: string;
  readonly #proxy: SocketProxy;

  private constructor(host: Host, directory: string, proxy: SocketProxy) {
    this.host = host;
    this.docker = new Docker({ socketPath: host.dockerSocket });
    this.#directory = directory;
    this.#proxy = proxy;
  }

  static async of(host: Host): Promise<Engine> {
    const directory = await mkdtemp(join(tmpdir(), "deis-docker-"));
    const proxy = await SocketProxy.listen(join(directory, "docker.sock"), () => host.dockerSocket);
    return new Engine(host, directory, proxy);
  }

  /** A runtime on this engine, not yet opened; all of them share their notes, as agents of one host do. */
  runtime(options: DockerUnitRuntimeOptions = {}): DockerUnitRuntime {
    return new DockerUnitRuntime({
      socketPath: this.#proxy.path,
      notesDirectory: join(this.#directory, "notes"),
      hostRoot: this.host.path("/"),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** Follows containers with names of Deis v1 on this engine, from when it is run. */
  namedContainers(): DockerNamedContainers {
    return new DockerNamedContainers({ socketPath: this.#proxy.path, pingMs: 500 });
  }

  /** Starts a container past our runtimes, as `docker run -d --name` does; it runs until it is removed. Resolves to its id. */
  async runNamed(name: string, options: Docker.ContainerCreateOptions = {}): Promise<string> {
    const command = { Image: "busybox", Cmd: ["sleep", "1000"], StopTimeout: 0 };
    const container = await this.docker.createContainer({ ...command, ...options, name });
    await container.start();
    return container.id;
  }

  /** Breaks every connection of our runtimes. */
  cut(): void {
    this.#proxy.cut();
  }

  /** From now on nothing is answered, or it is again. */
  silence(silent: boolean): void {
    this.#proxy.silence(silent);
  }

  /** What the engine says of the unit's container. */
  async inspect(unit: string): Promise<Docker.ContainerInspectInfo | undefined> {
    const filters = { label: [`deis.unit=${unit}`] };
    const [first] = await this.docker.listContainers({ all: true, filters });
    return first && (await this.docker.getContainer(first.Id).inspect());
  }

  /** `kill -9` of the container's first process, on the host: the engine is not told beforehand. */
  async kill(unit: string): Promise<void> {
    const container = await this.inspect(unit);
    if (!container?.State.Running) throw new Error(`"${unit}" does not run`);
    await this.host.exec(["kill", "-9", `${container.State.Pid}`]);
  }

  async processes(unit: string): Promise<number> {
    const container = await this.inspect(unit);
    if (!container?.State.Running || container.State.Restarting) return 0;
    const { Processes: rows } = await this.docker.getContainer(container.Id).top();
    return (rows as unknown[]).length;
  }

  /** Removes every container there is, ours or not. */
  async clean(): Promise<void> {
    const all = await this.docker.listContainers({ all: true });
    await Promise.all(all.map(({ Id }) => this.docker.getContainer(Id).remove({ force: true, v: true })));
  }

  async dispose(): Promise<void> {
    await this.#proxy.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Passes a unix socket through, until told otherwise. */
class SocketProxy {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #silent = false;

  private constructor(path: string, target: () => string) {
    this.path = path;
    this.#server = createServer((client) => this.#pass(client, createConnection(target())));
  }

  static async listen(path: string, target: () => string): Promise<SocketProxy> {
    const proxy = new SocketProxy(path, target);
    await new Promise<void>((resolve) => proxy.#server.listen(path, resolve));
    return proxy;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  silence(silent: boolean): void {
    this.#silent = silent;
    for (const socket of this.#sockets) silent ? socket.pause() : socket.resume();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (data) => to.write(data));
      from.on("end", () => to.end());
      // The other side is told by its own end; what broke is the test's subject, not its failure.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#silent) from.pause();
    }
  }
}
