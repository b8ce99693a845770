/**
 * What fleet's users timed, with deisctl in fleetctl's place: start, list and destroy one, a hundred and five hundred services of one host, and what
 * they cost at rest. Beside each stands the same work done by bare systemctl on the same host in the same run, and in the note what
 * fleet v1.0.0 took on a machine of the same kind (two shared processors, load 2 to 8; etcd 3.4 on one node).
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Host } from "../hosts/host.ts";
import { run } from "../hosts/run.ts";
import type { Benchmark, Tell } from "./figure.ts";
import { median, timed } from "./measure.ts";
import { oneshotUnit, type Platform, withPlatform } from "./platform.ts";

export const benchmark: Benchmark = {
  about:
    "deisctl start, list-units and destroy of 1, 100 and 500 services, against bare systemctl on the same host",
  run: ({ quick }, tell) =>
    withPlatform(async (platform) => {
      const [host] = platform.cluster.hosts;
      const [machine] = platform.machines;
      if (!host || !machine) return;
      const directory = await mkdtemp(join(tmpdir(), "deis-bench-"));
      const place: Place = { platform, host, machine, directory };
      try {
        await one(place, quick ? 3 : 10, tell);
        for (const count of quick ? [20] : [100, 500])
          await many(place, count, quick ? 1 : 3, quick ? 3 : 20, tell);
      } finally {
        await rm(directory, { recursive: true });
      }
    }),
};

interface Place {
  readonly platform: Platform;
  readonly host: Host;
  readonly machine: string;
  /** Where the operator's unit files are. */
  readonly directory: string;
}

/** What fleet took, in ms, by what was done. */
const fleet: Readonly<Record<string, string>> = {
  "start 1": "fleet: 2480 ms",
  "returned 1": "fleet: 3790 ms",
  "start 100": "fleet: 3900 ms",
  "returned 100": "fleet: 4600 ms",
  "start 500": "fleet: 52,200 ms",
  "returned 500": "fleet: 54,100 ms",
  "list 100": "fleet: 30 to 40 ms",
  "list 500": "fleet: 80 to 130 ms (fleetctl is no Node.js program)",
  "destroy 100": "fleet: 8 minutes, one unit in each pass of 5 s",
  "destroy 500": "fleet: 42 minutes, extrapolated",
  "cpu 500": "fleet: 13.8 % of a processor",
  "reads 500": "fleet: 80 reads a second",
  "writes 500": "fleet: 75.6 writes a second",
};

const goals: Readonly<Record<string, string>> = {
  "start 1": "≤ 500 ms",
  "start 100": "≤ 2000 ms",
  "start 500": "≤ 10000 ms",
  "list 500": "≤ 300 ms",
};

/** Goal and fleet's figure for what was measured. */
function beside(what: string): { goal?: string; note?: string } {
  const [goal, note] = [goals[what], fleet[what]];
  return { ...(goal === undefined ? {} : { goal }), ...(note === undefined ? {} : { note }) };
}

async function one(place: Place, rounds: number, tell: Tell): Promise<void> {
  const starts: Start[] = [];
  const bare: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const bareMs = await startBare(place, [`bare-${round + 1}.service`]);
    const start = await startOurs(place, [`one-${round + 1}.service`]);
    if (round < 0) continue;
    bare.push(bareMs);
    starts.push(start);
  }
  await deisctl(place, "destroy", "one-*");
  await removeBare(place);
  const against = { name: "bare daemon-reload + systemctl start", value: median(bare) };
  tell({
    name: "start of 1 new service, until active in systemd",
    ours: { value: median(starts.map(({ activeMs }) => activeMs)), unit: "ms" },
    against,
    ...beside("start 1"),
  });
  tell({
    name: "the same, until deisctl returns",
    ours: { value: median(starts.map(({ returnedMs }) => returnedMs)), unit: "ms" },
    ...beside("returned 1"),
  });
}

async function many(place: Place, count: number, rounds: number, seconds: number, tell: Tell): Promise<void> {
  const names = Array.from({ length: count }, (_, at) => `u${String(at).padStart(4, "0")}.service`);
  const bareNames = names.map((name) => `bare-${name}`);
  const found = { bareStart: [], active: [], returned: [], list: [], bareStop: [], destroy: [] } as Record<
    "bareStart" | "active" | "returned" | "list" | "bareStop" | "destroy",
    number[]
  >;
  for (let round = 0; round < rounds; round += 1) {
    found.bareStart.push(await startBare(place, bareNames));
    found.bareStop.push(await timed(() => removeBare(place)));
    const { activeMs, returnedMs } = await startOurs(place, names);
    found.active.push(activeMs);
    found.returned.push(returnedMs);
    for (let look = 0; look < 3; look += 1) found.list.push(await timed(() => deisctl(place, "list-units")));
    if (round === rounds - 1) await atRest(place, count, seconds, tell);
    found.destroy.push(await timed(() => deisctl(place, "destroy", ...names)));
  }
  const figure = (
    name: string,
    what: keyof typeof found,
    key: string,
    against?: [string, keyof typeof found],
  ) =>
    tell({
      name,
      ours: { value: median(found[what]), unit: "ms" },
      ...(against === undefined ? {} : { against: { name: against[0], value: median(found[against[1]]) } }),
      ...beside(`${key} ${count}`),
    });
  figure(`start of ${count} services from files, until the last is active`, "active", "start", [
    "bare daemon-reload + systemctl start",
    "bareStart",
  ]);
  figure("the same, until deisctl returns", "returned", "returned");
  figure(`list-units of ${count}`, "list", "list");
  figure(`destroy of ${count}, until nothing is left`, "destroy", "destroy", [
    "bare systemctl stop, rm, daemon-reload",
    "bareStop",
  ]);
}

