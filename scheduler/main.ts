#!/usr/bin/env node
/**
 * deis-scheduler: one of it runs on every host, one of them leads. Composition root: everything is opened here and
 * closed in reverse order.
 *
 * Its systemd unit is `Type=simple`: a scheduler that waits for the store is up, and its standing is seen in the log and at the leader key.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { pino } from "pino";
import { describeError, hintOf, PlatformError } from "../cluster/errors.ts";
import { parseHostPort } from "../cluster/host-port.ts";
import { processMetrics } from "../cluster/metrics-text.ts";
import type { Mirror } from "../cluster/ports.ts";
import { parseSettings, type Settings } from "../cluster/settings.ts";
import { version } from "../cluster/version.ts";
import { openEtcd } from "../etcd/client.ts";
import { campaign, type Leadership } from "../etcd/election.ts";
import { statesPrefix } from "../etcd/keys.ts";
import { type LeaseSession, openSession } from "../etcd/lease-session.ts";
import { type MirrorEvent, openMirror } from "../etcd/mirror.ts";
import { type EtcdClient, prefixRange } from "../etcd/protocol.ts";
import { openSchedulerWriter } from "../etcd/scheduler-writer.ts";
import { pickTables, statesTable } from "../etcd/tables.ts";
import { systemClock } from "../loop/clock.ts";
import { ControlLoop } from "../loop/control-loop.ts";
import { processFacts } from "../loop/process-facts.ts";
import { serveMetrics } from "../loop/serve-metrics.ts";
import { logEvents, type SchedulerEvent } from "./events.ts";
import { type SchedulerTables, schedulerTables } from "./look.ts";
import { SchedulerMetrics } from "./metrics.ts";
import { Scheduler } from "./scheduler.ts";

/** The safety net under lost bells, and the clock of what waits for time to pass. It reads no store. */
const intervalMs = 30_000;

async function main(): Promise<void> {
  const command = new Command("deis-scheduler")
    .description("Decides which machine runs which unit. One scheduler leads, the others stand by.")
    .version(version)
    .option("--config <file>", "settings of this host", "/etc/deis/agent.toml")
    .addHelpText("after", "\nExample:\n  deis-scheduler --config /etc/deis/agent.toml");
  command.parse();
  const { config } = command.opts<{ config: string }>();
  const settings = parseSettings(
    await readRequired(config, "Write it, or name another with --config"),
    config,
  );
  const machine = (await readRequired("/etc/machine-id", "Run systemd-machine-id-setup")).trim();
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stopping.abort());
  await run(settings, machine, stopping.signal);
}

async function run(settings: Settings, machine: string, stop: AbortSignal): Promise<void> {
  const logged = logEvents(
    pino({
      level: settings.log.level,
      base: { component: "scheduler" },
      timestamp: pino.stdTimeFunctions.isoTime,
    }),
  );
  const metrics = new SchedulerMetrics();
  const tell = (event: SchedulerEvent): void => {
    logged(event);
    metrics.count(event);
  };
  const client = await openEtcd(settings.etcd);
  const store = new StoreWatch(settings.agent.ttlSeconds * 1_000, tell);
  const mirror = openMirror(client, pickTables(schedulerTables), {
    onEvent: (event) => store.onEvent(event),
  });
  /** Rings for whoever leads here. */
  const bell = { ring: (): void => undefined };
  const scheduler = new Scheduler({
    mirror,
    settings,
    monotonic: () => systemClock.monotonic(),
    wall: () => systemClock.now().getTime(),
    onEvent: tell,
    openStates: (id) => openMirror(client, { states: statesTable(id) }),
    ring: () => bell.ring(),
  });
  store.onOutageEnd = () => scheduler.outageEnded();
  const { metrics: metricsAt } = settings.scheduler;
  const served =
    metricsAt === undefined
      ? undefined
      : await serveMetrics(parseHostPort("scheduler.metrics", metricsAt), () =>
          metrics.text({
            machines: mirror.tables.machines.size,
            pending: mirror.tables.unplaced.size,
            process: processMetrics(processFacts()),
          }),
        );
  const session = openSession(client, { ttlSeconds: settings.scheduler.ttlSeconds });
  try {
    while (!stop.aborted) {
      tell({ kind: "standing-by", machine });
      const leadership = await standBy(client, session, scheduler, mirror, machine, stop);
      if (!leadership) break;
      tell({ kind: "leading", machine });
      try {
        await lead(client, leadership, scheduler, mirror, bell, stop, tell);
      } finally {
        await scheduler.standDown();
        await leadership.resign();
      }
      const reason = stop.aborted ? "this scheduler is stopping" : "it was lost";
      tell({ kind: "leadership-over", machine, reason });
    }
  } finally {
    served?.close();
    await session.close({ revoke: true });
    await mirror.close();
    await client.close();
  }
}

