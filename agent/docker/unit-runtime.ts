/**
 * Runs units with `[Container]` as Docker containers, one each.
 *
 * - A container is ours if it carries our labels, whatever its name; a stranger's container is never touched.
 * - A container runs at most one life of its unit: a start after a stop or a failure makes a fresh one, as `docker run --rm` does in a unit
 *   file, and until then the ended one is kept for its output. Only Docker's own restart policy restarts a container, also
 *   while no agent is there.
 * - Up means: the process was executed and is alive when we look. A health check is not waited for (as for `Type=simple`).
 * - Nothing is known from memory: every step asks the daemon which container the unit has. The one exception is a container that a load
 *   has just made: the start that follows tries that one first.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import type { ContainerSpec } from "../../cluster/container-spec.ts";
import { hasCode, hintOf, PlatformError } from "../../cluster/errors.ts";
import type { RuntimeName } from "../../cluster/machine.ts";
import type { SpecifierHost } from "../../cluster/specifiers.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import type { Clock } from "../../loop/clock.ts";
import type { Reach } from "../reach.ts";
import { notStarted, type RuntimeUnit, type UnitRuntime } from "../runtime.ts";
import { DockerClient } from "./client.ts";
import { type ConnectionEvent, ContainerMirror } from "./container-mirror.ts";
import { NoteBook } from "./container-notes.ts";
import { reachOf } from "./container-reach.ts";
import { ending, generationOf, labels, unitStateOf } from "./container-state.ts";
import { readEnvironmentFiles } from "./environment-file.ts";
import { takenPort } from "./failure.ts";
import { HostBoot } from "./host-boot.ts";
import { Images, type PullEvent } from "./images.ts";
import { type LogLine, type LogRequest, logLines } from "./logs.ts";
import { statusText } from "./status.ts";
import { createOptions, isFenced, specOf, withTag } from "./translate.ts";

export type DockerRuntimeEvent =
  | ConnectionEvent
  | ({ readonly kind: "image-pull" } & PullEvent)
  | { readonly kind: "container-replaced"; readonly unit: string; readonly reason: string };

export interface DockerUnitRuntimeOptions {
  /** Default `/var/run/docker.sock`. */
  readonly socketPath?: string;
  /** Where notes about containers are kept. Default `/var/lib/deis/docker`. */
  readonly notesDirectory?: string;
  /** Where is kept what holds until the host's next boot; below `hostRoot`. Default `/run/deis/docker`. */
  readonly bootDirectory?: string;
  /** Where the daemon's host has its root directory, for `EnvironmentFile=` and `/proc`. Default `/`. */
  readonly hostRoot?: string;
  /** For `%H` and `%m`. Default: the host's name and `/etc/machine-id`. */
  readonly host?: SpecifierHost;
  /** Deadline of an image pull in ms. Default 15 minutes. */
  readonly pullTimeoutMs?: number;
  /** See `ContainerMirrorOptions`. */
  readonly pingMs?: number;
  readonly onEvent?: (event: DockerRuntimeEvent) => void;
  readonly clock?: Clock;
}

/** A container of ours as the daemon lists it, or as it was just created. */
type OwnContainer = Pick<ContainerInfo, "Id" | "State" | "Labels">;

/** A process that lives this long has not died at once. Docker answers a start some ms after the process began. */
const infancyMs = 10;
/** How long a process whose death is certain may take until Docker says so, before we believe Docker instead. */
const deathMs = 2_000;
/** How long a removal that somebody else began may take. */
const removalMs = 30_000;

export class DockerUnitRuntime implements UnitRuntime {
  readonly name: RuntimeName = "docker";
  readonly #client: DockerClient;
  readonly #notes: NoteBook;
  readonly #mirror: ContainerMirror;
  readonly #images: Images;
  readonly #boot: HostBoot;
  readonly #hostRoot: string;
  readonly #onEvent: (event: DockerRuntimeEvent) => void;
  /** Containers that a load has just made, by unit: the start that follows need not ask for them. */
  readonly #made = new Map<string, OwnContainer>();
  #host: SpecifierHost | undefined;
  #closed = false;

