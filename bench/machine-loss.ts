/**
 * A host's power is cut: how long until what ran there is reported active elsewhere, against the least it can take, which is
 * what is left of the machine's lease and one start of the same container.
 */
import Docker from "dockerode";
import type { Host } from "../hosts/host.ts";
import type { Benchmark, Tell } from "./figure.ts";
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
      const losses = new Map<Victim, Loss[]>([
        ["an etcd follower", []],
        ["the etcd leader", []],
      ]);
      const startMs: number[] = [];
      for (let round = 0; round < (quick ? 1 : 4); round += 1) {
        for (const [victim, found] of losses) {
          const leader = await platform.etcdLeader();
          // Of the followers each in turn: one of the three hosts has the scheduler that leads.
          const at = victim === "the etcd leader" ? leader - 1 : (leader + (round % 2)) % 3;
          startMs.push(await bareStart(platform.cluster.host(((at + 1) % 3) + 1)));
          found.push(await lose(platform, at, units));
        }
      }
      for (const [victim, found] of losses) tellLosses(victim, found, median(startMs), tell);
    }),
};

/**
 * etcd's leader counts down the leases. When it dies a new one is elected, within two seconds, and gives every lease its full TTL
 * again: etcd documents this for its lessor, and nobody can be quicker.
 */
type Victim = "an etcd follower" | "the etcd leader";

function tellLosses(victim: Victim, losses: readonly Loss[], startMs: number, tell: Tell): void {
  const seconds = (ms: (loss: Loss) => number) => median(losses.map(ms)) / 1_000;
  const slowest = Math.max(...losses.map(({ activeMs }) => activeMs)) / 1_000;
  const [lapsed, placed] = [seconds(({ lapsedMs }) => lapsedMs), seconds(({ placedMs }) => placedMs)];
  tell({
    name: `power cut to the host of ${victim}, ${unitsOnVictim} units active elsewhere (${losses.length} rounds)`,
    ours: { value: seconds(({ activeMs }) => activeMs), unit: "s" },
    against: { name: "TTL + 1 s + bare start", value: (ttlMs + 1_000 + startMs) / 1_000 },
    ...(victim === "an etcd follower" ? { goal: "≤ 1.00x" } : {}),
    note: `medians: lease lapsed ${lapsed.toFixed(2)} s, all placed ${placed.toFixed(2)} s; slowest round ${slowest.toFixed(2)} s`,
  });
}

/** How many machines report the unit active. */
function placesOf(platform: Platform, unit: string): number {
  return [...platform.statesOf(unit).values()].filter(({ active }) => active === "active").length;
}

async function bareStart(host: Host): Promise<number> {
  const docker = new Docker({ socketPath: host.dockerSocket });
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
