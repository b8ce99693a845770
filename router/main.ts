#!/usr/bin/env node
/**
 * deis-router: nginx and all that keeps it true to the store, in one container. Composition root: everything is opened here, runs until
 * it is told to stop, and is closed in reverse order.
 *
 * Exit codes: 0 told to stop, 1 failed (nginx has ended, say) so that whoever supervises it starts it again, 2 a wrong command line.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { pino } from "pino";
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";
import { parseSettings, type Settings } from "../cluster/settings.ts";
import { version } from "../cluster/version.ts";
import { openEtcd } from "../etcd/client.ts";
import { decodeMachine } from "../etcd/codec.ts";
import { machineKey, routerHostsPrefix } from "../etcd/keys.ts";
import { openSession } from "../etcd/lease-session.ts";
import { openMirror } from "../etcd/mirror.ts";
import type { EtcdClient } from "../etcd/protocol.ts";
import { announceRouter } from "../etcd/router-presence.ts";
import { routerTable } from "../etcd/tables.ts";
import { systemClock } from "../loop/clock.ts";
import { etcdSource } from "../renderer/etcd-source.ts";
import { logEvents } from "./log.ts";
import { Membership } from "./membership.ts";
import { withoutKeysBelow } from "./own-keys.ts";
import { Router } from "./router.ts";

/** How long leaving may take when the store does not answer: the lease then lives out its TTL. */
const leavePatienceMs = 2_000;

interface Flags {
  readonly config: string;
  readonly machineId: string;
  readonly confdir: string;
  readonly lua: string;
  readonly nginx: string;
  readonly control: string;
}

const program = new Command("deis-router")
  .description("Runs nginx as the cluster's router, from what is in etcd.")
  .option("--config <file>", "settings of this host", "/etc/deis/agent.toml")
  .option("--machine-id <file>", "who this host is", "/etc/machine-id")
  .option("--confdir <directory>", "template resources and templates", "/usr/share/deis-router")
  .option("--lua <directory>", "what nginx runs for each request", "/usr/share/deis-router/lua")
  .option("--nginx <program>", "nginx itself", "nginx")
  .option("--control <socket>", "where nginx is asked and told", "/run/deis-router/control.sock")
  .version(version, "--version", "print the version")
  .helpOption("--help", "print this help")
  .addHelpText("after", "\nSIGTERM and SIGINT let requests finish, SIGHUP looks at all files again.")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

try {
  program.parse();
  await run(program.opts<Flags>());
  process.exit(0);
} catch (error) {
  const hint = hintOf(error);
  process.stderr.write(`deis-router: ${describeError(error)}\n${hint ? `Hint: ${hint}\n` : ""}`);
  process.exit(1);
}

async function run({ config, machineId, confdir, lua, nginx, control }: Flags): Promise<void> {
  const settings = parseSettings(
    await readRequired(config, "Mount the host's /etc/deis, or name another file"),
    config,
  );
  const machine = (await readRequired(machineId, "Mount the host's /etc/machine-id")).trim();
  const log = pino({
    level: settings.log.level,
    base: { component: "router", machine },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const onEvent = logEvents(log);
  onEvent({ kind: "starting", version });
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) return;
      onEvent({ kind: "stopping", signal: name });
      stop.abort(new Error(`stopped by ${name}`));
    });
  }

  // Two connections: what is rendered may be a lot to read, and the lease must not wait for it.
  const client = await openEtcd(settings.etcd);
  const source = etcdSource(await openEtcd(settings.etcd));
  const session = openSession(client, { ttlSeconds: settings.agent.ttlSeconds });
  const membership = new Membership({
    session,
    address: (signal) => addressOf(client, settings, machine, signal),
    write: (lease, record, signal) => announceRouter(client, lease, machine, record, signal),
    onEvent,
  });
  const announced = openMirror(client, { router: routerTable(machine) });
  announced.onChange(() => {
    if (announced.tables.router.size === 0) membership.recordGone();
  });
  const router = new Router({
    confdir,
    programs: [lua],
    nginx,
    controlSocket: control,
    source: withoutKeysBelow(routerHostsPrefix, source),
    onProgress: (progress) => membership.advance(progress),
    leave: () => within(leavePatienceMs, session.close({ revoke: true })),
    onEvent,
  });
  const announcing = membership.run(stop.signal);
  try {
    await router.run(stop.signal);
    onEvent({ kind: "stopped" });
  } finally {
    stop.abort();
    await announcing;
    await within(leavePatienceMs, session.close({ revoke: true }));
    await announced.close();
    await source.close();
    await client.close();
  }
}

/** Where this host is reached: as its settings say, or as its agent has announced it. */
async function addressOf(
  client: EtcdClient,
  { machine: { address } }: Settings,
  machine: string,
  signal: AbortSignal,
): Promise<string> {
  if (address !== undefined) return address;
  const key = machineKey(machine);
  const { entries } = await client.range({ key }, { signal });
  if (entries[0]) return decodeMachine(entries[0].value, key).address;
  throw new PlatformError("address-unknown", `Cannot tell the address of this host: "${key}" is not there`, {
    hint: "Start this host's deis-agent, or set address in [machine] of /etc/deis/agent.toml",
    retryable: true,
  });
}

/** Resolves when `work` has ended, however it did, or after `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const late = systemClock.sleep(ms, over.signal).catch(() => undefined);
  await Promise.race([work.catch(() => undefined), late]);
  over.abort();
}

async function readRequired(path: string, hint: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new PlatformError("settings-unreadable", `Cannot read "${path}"`, { cause, hint });
  }
}
