/**
 * What a container's state means in systemd's words, as for a `Type=simple` service. Pure: a function of what the daemon says and
 * of the notes we keep about the container.
 *
 * | container                                         | active     | sub          |
 * |---------------------------------------------------|------------|--------------|
 * | created, never started                            | inactive   | dead         |
 * | created, its start failed                         | failed     | failed       |
 * | running, paused                                   | active     | running      |
 * | restarting (its restart policy waits)             | activating | auto-restart |
 * | exited: stopped by us, or with status 0           | inactive   | dead         |
 * | exited: by SIGHUP, SIGINT, SIGPIPE or SIGTERM     | inactive   | dead         |
 * | exited: any other status, or out of memory        | failed     | failed       |
 * | removing                                          | deactivating | final-sigkill |
 * | dead (the daemon could not remove it)             | failed     | failed       |
 *
 * A health check does not make a container active or failed, as systemd knows no such thing: that it fails is a `problem`.
 */
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import type { UnitState } from "../../cluster/unit-state.ts";
import { meaningOf } from "./failure.ts";

/** What we remember about a container beside its labels, which cannot be changed once it exists. */
export interface ContainerNotes {
  /** Restart generation recorded since it was created: it stands above the label's. */
  readonly generation?: number;
  /** It was stopped on request in the run that began then (Docker's `StartedAt`): how that run ended is not a failure. */
  readonly stoppedRun?: string;
}

/** Labels by which our containers, and what they run, are known. */
export const labels = {
  unit: "deis.unit",
  hash: "deis.hash",
  generation: "deis.generation",
} as const;

/** 128 + SIGHUP, SIGINT, SIGPIPE and SIGTERM: a clean end by `systemd.service(5)`, `SuccessExitStatus=`. */
const cleanStatuses: readonly number[] = [0, 129, 130, 141, 143];

/** The state of the unit that this container runs. */
export function unitStateOf(container: ContainerInspectInfo, notes: ContainerNotes = {}): UnitState {
  const { State: state } = container;
  const ended = endOf(container, notes);
  const problem = problemOf(container, ended);
  return {
    load: "loaded",
    ...activity(state.Status, ended),
    ...identity(container.Config.Labels, notes),
    since: instant(sinceOf(container)),
    ...(ended?.exitStatus === undefined ? {} : { exitStatus: ended.exitStatus }),
    containerId: container.Id,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** As far as the daemon's list tells, for a container that it does not let us look into. */
export function unitStateOfListed(container: ContainerInfo, notes: ContainerNotes = {}): UnitState {
  const status = /^Exited \((\d+)\)/.exec(container.Status)?.[1];
  const exitStatus = status === undefined || notes.stoppedRun ? undefined : Number(status);
  const clean = exitStatus === undefined || cleanStatuses.includes(exitStatus);
  return {
    load: "loaded",
    ...activity(container.State, { clean, exitStatus }),
    ...identity(container.Labels, notes),
    since: new Date(container.Created * 1_000).toISOString(),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    containerId: container.Id,
    problem: "Docker lists this container but does not answer when asked about it",
  };
}

/** The restart generation recorded for this container. */
export function generationOf(
  containerLabels: Readonly<Record<string, string>>,
  notes: ContainerNotes = {},
): number {
  return notes.generation ?? Number(containerLabels[labels.generation] ?? 0);
}

interface End {
  readonly clean: boolean;
  readonly exitStatus: number | undefined;
}

/** How the container's last process ended; undefined while one runs or none ever ran. */
function endOf({ State: state }: ContainerInspectInfo, notes: ContainerNotes): End | undefined {
  switch (state.Status) {
    case "created":
      return state.ExitCode === 0 && state.Error === ""
        ? undefined
        : { clean: false, exitStatus: state.ExitCode };
    case "exited":
      if (notes.stoppedRun === state.StartedAt) return { clean: true, exitStatus: undefined };
      return {
        clean: cleanStatuses.includes(state.ExitCode) && !state.OOMKilled && state.Error === "",
        exitStatus: state.ExitCode,
      };
    case "restarting":
    case "dead":
      return { clean: false, exitStatus: state.ExitCode };
    default:
      return undefined;
  }
}

function activity(status: string, ended: End | undefined): Pick<UnitState, "active" | "sub"> {
  switch (status) {
    case "running":
    case "paused":
      return { active: "active", sub: "running" };
    case "restarting":
      return { active: "activating", sub: "auto-restart" };
    case "removing":
      return { active: "deactivating", sub: "final-sigkill" };
    default:
      return ended && !ended.clean
        ? { active: "failed", sub: "failed" }
        : { active: "inactive", sub: "dead" };
  }
}

function problemOf(container: ContainerInspectInfo, ended: End | undefined): string | undefined {
  const { State: state } = container;
  if (state.Error !== "") return startProblem(state.Error);
  switch (state.Status) {
    case "running":
      return state.Health?.Status === "unhealthy" ? healthProblem(state.Health) : undefined;
    case "paused":
      return "The container is paused (docker pause), its processes do not run";
    case "dead":
      return "Docker could not remove the container";
  }
  if (!ended || ended.exitStatus === undefined) return undefined;
  if (state.OOMKilled) return outOfMemory(container.HostConfig.Memory ?? 0);
  if (cleanStatuses.includes(ended.exitStatus) && state.Status === "exited") return undefined;
  const times =
    container.RestartCount > 0 ? `, restarted ${count(container.RestartCount)} by its policy` : "";
  return `The container's process ${ending(ended.exitStatus)}${times}`;
}

function startProblem(message: string): string {
  const { message: text, cause } = meaningOf("start the container", message);
  return cause instanceof Error ? `${text}: ${cause.message}` : text;
}

function healthProblem(health: NonNullable<ContainerInspectInfo["State"]["Health"]>): string {
  const last = health.Log?.at(-1)?.Output.trim().split("\n")[0];
  return `The health check failed ${count(health.FailingStreak)}${last ? `: ${last}` : ""}`;
}

function outOfMemory(limitBytes: number): string {
  const limit = limitBytes > 0 ? ` (MemoryMax= is ${limitBytes} bytes)` : "";
  return `The kernel killed the container's process for lack of memory${limit}`;
}

/** "ended with status 3" or "was killed by SIGKILL". */
export function ending(exitStatus: number): string {
  const signal = signals[exitStatus - 128];
  return signal ? `was killed by ${signal} (status ${exitStatus})` : `ended with status ${exitStatus}`;
}

const signals: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
};

function count(times: number): string {
  return times === 1 ? "once" : `${times} times`;
}

function identity(containerLabels: Readonly<Record<string, string>>, notes: ContainerNotes) {
  return { hash: containerLabels[labels.hash] ?? "", generation: generationOf(containerLabels, notes) };
}

function sinceOf({ State: state, Created: created }: ContainerInspectInfo): string {
  switch (state.Status) {
    case "running":
    case "paused":
      return state.StartedAt;
    case "created":
      return created;
    default:
      // Docker's zero time: the daemon was killed before it saw the end.
      return state.FinishedAt.startsWith("0001-") ? created : state.FinishedAt;
  }
}

/** Docker's nanoseconds and zones as RFC 3339 in UTC with milliseconds. */
function instant(time: string): string {
  return new Date(time).toISOString();
}
