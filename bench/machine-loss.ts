/**
 * A host's power is cut: how long until what ran there is reported active elsewhere, against the least it can take, which is
 * what is left of the machine's lease and one start of the same container.
 */
import Docker from "dockerode";
import type { Host } from "../hosts/host.ts";
import type { Benchmark } from "./figure.ts";
import { median, timed } from "./measure.ts";
import { containerUnit, type Platform, withPlatform } from "./platform.ts";

/** The default of `ttl_seconds`. */
const ttlMs = 5_000;
const unitsOnVictim = 3;

interface Loss {
  /** From the cut, in ms. */
  readonly lapsedMs: number;
  readonly placedMs: number;
  readonly activeMs: number;
}

export const benchmark: Benchmark = {
  about: "a power cut, until the units of that host are reported active on others",
  run: ({ quick }, tell) =>
    withPlatform(async (platform) => {
      const units = Array.from({ length: 3 * unitsOnVictim }, (_, at) => `app@${at}.service`);
      await platform.submit(units, containerUnit);
      await platform.until("all units to be active", () =>
        units.every((unit) => placesOf(platform, unit) === 1) ? true : undefined,
      );
      const losses: Loss[] = [];
      const startMs: number[] = [];
      for (let round = 0; round < (quick ? 2 : 6); round += 1) {
        // Each in turn: also the one whose scheduler leads, and the etcd member that does.
        const at = round % platform.machines.length;
        startMs.push(await bareStart(platform.cluster.hosts[(at + 1) % platform.machines.length]));
        losses.push(await lose(platform, at, units));
      }
      const value = (ms: (loss: Loss) => number) => median(losses.map(ms)) / 1_000;
      const start = median(startMs) / 1_000;
      tell({
        name: `power cut to ${unitsOnVictim} units active elsewhere (${losses.length} rounds)`,
        ours: { value: value(({ activeMs }) => activeMs), unit: "s" },
        against: { name: "TTL + 1 s + bare start", value: ttlMs / 1_000 + 1 + start },
        goal: "≤ 1.00x",
        note: `median: lease lapsed ${value(({ lapsedMs }) => lapsedMs).toFixed(2)} s, all placed ${value(({ placedMs }) => placedMs).toFixed(2)} s; slowest ${(Math.max(...losses.map(({ activeMs }) => activeMs)) / 1_000).toFixed(2)} s`,
      });
    }),
};

/** How many machines report the unit active. */
function placesOf(platform: Platform, unit: string): number {
  return [...platform.statesOf(unit).values()].filter(({ active }) => active === "active").length;
}

async function bareStart(host: Host | undefined): Promise<number> {
  const docker = new Docker({ socketPath: host?.dockerSocket ?? "" });
  const container = await docker.createContainer({ Image: "busybox", Cmd: ["sleep", "100000"] });
  const ms = await timed(() => container.start());
  await container.remove({ force: true });
  return ms;
}

/** Cuts the power of one host, measures, and brings it back to life, empty, for the next round. */
async function lose(platform: Platform, at: number, all: readonly string[]): Promise<Loss> {
  const machine = platform.machines[at] ?? "";
  const { placements, machines } = platform.records.tables;
  const units = all.filter((unit) => placements.get(`${machine}/${unit}`));
  const elsewhere = (unit: string) =>
    platform.machines.some((other) => other !== machine && placements.get(`${other}/${unit}`));
  const isActive = (unit: string) =>
    [...platform.statesOf(unit)].some(([other, { active }]) => other !== machine && active === "active");
  const host = platform.cluster.host(at + 1);
  const began = performance.now();
  const since = () => performance.now() - began;
  await host.kill();
  const [lapsedMs, placedMs, activeMs] = await Promise.all([
    platform.until("the lease to lapse", () => (machines.get(machine) ? undefined : since())),
    platform.until("placements elsewhere", () => (units.every(elsewhere) ? since() : undefined)),
    platform.until("units active elsewhere", () => (units.every(isActive) ? since() : undefined)),
  ]);
  await host.start();
  await platform.until("the machine to come back", () => (machines.get(machine) ? true : undefined));
  await platform.cluster.etcdHealthy();
  await refill(platform, units, machine);
  return { lapsedMs, placedMs, activeMs };
}

/** Nothing moves back by itself: what left is submitted anew, and goes to the empty machine. */
async function refill(platform: Platform, units: readonly string[], machine: string): Promise<void> {
  await platform.destroy(units);
  await platform.until("the units to be gone", () =>
    units.every((unit) => platform.statesOf(unit).size === 0) ? true : undefined,
  );
  await platform.submit(units, containerUnit);
  await platform.until("the units to be back", () =>
    units.every((unit) => platform.records.tables.states.get(`${machine}/${unit}`)?.active === "active")
      ? true
      : undefined,
  );
}