/** Keeps the model warm until this scheduler is elected. Undefined if it is told to stop first. */
async function standBy(
  client: EtcdClient,
  session: LeaseSession,
  scheduler: Scheduler,
  mirror: Mirror<SchedulerTables>,
  machine: string,
  stop: AbortSignal,
): Promise<Leadership | undefined> {
  const elected = new AbortController();
  const over = AbortSignal.any([stop, elected.signal]);
  const loop = new ControlLoop({
    pass: async () => scheduler.look(),
    onEvent: (event) => {
      if (event.kind === "pass-failed") throw event.error;
    },
  });
  const off = mirror.onChange(() => loop.ring());
  const looking = loop.run(over);
  try {
    return await Promise.race([
      // Who has not seen the cluster yet does not ask to lead it.
      mirror.reached(0n, stop).then(() => campaign(client, session, machine, stop)),
      looking.then(() => new Promise<never>(() => undefined)),
    ]);
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  } finally {
    off();
    elected.abort();
    await looking;
  }
}

/** Runs passes until leadership is lost or `stop` aborts. */
async function lead(
  client: EtcdClient,
  leadership: Leadership,
  scheduler: Scheduler,
  mirror: Mirror<SchedulerTables>,
  bell: { ring: () => void },
  stop: AbortSignal,
  tell: (event: SchedulerEvent) => void,
): Promise<void> {
  const over = AbortSignal.any([stop, leadership.lost]);
  const writer = openSchedulerWriter(client, leadership.fence);
  let alarm: NodeJS.Timeout | undefined;
  let surveyed = false;
  const loop = new ControlLoop({
    intervalMs,
    pass: async (signal) => {
      await mirror.reached(leadership.fence.createRevision, signal);
      if (!surveyed) scheduler.reported(await machinesWithStates(client, signal));
      surveyed = true;
      await scheduler.pass(writer, signal);
      clearTimeout(alarm);
      const due = scheduler.dueInMs;
      // A longer wait needs no alarm of its own, and the longest would be too long for a timer.
      if (due !== undefined && due < intervalMs) alarm = setTimeout(() => loop.ring(), due + 1);
    },
    onEvent: tell,
  });
  const off = mirror.onChange(() => loop.ring());
  bell.ring = () => loop.ring();
  try {
    await loop.run(over);
  } finally {
    off();
    bell.ring = () => undefined;
    clearTimeout(alarm);
  }
}

/** Which machines have reported states: by one probe for each, because the states themselves may be a million. */
async function machinesWithStates(client: EtcdClient, signal: AbortSignal): Promise<Set<string>> {
  const found = new Set<string>();
  const all = prefixRange(statesPrefix);
  let from = all.key;
  for (;;) {
    const page = await client.range({ ...all, key: from }, { limit: 1, signal });
    const [first] = page.entries;
    if (!first) return found;
    const id = first.key.slice(statesPrefix.length).split("/", 1)[0] ?? "";
    found.add(id);
    // "0" is the character behind "/": the next machine's states begin there at the earliest.
    from = `${statesPrefix}${id}0`;
  }
}

/** Notices when the store was out of sight for so long that leases may have lapsed for no fault of their machines. */
class StoreWatch {
  onOutageEnd: () => void = () => undefined;
  readonly #ttlMs: number;
  readonly #tell: (event: SchedulerEvent) => void;
  #awaySince: number | undefined;

  constructor(ttlMs: number, tell: (event: SchedulerEvent) => void) {
    this.#ttlMs = ttlMs;
    this.#tell = tell;
  }

  onEvent(event: MirrorEvent): void {
    if (event.kind === "disconnected") {
      if (this.#awaySince === undefined) this.#tell({ kind: "store-away", error: event.error });
      this.#awaySince ??= systemClock.monotonic();
      return;
    }
    if ((event.kind !== "resumed" && event.kind !== "listed") || this.#awaySince === undefined) return;
    const awayMs = systemClock.monotonic() - this.#awaySince;
    this.#awaySince = undefined;
    this.#tell({ kind: "store-back", awayMs });
    // Agents renew every third of a TTL: after a shorter gap no lease of a live machine has lapsed.
    if (awayMs * 3 >= this.#ttlMs * 2) this.onOutageEnd();
  }
}

async function readRequired(file: string, hint: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new PlatformError("file-unreadable", `Cannot read "${file}"`, { cause: error, hint });
  }
}

try {
  await main();
  // Not left to the event loop: a connection that is being made to a frozen etcd would keep the process for a minute and more.
  process.exit(0);
} catch (error) {
  const hint = hintOf(error);
  process.stderr.write(`Error: ${describeError(error)}\n${hint ? `Hint: ${hint}\n` : ""}`);
  process.exit(1);
}
