/** `deisctl events`: what happened in the cluster, from etcd's own history, and what happens from now on. */
import { type ClusterEvent, type DatedEvent, datePast, eventsOf, eventTables } from "../../cluster/events.ts";
import type { Machine } from "../../cluster/machine.ts";
import {
  type CommandContext,
  type CommandDefinition,
  type ExitCode,
  exit,
  type Options,
  outputFormat,
} from "../command.ts";
import { eventFilter, eventText, eventTime, isSince, sinceMoment } from "../event-lines.ts";

/** How far back to look when nobody says since when: enough for the last events, and read in a moment. */
const usualReach = 10_000;
const mostLines = 1_000_000;

export const events: CommandDefinition = {
  name: "events",
  summary: "show what happened in the cluster, and follow what happens",
  arguments: "[unit|machine...]",
  flags: [
    { flags: "-f, --follow", description: "go on as things happen" },
    { flags: "--since <time>", description: "from then on: 10min, 2h, 2026-11-20T19:00:00Z" },
    {
      flags: "-n, --lines <n>",
      description: "how many past events (default 50; 10 with -f; all with --since)",
    },
  ],
  examples: [
    "deisctl events -f",
    "deisctl events 'web@*' --since 10min",
    "deisctl events f1ee0001 --output json | jq .message",
  ],
  notes:
    "Past events are etcd's history, as far back as it is kept. ~ marks a time taken from a neighbour. JSON is one event a line.",
  run,
};

async function run(context: CommandContext, args: readonly string[], options: Options): Promise<ExitCode> {
  const json = outputFormat(context) === "json";
  const follow = options.given("follow");
  const since = options.text("since");
  const from = since === undefined ? undefined : sinceMoment(since, context.now());
  const lines =
    options.integer("--lines", "lines", 0, mostLines) ?? (from !== undefined ? mostLines : follow ? 10 : 50);
  const store = await context.cluster();
  const { tables } = await store.read(["machines"], context.signal);
  const machines = new Map<string, Machine>(tables.machines.entries());
  const wanted = eventFilter(args, machines);
  const relativeTo = context.io.outIsTerminal && !follow ? context.now() : undefined;
  const print = (event: DatedEvent): void => {
    if (json) context.io.out(`${JSON.stringify(event)}\n`);
    else context.io.out(`${eventTime(event, relativeTo)} ${eventText(event, machines)}\n`);
  };
  let past: ClusterEvent[] | undefined = [];
  const reach = lines === 0 ? 0 : from === undefined ? usualReach : Number.POSITIVE_INFINITY;
  for await (const item of store.history(eventTables, reach, context.signal)) {
    switch (item.kind) {
      case "change": {
        const { change } = item;
        // A machine that is gone is still called by its address.
        if (change.table === "machines" && change.after) machines.set(change.name, change.after);
        if (change.table === "machines" && change.before && !machines.has(change.name))
          machines.set(change.name, change.before);
        const told = eventsOf(change);
        if (past) past.push(...told);
        else
          for (const event of told) if (wanted(event)) print({ time: context.now().toISOString(), ...event });
        break;
      }
      case "live":
        if (past) {
          const shown = datePast(past).filter(
            (event) => wanted(event) && (from === undefined || isSince(event, from)),
          );
          for (const event of lines === 0 ? [] : shown.slice(-lines)) print(event);
        }
        past = undefined;
        if (!follow) return exit.done;
        break;
      case "gap":
        context.io.err("Some events were lost: etcd had compacted them before they could be read\n");
        break;
      default:
        item satisfies never;
    }
  }
  return context.signal.aborted ? exit.interrupted : exit.done;
}
