#!/usr/bin/env node
/**
 * deis-agent: one per host. The composition root: reads the settings, opens the store, the runtimes and the API, runs the agent
 * until it is told to stop, and closes in reverse order. Stopping it touches no unit and gives no lease back.
 */
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { Command } from "commander";
import { pino } from "pino";
import { readTlsIdentity, tcpAddress } from "../api/listen.ts";
import { type ServedApi, serveApi } from "../api/server.ts";
import { describeError, hasCode, hintOf, PlatformError } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";
import { processMetrics } from "../cluster/metrics-text.ts";
import { parseSettings, type Settings } from "../cluster/settings.ts";
import { version } from "../cluster/version.ts";
import { openEtcd } from "../etcd/client.ts";
import { openEndpointStore } from "../etcd/endpoint-store.ts";
import { machineKey } from "../etcd/keys.ts";
import { openSession } from "../etcd/lease-session.ts";
import { announceMachine } from "../etcd/machine-presence.ts";
import { type MirrorEvent, openMirror } from "../etcd/mirror.ts";
import { openOutcomeWriter } from "../etcd/outcome-writer.ts";
import { openStateWriter } from "../etcd/state-writer.ts";
import { machineTable, outcomesTable, placementsTable, statesTable } from "../etcd/tables.ts";
import { openUnitTexts } from "../etcd/unit-texts.ts";
import { systemClock } from "../loop/clock.ts";
import { processFacts } from "../loop/process-facts.ts";
import { Agent } from "./agent.ts";
import { DockerNamedContainers } from "./docker/named-containers.ts";
import { DockerUnitRuntime } from "./docker/unit-runtime.ts";
import type { OnAgentEvent } from "./events.ts";
import { readLease, writeLease } from "./lease-file.ts";
import { logEvents } from "./log.ts";
import { capacityOf, readAddress, readMachineId } from "./machine-facts.ts";
import { AgentMetrics } from "./metrics.ts";
import { OpenRuntimes } from "./open-runtimes.ts";
import { Presence } from "./presence.ts";
import { probe } from "./probe.ts";
import { Publisher } from "./publisher.ts";
import { SystemdUnitRuntime } from "./systemd/unit-runtime.ts";
import { unitFacts } from "./unit-facts.ts";
import { UnitLogs } from "./unit-logs.ts";

const apiSocket = "/run/deis/agent.sock";
/** How long the first announcement waits for a runtime that does not answer. */
const runtimePatienceMs = 10_000;

