/**
 * What `systemctl status` prints, for a unit that runs in a container. Pure.
 */
import type { ContainerInspectInfo } from "dockerode";
import type { UnitState } from "../../cluster/unit-state.ts";
import type { Usage } from "./client.ts";
import { type LogLine, short } from "./logs.ts";

export interface StatusFacts {
  readonly name: string;
  readonly container: ContainerInspectInfo;
  readonly state: UnitState;
  /** Absent: it does not run. */
  readonly usage: Usage | undefined;
  readonly processes: readonly (readonly [pid: number, command: string])[];
  /** The last lines that it wrote. */
  readonly output: readonly LogLine[];
  readonly host: string;
  readonly now: Date;
}

/** The text, with a newline at its end. */
export function statusText(facts: StatusFacts): string {
  const { name, container, state, usage, processes, output, host, now } = facts;
  const id = container.Id.slice(0, 12);
  const { Pid: pid, Health: health } = container.State;
  const lines = [
    `${mark(state.active)} ${name}`,
    field("Loaded", `loaded (docker; image ${container.Config.Image})`),
    field(
      "Active",
      `${state.active} (${state.sub}) since ${moment(state.since)}; ${ago(state.since, now)} ago`,
    ),
    ...(state.problem ? [field("Problem", state.problem)] : []),
    field("Container", `${container.Name.slice(1)} (${id})`),
    ...(pid > 0 ? [field("Main PID", `${pid} (${commandName(container)})`)] : []),
    ...(state.exitStatus === undefined ? [] : [field("Exit", `status=${state.exitStatus}`)]),
    ...(health && health.Status !== "none" ? [field("Health", health.Status)] : []),
    ...(container.RestartCount > 0 ? [field("Restarts", `${container.RestartCount}`)] : []),
    ...(usage ? usageFields(usage, container.HostConfig.Memory ?? 0) : []),
    ...processes.map(([number, command], at) => {
      const branch = at === processes.length - 1 ? "└─" : "├─";
      return at === 0
        ? field("Processes", `${branch}${number} ${command}`)
        : `${" ".repeat(13)}${branch}${number} ${command}`;
    }),
  ];
  const written = output.map((line) => short(line, host, identifier(name, pid)));
  return `${[...lines, ...(written.length > 0 ? ["", ...written] : [])].join("\n")}\n`;
}

/** How a line of the journal names its writer: `web@1[123]`. */
export function identifier(name: string, pid: number): string {
  return `${name.replace(/\.service$/, "")}${pid > 0 ? `[${pid}]` : ""}`;
}

function field(label: string, value: string): string {
  return `${label.padStart(11)}: ${value}`;
}

function mark(active: string): string {
  if (active === "active") return "●";
  return active === "failed" ? "×" : "○";
}

function usageFields(usage: Usage, limitBytes: number): string[] {
  const limit = limitBytes > 0 ? ` (max: ${size(limitBytes)})` : "";
  return [
    field("Tasks", `${usage.tasks}`),
    field("Memory", `${size(usage.memoryBytes)}${limit}`),
    field("CPU", duration(usage.cpuNanoseconds / 1e6)),
  ];
}

function commandName(container: ContainerInspectInfo): string {
  return container.Path.split("/").at(-1) ?? "";
}

/** `Fri 2026-11-20 20:43:42 UTC`. */
function moment(rfc3339: string): string {
  const time = new Date(rfc3339);
  return `${time.toUTCString().slice(0, 3)} ${time.toISOString().slice(0, 10)} ${time.toISOString().slice(11, 19)} UTC`;
}

function ago(rfc3339: string, now: Date): string {
  return duration(Math.max(0, now.getTime() - Date.parse(rfc3339)), 1_000);
}

/** The two largest units of a time span, as systemd writes them: `2h 5min`, `1.234s`, `12ms`. */
function duration(ms: number, least = 1): string {
  if (ms < 60_000) {
    if (ms < 1_000 && least < 1_000) return `${Math.round(ms)}ms`;
    return least < 1_000 ? `${(ms / 1_000).toFixed(3)}s` : `${Math.floor(ms / 1_000)}s`;
  }
  const units = [
    [86_400_000, " days"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ] as const;
  const first = units.findIndex(([length]) => ms >= length);
  const parts: string[] = [];
  let rest = ms;
  for (const [length, unit] of units.slice(first, first + 2)) {
    const amount = Math.floor(rest / length);
    rest -= amount * length;
    if (amount > 0) parts.push(unit === " days" && amount === 1 ? "1 day" : `${amount}${unit}`);
  }
  return parts.join(" ");
}

function size(bytes: number): string {
  const units = ["B", "K", "M", "G", "T"];
  const power = bytes < 1_024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1_024 ** power).toFixed(1)}${units[power]}`;
}
