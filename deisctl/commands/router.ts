/** `deisctl router`: which routers are live and how far they are, and what they were asked and how they answered. */
import { describeError } from "../../cluster/errors.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  type LiveRouter,
  type Options,
  outputFormat,
  type Routers,
  UsageError,
} from "../command.ts";
import { shortMachineId } from "../machine-label.ts";
import { listFlags, printList } from "../print-list.ts";
import {
  type AppCount,
  addUp,
  parseMetrics,
  quantileOf,
  requestsOf,
  requestsWith,
} from "../router-metrics.ts";

const statsColumns = [
  ...["app", "router", "requests", "rate", "2xx", "3xx", "4xx", "5xx"],
  ...["p50", "p95", "p99", "mean", "bytes"],
] as const;

export const router: CommandDefinition = {
  name: "router",
  summary: "show the live routers, or what they were asked and how they answered",
  arguments: "<action> [app...]",
  flags: [
    { flags: "--by-router", description: "stats: one row for each app and router" },
    { flags: "--watch", description: "stats: print them again and again, until Ctrl-C" },
    {
      flags: "--interval <seconds>",
      description: "stats: the time over which the rate is taken (default 1)",
    },
    ...listFlags(statsColumns),
  ],
  examples: [
    "deisctl router list",
    "deisctl router stats",
    "deisctl router stats web --watch --interval 5",
    "deisctl --output json router stats --by-router",
  ],
  notes:
    'Counts are since each router was started, times in milliseconds. App "-" is requests to hosts that no app has.',
  async run(context, [action, ...apps], options) {
    if (action === "list" && apps.length === 0) return await list(context, options);
    if (action === "stats") return await stats(context, apps, options);
    throw new UsageError("Usage: deisctl router list|stats [<app>...]");
  },
};

async function list(context: CommandContext, options: Options): Promise<ExitCode> {
  const live = await (await context.routers()).live(context.signal);
  const full = options.given("full");
  return printList<LiveRouter>(context, options, live, {
    standard: ["machine", "ip", "revision", "drained"],
    columns: {
      machine: (row) => shortMachineId(row.machine, full),
      ip: (row) => row.address,
      revision: (row) => `${row.revision}`,
      drained: (row) => `${row.drained}`,
    },
    json: (row) => ({ ...row, revision: `${row.revision}`, drained: `${row.drained}` }),
  });
}

/** What one router said, or why it said nothing. */
interface Reading {
  readonly router: LiveRouter;
  readonly counts: readonly AppCount[];
  readonly error?: unknown;
}

interface Row {
  readonly router: LiveRouter | undefined;
  readonly count: AppCount;
  /** Requests a second. */
  readonly rate: number;
}

async function stats(context: CommandContext, apps: readonly string[], options: Options): Promise<ExitCode> {
  const seconds = options.integer("--interval", "interval", 1, 3_600) ?? 1;
  const watch = options.given("watch");
  if (watch && outputFormat(context) === "json") {
    throw new UsageError("--watch and --output json do not go together: run it again for each value");
  }
  const routers = await context.routers();
  let before = await readAll(routers, context.signal);
  for (;;) {
    const passedMs = await routers.pause(seconds * 1_000, context.signal);
    const readings = await readAll(routers, context.signal);
    const rows = rowsOf(before, readings, passedMs / 1_000, options.given("byRouter"));
    const chosen = rows.filter(({ count }) => apps.length === 0 || apps.includes(count.app));
    // The terminal's own words for "to the upper left corner, and wipe all".
    if (watch && context.io.outIsTerminal) context.io.out("\u001b[H\u001b[2J");
    print(context, options, chosen);
    const code = tellSilent(context, readings);
    if (!watch) return code;
    before = readings;
  }
}

async function readAll(routers: Routers, signal: AbortSignal): Promise<readonly Reading[]> {
  const live = await routers.live(signal);
  return await Promise.all(
    live.map(async (router) => {
      try {
        return { router, counts: parseMetrics(await routers.metrics(router, signal)) };
      } catch (error) {
        signal.throwIfAborted();
        return { router, counts: [], error };
      }
    }),
  );
}

