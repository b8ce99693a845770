/**
 * What the platform costs over what it stands on: a unit submitted to the store of a real cluster until the store says that it is
 * active, against the bare engine (and systemd) of the very host it runs on; what that costs etcd; and what rest costs.
 */
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { SystemdBus } from "../agent/systemd/bus.ts";
import type { Host } from "../hosts/host.ts";
import type { Benchmark, Tell } from "./figure.ts";
import { each, median, timed } from "./measure.ts";
import { containerUnit, oneshotUnit, type Platform, withPlatform } from "./platform.ts";

const signal = new AbortController().signal;

export const benchmark: Benchmark = {
  about:
    "a unit, submitted until reported active, against create and start by the engine's API, or StartUnit, on the same host",
  run: ({ quick }, tell) =>
    withPlatform(async (platform) => {
      const [host] = platform.cluster.hosts;
      const [machine] = platform.machines;
      if (!host || !machine) return;
      const place: Place = { platform, host, machine };
      await oneContainer(place, quick ? 5 : 21, tell);
      await services(place, quick ? 2 : 5, tell);
      await raftWrites(place, tell);
      await atRest(place, quick ? 5 : 20, tell);
    }),
};

/** Where everything of this benchmark runs. */
interface Place {
  readonly platform: Platform;
  readonly host: Host;
  readonly machine: string;
}

function pinned(text: string, { machine }: Place): string {
  return `${text}\n[X-Fleet]\nMachineID=${machine}\n`;
}

// One container.

/** When what happened to a unit, in ms of the one clock that all hosts share. */
interface Course {
  readonly begun: number;
  readonly written: number;
  readonly placed: number;
  readonly reported: number;
}

async function oneContainer(place: Place, rounds: number, tell: Tell): Promise<void> {
  const { platform, host } = place;
  const docker = new Docker({ socketPath: host.dockerSocket });
  const text = pinned(containerUnit, place);
  const bare: BareStart[] = [];
  const courses = new Map<string, Course>();
  for (let round = -2; round < rounds; round += 1) {
    const container = `bare-${round}`;
    const bareMs = await startBare(docker, container);
    await docker.getContainer(container).remove({ force: true });
    const unit = `one-${round + 2}.service`;
    const course = await followStart(place, unit, text);
    await remove(platform, [unit]);
    // The first rounds warm all that takes part.
    if (round < 0) continue;
    bare.push(bareMs);
    courses.set(unit, course);
  }
  const all = [...courses.values()];
  const bareMs = bare.map(({ createMs, startMs }) => createMs + startMs);
  const overBare = all.map(({ begun, reported }, at) => (reported - begun) / (bareMs[at] ?? Number.NaN));
  const parts = await breakdown(host, courses);
  const bareParts = `bare create ${median(bare.map(({ createMs }) => createMs)).toFixed(1)}, start ${median(bare.map(({ startMs }) => startMs)).toFixed(1)}`;
  tell({
    name: `one container, submitted to reported (${rounds} rounds)`,
    ours: { value: median(all.map(({ begun, reported }) => reported - begun)), unit: "ms" },
    against: { name: "bare create + start", value: median(bareMs) },
    goal: "≤ 1.10x",
    note: `${parts}; ${bareParts}; median of the rounds' own ratios ${median(overBare).toFixed(2)}x`,
  });
}

interface BareStart {
  readonly createMs: number;
  readonly startMs: number;
}

async function startBare(docker: Docker, name: string): Promise<BareStart> {
  const began = performance.now();
  const container = await docker.createContainer({ name, Image: "busybox", Cmd: ["sleep", "100000"] });
  const createMs = performance.now() - began;
  return { createMs, startMs: await timed(() => container.start()) };
}

async function followStart({ platform, machine }: Place, unit: string, text: string): Promise<Course> {
  const key = `${machine}/${unit}`;
  let placed = Number.NaN;
  const { placements, states } = platform.records.tables;
  const reported = platform.until(`"${unit}" to be active`, () => {
    if (Number.isNaN(placed) && placements.get(key)) placed = now();
    return states.get(key)?.active === "active" ? now() : undefined;
  });
  const begun = now();
  await platform.submit([unit], text);
  const written = now();
  return { begun, written, reported: await reported, placed };
}

/** Where the time of a start went, from the agent's own log: medians in ms. */
async function breakdown(host: Host, courses: ReadonlyMap<string, Course>): Promise<string> {
  const log = await host.exec(["journalctl", "--unit", "deis-agent", "--output", "cat"]);
  const parts = new Map<string, number[]>();
  const add = (part: string, ms: number) => parts.set(part, [...(parts.get(part) ?? []), ms]);
  for (const { begun, written, placed } of courses.values()) {
    add("edit", written - begun);
    add("placement seen", placed - written);
  }
  const ends = new Map<string, number>();
  for (const line of log.split("\n")) {
    if (!line.startsWith("{")) continue;
    const { time: at, msg, unit, action, durationMs } = JSON.parse(line) as LogLine;
    const time = Date.parse(at);
    const course = unit === undefined ? undefined : courses.get(unit);
    if (!course || unit === undefined || time > course.reported) continue;
    if (msg === "unit changing") add("plan begun", time - course.placed);
    if (msg !== "step done" || action === undefined) continue;
    add(action, durationMs ?? Number.NaN);
    ends.set(unit, time);
  }
  for (const [unit, { reported }] of courses) add("report seen", reported - (ends.get(unit) ?? Number.NaN));
  return [...parts].map(([part, ms]) => `${part} ${median(ms).toFixed(1)}`).join(", ");
}

interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly msg: string;
  readonly unit?: string;
  readonly action?: string;
  readonly durationMs?: number;
}

/** Wall-clock ms with a fraction: comparable with the logs of the hosts. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

async function remove(platform: Platform, units: readonly string[]): Promise<void> {
  await platform.destroy(units);
  await platform.until("the units to be gone", () =>
    units.every((unit) => platform.statesOf(unit).size === 0) ? true : undefined,
  );
}

// Services.

async function services(place: Place, rounds: number, tell: Tell): Promise<void> {
  const bus = new SystemdBus({
    address: `unix:path=${place.host.path("/run/dbus/system_bus_socket")}`,
    onReady: () => Promise.resolve(),
    onUnitChanged: () => undefined,
    onConnected: () => undefined,
  });
  await bus.open(signal);
  try {
    for (const count of [1, 20, 100])
      await someServices(place, bus, count, count === 1 ? 3 * rounds : rounds, tell);
  } finally {
    await bus.close();
  }
}

async function someServices(
  place: Place,
  bus: SystemdBus,
  count: number,
  rounds: number,
  tell: Tell,
): Promise<void> {
  const { platform, host } = place;
  const text = pinned(oneshotUnit, place);
  const bareNames = names(`bare-${count}`, count);
  for (const name of bareNames) await host.write(`/run/systemd/system/${name}`, oneshotUnit);
  await bus.manager("Reload");
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const bareMs = await timed(() => each(bareNames, 16, (name) => job(bus, "StartUnit", name)));
    await each(bareNames, 16, (name) => job(bus, "StopUnit", name));
    const units = names(`ours-${count}`, count);
    const ourMs = await timed(async () => {
      await platform.submit(units, text);
      await allActive(place, units);
    });
    await remove(platform, units);
    if (round < 0) continue;
    bare.push(bareMs / count);
    ours.push(ourMs / count);
  }
  tell({
    name: `${count} oneshot service${count === 1 ? "" : "s"}, submitted to reported, each`,
    ours: { value: median(ours), unit: "ms" },
    against: { name: "bare StartUnit, 16 in flight", value: median(bare) },
    ...(count === 1 ? {} : { goal: "≤ 3x" }),
  });
}

function names(stem: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${stem}-${at}.service`);
}

async function job(bus: SystemdBus, member: "StartUnit" | "StopUnit", unit: string): Promise<void> {
  const { result } = await bus.job(member, unit, new AbortController().signal);
  await result;
}

async function allActive({ platform, machine }: Place, units: readonly string[]): Promise<void> {
  const waiting = [...units];
  await platform.until(`${units.length} units to be active`, () => {
    for (;;) {
      const last = waiting.at(-1);
      if (last === undefined) return true;
      if (platform.records.tables.states.get(`${machine}/${last}`)?.active !== "active") return undefined;
      waiting.pop();
    }
  });
}

// What it costs etcd.

const proposals = "etcd_server_proposals_committed_total";

async function raftWrites(place: Place, tell: Tell): Promise<void> {
  const { platform } = place;
  for (const count of [1, 100, 300]) {
    const units = names(`raft-${count}`, count);
    const before = await platform.etcdCounters();
    await platform.submit(units, pinned(oneshotUnit, place));
    await allActive(place, units);
    const after = await platform.etcdCounters();
    await remove(platform, units);
    // Every member counts the same proposals.
    const members = platform.cluster.etcd.endpoints.length;
    const value = difference(before, after, proposals) / members / count;
    tell({
      name: `Raft proposals to submit, place and report ${count === 1 ? "a unit" : `${count} units`}`,
      ours: { value, unit: "/unit" },
      goal: count === 1 ? "≤ 3" : "≤ 0.1",
    });
  }
}

function difference(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  name: string,
): number {
  return (after.get(name) ?? 0) - (before.get(name) ?? 0);
}

// What rest costs.

async function atRest({ platform, host }: Place, seconds: number, tell: Tell): Promise<void> {
  // What was just removed is still being told.
  await delay(2_000);
  const before = await platform.etcdCounters();
  await delay(seconds * 1_000);
  const after = await platform.etcdCounters();
  const perSecond = (name: string) => difference(before, after, name) / seconds;
  const hosts = platform.cluster.hosts.length;
  const reads = perSecond("grpc_server_started_total Range") + perSecond("grpc_server_started_total Txn");
  const figure = (name: string, value: number, goal: string) =>
    tell({ name: `${name} at rest, three hosts, over ${seconds} s`, ours: { value, unit: "1/s" }, goal });
  figure("reads and transactions", reads, "0");
  figure("Raft proposals", perSecond(proposals) / platform.cluster.etcd.endpoints.length, "0");
  const keepAlives = perSecond("grpc_server_msg_received_total LeaseKeepAlive") / hosts;
  tell({
    name: "keep-alives of a host (agent and scheduler) at rest",
    ours: { value: keepAlives, unit: "1/s" },
    goal: "≤ 0.6 each",
  });
  for (const [daemon, goal] of [
    ["deis-agent", "≤ 110 MiB"],
    ["deis-scheduler", undefined],
  ] as const) {
    const ours = { value: await residentMiB(host, daemon), unit: "MiB" };
    tell({ name: `${daemon}, resident after all this`, ours, ...(goal ? { goal } : {}) });
  }
}

async function residentMiB(host: Host, unit: string): Promise<number> {
  const pid = (await host.exec(["systemctl", "show", "--property", "MainPID", "--value", unit])).trim();
  const status = await host.exec(["cat", `/proc/${pid}/status`]);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
