/**
 * What the agent's Docker runtime costs over the engine itself, on one real engine in a host of its own.
 *
 * - One at a time: load and start of a unit, against create and start of the same container by bare API calls, in alternating rounds.
 *   "Seen running" is when `observed` says so, which is what an agent reports; the start itself resolves once the process has
 *   outlived its first moments.
 * - Many at once: 10 and 50 units with four starts in flight, as an agent does on two processors, against a bare loop with four in flight.
 *
 * Rounds alternate, so that a noisy machine is noisy for both; the figures are medians.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { DockerUnitRuntime } from "../agent/docker/unit-runtime.ts";
import type { RuntimeUnit } from "../agent/runtime.ts";
import { parseUnitFile, unitHash } from "../cluster/unit-file.ts";
import { createCluster } from "../hosts/create.ts";
import type { Benchmark, Tell } from "./figure.ts";
import { each, median, timed } from "./measure.ts";

export const benchmark: Benchmark = {
  about: "load and start by the agent's Docker runtime, against create and start by the engine's API",
  run: async ({ quick }, tell) => {
    const name = `bench-${process.pid}`;
    const cluster = await createCluster({ name, hosts: 1, etcd: false, images: "foundation" });
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
      await oneAtATime(bench, quick ? 5 : 21, tell);
      await manyAtOnce(bench, 10, quick ? 1 : 5, tell);
      await manyAtOnce(bench, 50, quick ? 1 : 3, tell);
      await runtime.close();
    } finally {
      await cluster.down();
      await rm(notesDirectory, { recursive: true });
    }
  },
};

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
  await each(containers, inFlight, ({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }));
}

async function oneAtATime(bench: Bench, rounds: number, tell: Tell): Promise<void> {
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
  const against = { name: "bare create + start", value: median(bare) };
  tell({ name: "a unit until seen running", ours: { value: median(seen), unit: "ms" }, against });
  tell({ name: "a unit until its start resolves", ours: { value: median(done), unit: "ms" }, against });
}

async function manyAtOnce(bench: Bench, count: number, rounds: number, tell: Tell): Promise<void> {
  const names = Array.from({ length: count }, (_, at) => `many-${at}`);
  const bare: number[] = [];
  const units: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await timed(() => each(names, inFlight, (name) => startBare(bench, name))));
    await clean(bench);
    units.push(await timed(() => each(names, inFlight, (name) => startUnit(bench, `${name}.service`))));
    await clean(bench);
  }
  tell({
    name: `${count} units, ${inFlight} starts in flight`,
    ours: { value: median(units), unit: "ms" },
    against: { name: `bare loop of ${inFlight}`, value: median(bare) },
    goal: "≤ 1.05x",
  });
}
