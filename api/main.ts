#!/usr/bin/env node
/**
 * deis-api: the cluster's HTTP API. A process of its own, because an API under load must never starve an agent's lease. Composition
 * root: everything is opened here and closed in reverse order.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { type Logger, pino } from "pino";
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";
import { parseSettings, type Settings } from "../cluster/settings.ts";
import { version } from "../cluster/version.ts";
import { openEtcd } from "../etcd/client.ts";
import { openClusterStore } from "../etcd/cluster-store.ts";
import { type MirrorEvent, openMirror } from "../etcd/mirror.ts";
import { clusterTables } from "../etcd/tables.ts";
import { systemClock } from "../loop/clock.ts";
import { hostAgents } from "./host-agents.ts";
import { type ApiEvent, apiServers } from "./http-server.ts";
import { idle } from "./idle.ts";
import { inheritedSockets } from "./inherited-sockets.ts";
import { type ApiAddress, closed, listen, readTlsIdentity, tcpAddress } from "./listen.ts";
import { Outage } from "./outage.ts";

const hint = "Set socket and listen in [api] of /etc/deis/agent.toml to what is free on this host";

interface Options {
  readonly config: string;
  readonly idle: string;
}

async function main(): Promise<void> {
  const command = new Command("deis-api")
    .description(
      "Serves the cluster's HTTP API, fleet's v1 and Deis's own, on a unix socket and where asked for over mutual TLS.",
    )
    .version(version, "--version", "print the version")
    .option("--config <file>", "settings of this host", "/etc/deis/agent.toml")
    .option(
      "--idle <seconds>",
      "end after so long without a connection, when systemd holds the only socket",
      "300",
    )
    .helpOption("--help", "print this help")
    .addHelpText(
      "after",
      "\nExample:\n  curl --unix-socket /var/run/fleet.sock http://deis/fleet/v1/machines",
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  command.parse();
  const { config, idle: idleSeconds } = command.opts<Options>();
  if (!/^[1-9][0-9]{0,6}$/.test(idleSeconds)) {
    throw new PlatformError("option-invalid", `Option --idle is ${JSON.stringify(idleSeconds)}`, {
      hint: "Give whole seconds from 1",
    });
  }
  const settings = parseSettings(await readSettings(config), config);
  await run(settings, Number(idleSeconds) * 1_000);
}

async function run(settings: Settings, idleMs: number): Promise<void> {
  const log = pino({
    level: settings.log.level,
    base: { component: "api" },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const monotonic = () => systemClock.monotonic();
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => stop.abort(new Error("deis-api is stopping")));
  }
  const tls = await readTlsIdentity(settings.etcd);
  const [inherited] = inheritedSockets(process.env, process.pid);
  const addresses: ApiAddress[] = [
    inherited === undefined
      ? { kind: "socket", path: settings.api.socket }
      : { kind: "inherited", fd: inherited },
  ];
  if (settings.api.listen !== undefined) {
    addresses.push(tcpAddress("api.listen", settings.api.listen, tls));
  }
  const client = await openEtcd(settings.etcd);
  const store = openClusterStore(client);
  const outage = new Outage(monotonic);
  const mirror = openMirror(client, clusterTables, { onEvent: storeTeller(outage, log) });
  const source = { store, mirror, outage: () => outage.problem };
  const agents = hostAgents(tls);
  const openapi = await readFile(new URL("openapi.json", import.meta.url), "utf8");
  const now = () => systemClock.now();
  const makeServer = apiServers(
    { source, agents, openapi, monotonic, now, onEvent: requestTeller(log) },
    stop.signal,
  );
  const servers = addresses.map((address) => makeServer(address.kind === "tcp" ? address.tls : undefined));
  try {
    for (const [at, server] of servers.entries()) {
      const address = addresses[at];
      if (!address) continue;
      log.info({ at: await listen(server, address, { what: "the cluster's API", hint }) }, "listening");
    }
    const stopped = new Promise<void>((resolve) => {
      stop.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const [first] = servers;
    const mayEnd = inherited !== undefined && servers.length === 1 && first !== undefined;
    // Whoever connects just now is still served; the next one finds systemd, which starts us anew.
    const unused = async (): Promise<void> => {
      if (!mayEnd) return await stopped;
      await idle(first.server, idleMs);
      await closed(first);
    };
    await Promise.race([stopped, unused()]);
    log.info({}, stop.signal.aborted ? "stopping" : "nobody has asked for a while; ending");
    stop.abort(new Error("deis-api is stopping"));
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    await mirror.close();
    await store.close();
  }
}

/** Who changed what, and what went wrong: reading is not worth a line. */
function requestTeller(log: Logger): (event: ApiEvent) => void {
  return ({ kind, ...facts }) => {
    if (kind === "changed") log.info(facts, "change asked for");
    else log.error(facts, "answer failed");
  };
}

/** Tells of an outage once, not at every try. */
function storeTeller(outage: Outage, log: Logger): (event: MirrorEvent) => void {
  let isDown = false;
  return (event) => {
    switch (event.kind) {
      case "disconnected":
        outage.began(event.error);
        if (!isDown) log.warn({ err: event.error }, "cannot reach the store");
        isDown = true;
        return;
      case "listed":
      case "resumed":
        outage.ended();
        if (isDown) log.info({ revision: String(event.revision) }, "the store is back");
        isDown = false;
        return;
      case "unreadable":
        log.warn({ err: event.error }, "a record cannot be read");
        return;
      default:
        event satisfies never;
    }
  };
}

async function readSettings(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new PlatformError("settings-unreadable", `Cannot read the settings in "${path}"`, {
      cause,
      hint: "Write that file, or name another one with --config",
    });
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const next = hintOf(error);
  process.stderr.write(`deis-api: ${describeError(error)}\n${next ? `Hint: ${next}\n` : ""}`);
  process.exit(1);
}