/** One row for each app, or for each app and router. A router that was started meanwhile has no rate yet, and none that is negative. */
function rowsOf(
  before: readonly Reading[],
  after: readonly Reading[],
  seconds: number,
  byRouter: boolean,
): readonly Row[] {
  const rateAt = ({ router, counts }: Reading, app: string): number => {
    const former = before.find((reading) => reading.router.machine === router.machine && !reading.error);
    const count = counts.find((each) => each.app === app);
    if (former === undefined || count === undefined) return 0;
    const had = former.counts.find((each) => each.app === app);
    return Math.max(0, requestsOf(count) - (had ? requestsOf(had) : 0)) / seconds;
  };
  const all = addUp(after.flatMap(({ counts }) => counts));
  return all.flatMap((count): readonly Row[] => {
    if (!byRouter) {
      const rate = after.reduce((sum, reading) => sum + rateAt(reading, count.app), 0);
      return [{ router: undefined, count, rate }];
    }
    return after.flatMap((reading) => {
      const own = reading.counts.find(({ app }) => app === count.app);
      return own ? [{ router: reading.router, count: own, rate: rateAt(reading, count.app) }] : [];
    });
  });
}

function print(context: CommandContext, options: Options, rows: readonly Row[]): void {
  const standard = ["app", "requests", "rate", "4xx", "5xx", "p50", "p95", "p99"];
  const full = options.given("full");
  const ofClass = (digit: number) => (row: Row) => `${requestsWith(row.count, digit)}`;
  const time = (part: number) => (row: Row) => milliseconds(quantileOf(row.count, part));
  printList<Row>(context, options, rows, {
    standard: options.given("byRouter") ? ["app", "router", ...standard.slice(1)] : standard,
    columns: {
      app: ({ count }) => count.app,
      router: ({ router }) => (router ? `${shortMachineId(router.machine, full)}/${router.address}` : ""),
      requests: ({ count }) => `${requestsOf(count)}`,
      rate: ({ rate }) => rate.toFixed(1),
      "2xx": ofClass(2),
      "3xx": ofClass(3),
      "4xx": ofClass(4),
      "5xx": ofClass(5),
      p50: time(0.5),
      p95: time(0.95),
      p99: time(0.99),
      mean: ({ count }) => milliseconds(meanOf(count)),
      bytes: ({ count }) => `${count.bytes}`,
    },
    json: jsonOf,
  });
}

function jsonOf({ router, count, rate }: Row): unknown {
  const ms = (seconds: number | undefined) => (seconds === undefined ? null : round(seconds * 1_000));
  return {
    app: count.app === "" ? null : count.app,
    ...(router === undefined ? {} : { machine: router.machine, address: router.address }),
    requests: requestsOf(count),
    ratePerSecond: round(rate),
    statuses: Object.fromEntries([...count.statuses].sort(([one], [other]) => one - other)),
    bytesSent: count.bytes,
    latencyMs: {
      mean: ms(meanOf(count)),
      p50: ms(quantileOf(count, 0.5)),
      p95: ms(quantileOf(count, 0.95)),
      p99: ms(quantileOf(count, 0.99)),
    },
  };
}

/** Names each router that did not answer: its figures are missing above. */
function tellSilent(context: CommandContext, readings: readonly Reading[]): ExitCode {
  const silent = readings.filter(({ error }) => error !== undefined);
  for (const { error } of silent) context.io.err(`${describeError(error)}\n`);
  if (silent.length > 0) {
    context.io.err("Hint: its figures are missing above; `deisctl list-units` shows how the routers are\n");
    return exit.failed;
  }
  if (readings.length === 0) {
    context.io.err(
      "No router is live\nHint: `deisctl install router@1 && deisctl start router@1` brings one up\n",
    );
  }
  return exit.done;
}

function meanOf(count: AppCount): number | undefined {
  const requests = requestsOf(count);
  return requests === 0 ? undefined : count.seconds / requests;
}

function milliseconds(seconds: number | undefined): string {
  return seconds === undefined ? "" : (seconds * 1_000).toFixed(1);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