  constructor(options: DockerUnitRuntimeOptions = {}) {
    const { onEvent = () => undefined, clock, pingMs, pullTimeoutMs } = options;
    this.#onEvent = onEvent;
    this.#hostRoot = options.hostRoot ?? "/";
    this.#host = options.host;
    this.#boot = new HostBoot(this.#hostRoot, options.bootDirectory ?? "/run/deis/docker");
    this.#client = new DockerClient(options.socketPath ?? "/var/run/docker.sock");
    this.#notes = new NoteBook(options.notesDirectory ?? "/var/lib/deis/docker");
    this.#mirror = new ContainerMirror(this.#client, this.#notes, {
      onEvent,
      ...(clock ? { clock } : {}),
      ...(pingMs === undefined ? {} : { pingMs }),
    });
    this.#images = new Images(this.#client, {
      onPull: (event) => onEvent({ kind: "image-pull", ...event }),
      ...(pullTimeoutMs === undefined ? {} : { pullTimeoutMs }),
    });
  }

  get connected(): boolean {
    return this.#mirror.connected;
  }

  get observed(): ReadonlyMap<string, UnitState> {
    return this.#mirror.observed;
  }

  onChange(bell: (unit: string) => void): () => void {
    return this.#mirror.onChange(bell);
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#mirror.open(signal);
    if (this.#boot.seen) return;
    for (const { containerId, active } of [...this.observed.values()]) {
      if (containerId === undefined || active === "active" || active === "activating") continue;
      await this.#notes.add(containerId, { generation: notStarted });
      await this.#mirror.look(containerId);
    }
    await this.#boot.see();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#mirror.close();
  }

  /** See `UnitRuntime`. The image is pulled as `Pull=` says and the container created. A container of another file is replaced. */
  async load(unit: RuntimeUnit, signal: AbortSignal): Promise<void> {
    const attempt = { code: "unit-load-failed", message: `Cannot load "${unit.name}" on Docker` };
    await this.#attempt(attempt, signal, async () => {
      const container = await this.#containerFor(unit, specOf(unit, await this.#specifierHost()), signal);
      await this.#record(container, unit.generation);
      if (container.State === "created") this.#made.set(unit.name, container);
    });
  }

  /** See `UnitRuntime`. A unit whose container is gone gets a new one. A process that has ended well at once is no failure. */
  async start(unit: RuntimeUnit, signal: AbortSignal): Promise<void> {
    const attempt = { code: "unit-start-failed", message: `Cannot start "${unit.name}" on Docker` };
    await this.#attempt(attempt, signal, async () => {
      const spec = specOf(unit, await this.#specifierHost());
      const made = this.#made.get(unit.name);
      this.#made.delete(unit.name);
      if (made?.Labels[labels.hash] === unit.hash && (await this.#ran(unit, made, spec, signal))) return;
      let container = await this.#containerFor(unit, spec, signal);
      if (container.State === "exited" || container.State === "dead") {
        await this.#replace(unit.name, container.Id, "a start makes a fresh container", signal);
        container = await this.#containerFor(unit, spec, signal);
      }
      if (container.State === "paused") await this.#client.unpause(container.Id, signal);
      await this.#run(unit, container, spec, signal);
    });
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    const attempt = { code: "unit-stop-failed", message: `Cannot stop "${name}" on Docker` };
    await this.#attempt(attempt, signal, async () => {
      for (const { Id } of await this.#containersOf(name, signal)) await this.#halt(Id, signal);
    });
  }

  async unload(name: string, signal: AbortSignal): Promise<void> {
    this.#made.delete(name);
    await this.stop(name, signal);
    const attempt = { code: "unit-unload-failed", message: `Cannot remove "${name}" from Docker` };
    await this.#attempt(attempt, signal, async () => {
      for (const { Id } of await this.#containersOf(name, signal)) await this.#remove(name, Id, signal);
      // One that vanished behind our back may still be observed.
      const { containerId } = this.observed.get(name) ?? {};
      if (containerId !== undefined) await this.#mirror.look(containerId);
    });
  }

  async acknowledge(name: string, generation: number, signal: AbortSignal): Promise<void> {
    const attempt = { code: "unit-acknowledge-failed", message: `Cannot record a restart of "${name}"` };
    await this.#attempt(attempt, signal, async () => {
      // What was started was looked at, and only we note anything: there is nothing to ask the daemon.
      const { containerId, generation: noted } = this.observed.get(name) ?? {};
      if (containerId === undefined || noted === generation) return;
      await this.#notes.add(containerId, { generation });
      this.#mirror.generationNoted(containerId, generation);
    });
  }

  async reach(name: string, signal: AbortSignal): Promise<Reach | undefined> {
    const { containerId } = this.observed.get(name) ?? {};
    const container = containerId && (await this.#client.inspect(containerId, signal));
    return container ? reachOf(container) : undefined;
  }

  /**
   * What the unit wrote, oldest line first; ends with the container's output, or with `follow` when the container is removed. A restart
   * by its policy is in it, a fresh start is not. Rejects with code `unit-not-found`.
   */
  async *journal(name: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogLine> {
    const container = await this.#inspected(name, signal);
    yield* logLines(await this.#client.logs(container.Id, request, signal), container.Config.Tty);
  }

  /** What `systemctl status` would say of the unit. Rejects with code `unit-not-found`. */
  async status(name: string, lines: number, signal: AbortSignal): Promise<string> {
    const container = await this.#inspected(name, signal);
    const running = container.State.Running && !container.State.Restarting;
    const [usage, processes] = await Promise.all([
      running ? this.#client.usage(container.Id, signal) : undefined,
      running ? this.#client.processes(container.Id, signal) : [],
    ]);
    const output: LogLine[] = [];
    for await (const line of this.journal(name, { tail: lines, follow: false }, signal)) output.push(line);
    const state = unitStateOf(container, this.#notes.of(container.Id));
    const host = (await this.#specifierHost()).hostname;
    return statusText({ name, container, state, usage, processes, output, host, now: new Date() });
  }

  /** Runs the steps of one call. What fails in them is the cause; an aborted signal is the reason itself. */
  async #attempt(
    attempt: { readonly code: string; readonly message: string },
    signal: AbortSignal,
    steps: () => Promise<void>,
  ): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed) throw new PlatformError("runtime-closed", `${attempt.message}: the runtime was closed`);
    try {
      await steps();
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      if (hasCode(cause, attempt.code)) throw cause;
      const hint = hintOf(cause);
      throw new PlatformError(attempt.code, attempt.message, { cause, ...(hint ? { hint } : {}) });
    }
  }

  async #specifierHost(): Promise<SpecifierHost> {
    if (!this.#host) {
      const machineId = await readFile(join(this.#hostRoot, "etc/machine-id"), "utf8");
      this.#host = { hostname: hostname(), machineId: machineId.trim() };
    }
    return this.#host;
  }

  async #containersOf(name: string, signal: AbortSignal): Promise<ContainerInfo[]> {
    return this.#client.list(`${labels.unit}=${name}`, signal);
  }

  /** The unit's container as listed; created if there is none, or only of another file. */
  async #containerFor(unit: RuntimeUnit, spec: ContainerSpec, signal: AbortSignal): Promise<OwnContainer> {
    const own = await this.#containersOf(unit.name, signal);
    const current = own.find(({ Labels }) => Labels[labels.hash] === unit.hash);
    for (const { Id } of own) {
      if (Id !== current?.Id) await this.#replace(unit.name, Id, "it was made of another unit file", signal);
    }
    if (current) return current;
    await this.#images.ensure(withTag(spec.image), spec.pull, signal);
    const id = await this.#create(unit, spec, signal);
    await this.#mirror.look(id);
    const written = { [labels.hash]: unit.hash, [labels.generation]: `${unit.generation}` };
    return { Id: id, State: "created", Labels: written };
  }

  async #create(unit: RuntimeUnit, spec: ContainerSpec, signal: AbortSignal): Promise<string> {
    const environment = await readEnvironmentFiles(spec.environmentFiles, this.#hostRoot);
    const hasDevice = (path: string) => existsSync(join(this.#hostRoot, path));
    const facts = {
      environment,
      hasDevice,
      ...(isFenced(unit) ? { permit: await this.#boot.permit() } : {}),
    };
    try {
      return await this.#client.create(createOptions(unit, spec, facts), signal);
    } catch (error) {
      if (!hasCode(error, "container-name-taken")) throw error;
      const holder = await this.#client.inspect(spec.name, signal);
      const of = holder?.Config.Labels[labels.unit];
      // Another call for this unit was first.
      if (holder && of === unit.name && holder.Config.Labels[labels.hash] === unit.hash) return holder.Id;
      throw nameTaken(spec.name, of, error);
    }
  }

  /** Runs a container that was there a moment ago. False if it is no longer there. */
  async #ran(
    unit: RuntimeUnit,
    container: OwnContainer,
    spec: ContainerSpec,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#run(unit, container, spec, signal);
      return true;
    } catch (error) {
      if (signal.aborted || (await this.#client.inspect(container.Id, signal)) !== undefined) throw error;
      return false;
    }
  }

  async #run(
    unit: RuntimeUnit,
    container: OwnContainer,
    spec: ContainerSpec,
    signal: AbortSignal,
  ): Promise<void> {
    const { Id: id } = container;
    await this.#record(container, unit.generation);
    if (isFenced(unit)) await this.#boot.permit();
    try {
      await this.#client.start(id, spec.startTimeoutMs ?? Number.POSITIVE_INFINITY, signal);
    } catch (error) {
      await this.#mirror.look(id);
      throw await this.#withHolder(error, spec, signal);
    }
    await this.#settle(unit.name, id, signal);
  }

  /** Rejects if the container's process has ended badly by now. */
  async #settle(name: string, id: string, signal: AbortSignal): Promise<void> {
    let [container] = await Promise.all([this.#client.inspect(id, signal), this.#mirror.look(id)]);
    const ended = (state: UnitState | undefined) => state?.sub !== "running";
    if (container?.State.Status === "running" && (await this.#lives(container.State.Pid))) {
      await this.#mirror.until(name, ended, infancyMs, signal);
    }
    if (container?.State.Status === "running" && !(await this.#lives(container.State.Pid))) {
      // Docker learns of a death some 20 ms late: too late for the wait above.
      await this.#mirror.until(name, ended, deathMs, signal);
      container = await this.#client.inspect(id, signal);
    }
    if (container?.State.Status === "running") return;
    if (container?.State.ExitCode === 0) return;
    await this.#mirror.look(id);
    throw diedAtOnce(name, container);
  }

  /** False if the process of that number, on the daemon's host, is gone or a zombie. */
  async #lives(pid: number): Promise<boolean> {
    try {
      const stat = await readFile(join(this.#hostRoot, "proc", `${pid}`, "stat"), "latin1");
      return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
    } catch {
      // Gone; or not ours to see, and then Docker is asked.
      return false;
    }
  }

  /** Adds who has the port, if it was a port. */
  async #withHolder(error: unknown, spec: ContainerSpec, signal: AbortSignal): Promise<unknown> {
    if (!hasCode(error, "port-taken") || !(error.cause instanceof Error)) return error;
    const port = takenPort(error.cause.message) ?? 0;
    const [holder] = await this.#client.publishers(port, signal);
    if (!holder) return error;
    const unit = holder.Labels[labels.unit];
    const who = `container "${holder.Names[0]?.slice(1)}"${unit ? ` of unit "${unit}"` : ""}`;
    return new PlatformError("port-taken", `Port ${port} of this host is published by ${who}`, {
      hint: `Stop that container, or change PublishPort= of container "${spec.name}"`,
      retryable: true,
    });
  }

  /** Stops one container with its own timeout and remembers that it was we who did. */
  async #halt(id: string, signal: AbortSignal): Promise<void> {
    const before = await this.#client.inspect(id, signal);
    if (before && !["exited", "dead", "removing"].includes(before.State.Status)) {
      await this.#notes.add(id, { stoppedRun: before.State.StartedAt });
      if (before.State.Paused) await this.#client.unpause(id, signal);
      await this.#client.stop(id, stopSeconds(before), signal);
      const after = await this.#client.inspect(id, signal);
      // A start that was still under way when we looked, or a restart by its policy.
      if (after && after.State.StartedAt !== before.State.StartedAt) {
        await this.#notes.add(id, { stoppedRun: after.State.StartedAt });
      }
    }
    await this.#mirror.look(id);
  }

  async #replace(name: string, id: string, reason: string, signal: AbortSignal): Promise<void> {
    this.#onEvent({ kind: "container-replaced", unit: name, reason });
    await this.#halt(id, signal);
    await this.#remove(name, id, signal);
  }

  async #remove(name: string, id: string, signal: AbortSignal): Promise<void> {
    await this.#client.remove(id, signal);
    await this.#mirror.look(id);
    const gone = (state: UnitState | undefined) => state?.containerId !== id;
    if (await this.#mirror.until(name, gone, removalMs, signal)) return;
    throw new PlatformError("container-stuck", `Docker has not removed container "${id.slice(0, 12)}"`, {
      hint: `See what holds it: docker inspect ${id.slice(0, 12)}; journalctl -u docker`,
      retryable: true,
    });
  }

  async #record({ Id: id, Labels }: OwnContainer, generation: number): Promise<void> {
    if (generationOf(Labels, this.#notes.of(id)) === generation) return;
    await this.#notes.add(id, { generation });
    this.#mirror.generationNoted(id, generation);
  }

  async #inspected(name: string, signal: AbortSignal): Promise<ContainerInspectInfo> {
    const [first] = await this.#containersOf(name, signal);
    const container = first && (await this.#client.inspect(first.Id, signal));
    if (container) return container;
    throw new PlatformError("unit-not-found", `Unit "${name}" has no container on this host`, {
      hint: "See where it runs: deisctl list-units",
    });
  }
}

/** Seconds between the stop signal and SIGKILL, as the container was created with. */
function stopSeconds(container: ContainerInspectInfo): number {
  const { StopTimeout: seconds = 10 } = container.Config as { StopTimeout?: number | null };
  if (seconds === null) return 10;
  return seconds < 0 ? Number.POSITIVE_INFINITY : seconds;
}

function nameTaken(name: string, unit: string | undefined, cause: unknown): PlatformError {
  const holder = unit === undefined ? "a container that is not ours" : `the container of unit "${unit}"`;
  const hint =
    unit === undefined
      ? `Remove it (docker rm -f ${name}), or choose another ContainerName=`
      : "Choose another ContainerName= for one of the two";
  return new PlatformError("container-name-taken", `The name "${name}" belongs to ${holder}`, {
    cause,
    hint,
    retryable: true,
  });
}

function diedAtOnce(name: string, container: ContainerInspectInfo | undefined): PlatformError {
  const hint = `Read what it wrote: deisctl journal ${name}`;
  if (!container) {
    return new PlatformError("unit-start-failed", `The container of "${name}" was removed as it started`, {
      hint: "See who removes it: docker events",
      retryable: true,
    });
  }
  const again = container.State.Restarting ? "; its restart policy tries again" : "";
  const how = container.State.OOMKilled ? "ran out of memory" : ending(container.State.ExitCode);
  return new PlatformError("unit-start-failed", `"${name}" did not stay up: its process ${how}${again}`, {
    hint,
  });
}