const program = new Command("deis-agent")
  .description(
    "Runs on every host: watches etcd for the units placed on it and runs them on systemd and Docker.",
  )
  .option("--config <file>", "settings of this host", "/etc/deis/agent.toml")
  .version(version, "--version", "print the version")
  .helpOption("--help", "print this help")
  .addHelpText(
    "after",
    "\nSIGTERM and SIGINT stop the agent and no unit; SIGHUP reads the machine's metadata again.",
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

try {
  program.parse();
  await run(program.opts<{ config: string }>().config);
  // Not left to the event loop: a connection that is being made to a frozen etcd would keep the process for longer than its lease.
  process.exit(0);
} catch (error) {
  const hint = hintOf(error);
  process.stderr.write(`deis-agent: ${describeError(error)}\n${hint ? `Hint: ${hint}\n` : ""}`);
  process.exit(1);
}

async function run(config: string): Promise<void> {
  let settings = await readSettings(config);
  const { ttlSeconds, unitsDirectory, dockerSocket, listen, routedSeconds, drainSeconds } = settings.agent;
  const tls = await readTlsIdentity(settings.etcd);
  const listenAt = listen === undefined ? undefined : tcpAddress("agent.listen", listen, tls);
  const id = await readMachineId();
  const log = pino({
    level: settings.log.level,
    base: { component: "agent", machine: id },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const logged = logEvents(log);
  const metrics = new AgentMetrics();
  const onEvent: OnAgentEvent = (event) => {
    logged(event);
    metrics.count(event);
  };
  onEvent({ kind: "starting", version, machine: id });

  const stop = new AbortController();
  const { signal } = stop;
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (signal.aborted) return;
      onEvent({ kind: "stopping", signal: name });
      stop.abort(new Error(`stopped by ${name}`));
    });
  }

  const client = await openEtcd(settings.etcd);
  const resume = await readLease();
  let isKept = true;
  const session = openSession(client, {
    ttlSeconds,
    ...(resume === undefined ? {} : { resume }),
    onEvent: (event) => {
      if (event.kind === "held") isKept = true;
      if (event.kind !== "keep-alive-failed" || !isKept) return;
      // Once per outage: it is tried several times a second.
      isKept = false;
      onEvent(event);
    },
  });
  const placements = openMirror(
    client,
    { placements: placementsTable(id) },
    { onEvent: mirrorTeller(onEvent) },
  );
  const reported = openMirror(client, { states: statesTable(id) });
  const outcomes = openMirror(client, { outcomes: outcomesTable(id) });
  const announced = openMirror(client, { machine: machineTable(id) });
  announced.onChange(() => {
    if (announced.tables.machine.size === 0) presence.recordGone();
  });
  const systemd = new SystemdUnitRuntime({ directory: unitsDirectory });
  const docker = new DockerUnitRuntime({
    socketPath: dockerSocket,
    onEvent: ({ kind, ...details }) =>
      onEvent({ kind: "runtime-said", runtime: "docker", what: kind, details }),
  });
  const runtimes = [systemd, docker];
  const named = new DockerNamedContainers({ socketPath: dockerSocket });
  const opened = new OpenRuntimes({ clock: systemClock, onEvent, onOpened: () => changed() });

  const presence = new Presence({
    session,
    announce: (lease, machine, until) => announceMachine(client, lease, machine, until),
    describe,
    caughtUp: async (until) => {
      const { header } = await client.range({ key: machineKey(id) }, { signal: until });
      await Promise.all(
        [placements, reported, outcomes].map((mirror) => mirror.reached(header.revision, until)),
      );
    },
    keep: (lease) => writeLease(lease),
    ring: () => agent.ring(),
    onEvent,
  });
  const publisher = new Publisher({
    machine: id,
    announced: () => presence.machine,
    lease: () => (presence.authority === "held" ? session.lease?.id : undefined),
    store: openEndpointStore(client),
    runtimes,
    containers: named,
    probe,
    patience: { routedMs: routedSeconds * 1_000, drainMs: drainSeconds * 1_000 },
    onEvent,
    clock: systemClock,
  });
  const agent = new Agent({
    machine: id,
    placements,
    reported,
    texts: openUnitTexts(client),
    states: openStateWriter(client, id),
    outcomes: { machine: id, mirror: outcomes, writer: openOutcomeWriter(client, id) },
    runtimes,
    read: (text) => unitFacts(text, (unit, error) => onEvent({ kind: "publication-invalid", unit, error })),
    publisher,
    authority: () => presence.authority,
    startLimits: new Map([["docker", 2 * cpus().length]]),
    onEvent,
  });

  async function describe(): Promise<Machine> {
    await opened.tried(runtimePatienceMs, signal);
    const address = await readAddress(settings.machine.address);
    return {
      id,
      address,
      metadata: settings.machine.metadata,
      capacity: capacityOf(settings.machine),
      runtimes: opened.names,
      version,
      ...(listenAt
        ? { api: `https://${address.includes(":") ? `[${address}]` : address}:${listenAt.port}` }
        : {}),
    };
  }
  function changed(): void {
    presence.refresh();
    agent.ring();
  }
  process.on("SIGHUP", () => {
    void readSettings(config).then(
      (read) => {
        settings = { ...settings, machine: read.machine };
        onEvent({ kind: "reloaded", metadata: read.machine.metadata });
        presence.refresh();
      },
      (error) => onEvent({ kind: "reload-failed", error }),
    );
  });

  opened.open(runtimes, signal);
  const ports = {
    logs: new UnitLogs({ systemd, docker }),
    health: () => {
      const unavailable = runtimes.filter(({ name, connected }) => opened.names.includes(name) && !connected);
      const isSynced = placements.synced && reported.synced && outcomes.synced;
      return {
        ok: presence.authority === "held" && isSynced && unavailable.length === 0,
        machine: id,
        version,
        lease: presence.authority,
        mirror: isSynced ? ("synced" as const) : ("waiting" as const),
        runtimes: Object.fromEntries(
          runtimes.map(({ name, connected }) => [
            name,
            connected ? ("connected" as const) : ("unavailable" as const),
          ]),
        ),
      };
    },
    metrics: () =>
      metrics.text({
        lease: presence.authority,
        synced: placements.synced && reported.synced,
        runtimes: runtimes.filter(({ name }) => opened.names.includes(name)),
        process: processMetrics(processFacts()),
      }),
  };
  const apis: ServedApi[] = [];
  for (const address of [{ kind: "socket" as const, path: apiSocket }, ...(listenAt ? [listenAt] : [])]) {
    // Without its API the agent still does its main work.
    try {
      const api = await serveApi(ports, address);
      apis.push(api);
      onEvent({ kind: "api-listening", at: api.at });
    } catch (error) {
      onEvent({ kind: "api-failed", error });
    }
  }

  await Promise.all([presence.run(signal), agent.run(signal), named.run(signal)]);
  await Promise.allSettled(apis.map((api) => api.close()));
  await Promise.allSettled(runtimes.map((runtime) => runtime.close()));
  await Promise.allSettled([placements, reported, outcomes, announced].map((mirror) => mirror.close()));
  await session.close({ revoke: false });
  await client.close();
}

/** Tells of an outage once, not at every try. */
function mirrorTeller(onEvent: OnAgentEvent): (event: MirrorEvent) => void {
  let isDown = false;
  return (event) => {
    if (event.kind === "listed") onEvent({ ...event, kind: "mirror-synced" });
    if (event.kind === "resumed" && isDown) onEvent({ ...event, kind: "mirror-resumed" });
    if (event.kind === "disconnected" && !isDown) onEvent({ ...event, kind: "store-unreachable" });
    if (event.kind !== "unreadable") isDown = event.kind === "disconnected";
  };
}

async function readSettings(path: string): Promise<Settings> {
  try {
    return parseSettings(await readFile(path, "utf8"), path);
  } catch (cause) {
    if (hasCode(cause, "settings-invalid")) throw cause;
    throw new PlatformError("settings-unreadable", `Cannot read the settings in "${path}"`, {
      cause,
      hint: "Write that file, or name another one with --config",
    });
  }
}