interface Start {
  readonly activeMs: number;
  readonly returnedMs: number;
}

/** Starts services from files of their own by one command. */
async function startOurs(place: Place, names: readonly string[]): Promise<Start> {
  const text = `${oneshotUnit}\n[X-Fleet]\nMachineID=${place.machine}\n`;
  await mkdir(place.directory, { recursive: true });
  for (const name of names) await writeFile(join(place.directory, name), text);
  const begun = monotonicMs();
  await deisctl(place, "start", ...names);
  const returnedMs = monotonicMs() - begun;
  return { activeMs: (await lastActiveMs(place.host, names)) - begun, returnedMs };
}

/** The same by bare systemctl: a reload, so that systemd reads the files, and one start of all. */
async function startBare({ host }: Place, names: readonly string[]): Promise<number> {
  for (const name of names) await host.write(`/run/systemd/system/${name}`, oneshotUnit);
  const begun = monotonicMs();
  await host.exec(["systemctl", "daemon-reload"], { deadlineMs: 120_000 });
  await host.exec(["systemctl", "start", ...names], { deadlineMs: 120_000 });
  return (await lastActiveMs(host, names)) - begun;
}

async function removeBare({ host }: Place): Promise<void> {
  const script =
    "cd /run/systemd/system; systemctl stop bare-*.service; rm bare-*.service; systemctl daemon-reload";
  await host.exec(["sh", "-c", script], { deadlineMs: 120_000 });
}

/** When the last of these became active, by systemd itself, in ms of the clock that all hosts and this process share. */
async function lastActiveMs(host: Host, names: readonly string[]): Promise<number> {
  const shown = await host.exec([
    "systemctl",
    "show",
    "--value",
    "-p",
    "ActiveEnterTimestampMonotonic",
    ...names,
  ]);
  return (
    Math.max(
      ...shown
        .split("\n")
        .filter((line) => line !== "")
        .map(Number),
    ) / 1_000
  );
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** Runs the released deisctl as the cluster's operator, in the directory of the unit files. */
async function deisctl({ platform, directory }: Place, ...args: readonly string[]): Promise<string> {
  const { endpoints, cafile, certfile, keyfile } = platform.cluster.etcd;
  const env = {
    ...process.env,
    DEISCTL_ENDPOINT: endpoints.join(","),
    DEISCTL_ETCD_CAFILE: cafile,
    DEISCTL_ETCD_CERTFILE: certfile,
    DEISCTL_ETCD_KEYFILE: keyfile,
  };
  const main = join(platform.cluster.share, "release/dist/deisctl/main.js");
  return await run([process.execPath, main, ...args], { env, cwd: directory, deadlineMs: 300_000 });
}

async function atRest({ platform, host }: Place, count: number, seconds: number, tell: Tell): Promise<void> {
  // What was just started is still being told.
  await delay(2_000);
  const [before, cpuBefore] = [await platform.etcdCounters(), await cpuSeconds(host)];
  await delay(seconds * 1_000);
  const [after, cpuAfter] = [await platform.etcdCounters(), await cpuSeconds(host)];
  const perSecond = (name: string) => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / seconds;
  const reads = perSecond("grpc_server_started_total Range");
  const writes = perSecond("grpc_server_started_total Txn") + perSecond("grpc_server_started_total Put");
  const figure = (name: string, value: number, unit: string, key: string, goal: string) =>
    tell({
      name: `${name} at rest, ${count} services`,
      ours: { value, unit },
      ...beside(`${key} ${count}`),
      goal,
    });
  figure("reads of etcd", reads, "1/s", "reads", "0");
  figure("writes to etcd", writes, "1/s", "writes", "0");
  figure("the agent's processor", (100 * (cpuAfter - cpuBefore)) / seconds, "%", "cpu", "≤ 1 %");
}

/** What the agent has used of processors so far. */
async function cpuSeconds(host: Host): Promise<number> {
  const pid = (await host.exec(["systemctl", "show", "-P", "MainPID", "deis-agent"])).trim();
  const stat = await host.exec(["cat", `/proc/${pid}/stat`]);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, in hundredths of a second: proc(5).
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
