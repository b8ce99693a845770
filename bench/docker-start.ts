/**
 * What the agent's Docker runtime costs over the engine itself, on one real engine in a host of its own.
 *
 *     node --import tsx bench/docker-start.ts [--quick]
 *
 * - One at a time: load and start of a unit, against create and start of the same container by bare API calls, in alternating rounds.
 *   "Seen running" is when `observed` says so, which is what an agent reports; the start itself resolves once the process has
 *   outlived its first moments.
 * - Many at once: 10 and 50 units with four starts in flight, as an agent does on two processors, against a bare loop with four in flight.
 *
 * Rounds alternate, so that a noisy machine is noisy for both; the figures are medians and the ratio of medians.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { DockerUnitRuntime } from "../agent/docker/unit-runtime.ts";
import type { RuntimeUnit } from "../agent/runtime.ts";
import { parseUnitFile, unitHash } from "../cluster/unit-file.ts";
import { createCluster } from "../hosts/create.ts";

const signal = new AbortController().signal;
const inFlight = 4;

interface Bench {
  readonly docker: Docker;
  readonly runtime: DockerUnitRuntime;
}

function unit(name: string): RuntimeUnit {
  const text = "[Container]\nImage=busybox\nExec=sleep 1000\nStopSignal=SIGKILL\n";
  return { name, text, hash: unitHash(parseUnitFile(text)), generation: 0 };
}

async function startBare({ docker }: Bench, name: string): Promise<void> {
  const container = await docker.createContainer({ name, Image: "busybox", Cmd: ["sleep", "1000"] });
  await container.start();
}

async function startUnit({ runtime }: Bench, name: string): Promise<void> {
  await runtime.load(unit(name), signal);
  await runtime.start(unit(name), signal);
}

/** Milliseconds until the unit is seen running, and until its start resolves. */
async function timeUnit(bench: Bench, name: string): Promise<{ seenMs: number; doneMs: number }> {
  const { runtime } = bench;
  const began = performance.now();
  let seenMs = Number.NaN;
  const end = runtime.onChange((changed) => {
    if (changed === name && Number.isNaN(seenMs) && runtime.observed.get(name)?.active === "active") {
      seenMs = performance.now() - began;
    }
  });
  await startUnit(bench, name);
  end();
  return { seenMs, doneMs: performance.now() - began };
}

async function clean({ docker }: Bench): Promise<void> {
  const containers = await docker.listContainers({ all: true });
  await each(containers, ({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }));
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function show(what: string, ms: number, bareMs: number): void {
  console.log(`${what.padEnd(34)} ${ms.toFixed(0).padStart(6)} ms  ${(ms / bareMs).toFixed(2)}x`);
}

async function oneAtATime(bench: Bench, rounds: number): Promise<void> {
  const bare: number[] = [];
  const seen: number[] = [];
  const done: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await timed(() => startBare(bench, `bare-${round}`)));
    const { seenMs, doneMs } = await timeUnit(bench, `unit-${round}.service`);
    seen.push(seenMs);
    done.push(doneMs);
    await clean(bench);
  }
  show(`bare create + start (${rounds} rounds)`, median(bare), median(bare));
  show("unit seen running", median(seen), median(bare));
  show("unit's start resolved", median(done), median(bare));
}

async function manyAtOnce(bench: Bench, count: number, rounds: number): Promise<void> {
  const names = Array.from({ length: count }, (_, at) => `many-${at}`);
  const bare: number[] = [];
  const units: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await timed(() => each(names, (name) => startBare(bench, name))));
    await clean(bench);
    units.push(await timed(() => each(names, (name) => startUnit(bench, `${name}.service`))));
    await clean(bench);
  }
  show(`${count} containers, bare loop of ${inFlight}`, median(bare), median(bare));
  show(`${count} units, ${inFlight} starts in flight`, median(units), median(bare));
}

const quick = process.argv.includes("--quick");
const cluster = await createCluster({
  name: `bench-${process.pid}`,
  hosts: 1,
  etcd: false,
  images: "foundation",
});
const notesDirectory = await mkdtemp(join(tmpdir(), "deis-bench-"));
try {
  const host = cluster.host(1);
  const docker = new Docker({ socketPath: host.dockerSocket });
  const runtime = new DockerUnitRuntime({
    socketPath: host.dockerSocket,
    hostRoot: host.path("/"),
    notesDirectory,
  });
  await runtime.open(signal);
  const bench = { docker, runtime };
  await startBare(bench, "warm-up");
  await clean(bench);
  await oneAtATime(bench, quick ? 5 : 21);
  await manyAtOnce(bench, 10, quick ? 1 : 5);
  await manyAtOnce(bench, 50, quick ? 1 : 3);
  await runtime.close();
} finally {
  await cluster.down();
  await rm(notesDirectory, { recursive: true });
}
