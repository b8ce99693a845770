/** `drain`: closes machines to new units, sends theirs elsewhere, and tells how each of them gets on. */
import type { Cordon } from "../cluster/cordon.ts";
import type { ClusterTables, Mirror } from "../cluster/ports.ts";
import { chooseMachine } from "./choose-machine.ts";
import {
  type CommandContext,
  type ExitCode,
  exit,
  type Options,
  outputFormat,
  printJson,
  UsageError,
} from "./command.ts";
import { type Followed, followMoves, type Journey } from "./follow-moves.ts";
import { isGlobal, knownFile } from "./known-units.ts";
import { machineLabel } from "./machine-label.ts";
import { movePatienceMs } from "./move-flags.ts";
import { isSettled, movingText } from "./moving.ts";
import { watchedTables } from "./unit-views.ts";

type DrainTables = Pick<ClusterTables, (typeof watchedTables)[number] | "cordons">;

export async function drainMachines(
  context: CommandContext,
  words: readonly string[],
  options: Options,
): Promise<ExitCode> {
  if (words.length === 0) throw new UsageError("No machines given");
  const patienceMs = movePatienceMs(options);
  const reason = options.text("reason");
  const store = await context.cluster();
  const mirror: Mirror<DrainTables> = await store.follow([...watchedTables, "cordons"], context.signal);
  try {
    const { machines, cordons } = mirror.tables;
    const cordonedIds = [...cordons.entries()].map(([id]) => id);
    const ids = [...new Set(words.map((word) => chooseMachine(word, machines.entries(), cordonedIds)))];
    const since = context.now().toISOString();
    const edits = ids.map((machine) => {
      const cordon: Cordon = { drain: true, ...(reason === undefined ? {} : { reason }), since };
      return { kind: "cordon", machine, cordon } as const;
    });
    const revision = await store.edit(edits, context.signal);
    const label = (id: string): string => machineLabel(id, machines);
    const json = outputFormat(context) === "json";
    if (!options.given("block") || !options.given("wait")) {
      if (json)
        printJson(
          context,
          ids.map((machine) => ({ machine, drained: null, moved: [], left: [] })),
        );
      else for (const id of ids) context.io.out(`Machine ${label(id)} is being drained\n`);
      return exit.done;
    }
    const { tables } = await store.read(["units", "unitFiles"], context.signal);
    const global = new Map<string, boolean>();
    const leaves = (unit: string): boolean => {
      const known = global.get(unit) ?? isGlobal(unit, knownFile(unit, tables));
      global.set(unit, known);
      return !known;
    };
    let told = 0;
    const followed = await followMoves({
      mirror,
      since: revision,
      patienceMs,
      signal: context.signal,
      journeys: () => placedOn(ids, mirror).filter(({ unit }) => leaves(unit)),
      isStuck: (_, moving) => moving.kind === "there" && moving.why !== undefined,
      onStep: ({ unit }, moving) => {
        if (isSettled(moving)) {
          told += 1;
          if (!json) context.io.out(`Unit ${unit} ${movingText(moving, label)}\n`);
        } else if (context.io.errIsTerminal) context.io.err(`Unit ${unit}: ${movingText(moving, label)}\n`);
      },
    });
    if (told === 0 && context.io.errIsTerminal && followed.moves.size === 0)
      context.io.err("No unit has to leave\n");
    const globals = [...new Set(placedOn(ids, mirror).map(({ unit }) => unit))]
      .filter((unit) => !leaves(unit))
      .sort();
    if (json)
      printJson(
        context,
        ids.map((id) => drainJson(id, followed)),
      );
    return conclude(context, ids, followed, globals, mirror);
  } finally {
    await mirror.close();
  }
}

function placedOn(ids: readonly string[], mirror: Mirror<DrainTables>): readonly Journey[] {
  return [...mirror.tables.placements.entries()].flatMap(([, { unit, machine, move }]) =>
    ids.includes(machine) && move !== "arriving" ? [{ unit, from: machine }] : [],
  );
}

function conclude(
  context: CommandContext,
  ids: readonly string[],
  { kind, moves }: Followed,
  globals: readonly string[],
  mirror: Mirror<DrainTables>,
): ExitCode {
  const { io } = context;
  const { machines, leader } = mirror.tables;
  const label = (id: string): string => machineLabel(id, machines);
  const all = [...moves.values()];
  const left = all.filter(({ moving }) => !isSettled(moving));
  for (const { journey, moving } of left) {
    // The scheduler's sentence begins with what the line itself says.
    const why = movingText(moving, label).replace(
      /^its machine \S+ is being drained, but it stays there: /,
      "",
    );
    io.err(`Unit ${journey.unit} has not left ${label(journey.from)}: ${why}\n`);
  }
  for (const id of ids) {
    const stays = left.filter(({ journey }) => journey.from === id).length;
    if (stays === 0 && outputFormat(context) === "text") io.out(`Machine ${label(id)} drained\n`);
    if (stays > 0) {
      io.err(
        `Machine ${label(id)} is not empty: ${stays === 1 ? "1 unit is" : `${stays} units are`} left there\n`,
      );
    }
  }
  if (globals.length > 0) io.err(`Global units stay: ${globals.join(", ")}\n`);
  if (kind === "interrupted") io.err("Interrupted\n");
  if (kind === "timed-out") io.err("Gave up: nothing has moved for too long\n");
  if (left.length > 0) {
    if (leader.size === 0)
      io.err("No scheduler leads the cluster: look at `systemctl status deis-scheduler` on its hosts\n");
    const first = left[0]?.journey.unit ?? "";
    io.err(
      `Hint: the drain goes on in the cluster; \`deisctl why ${first}\` says what keeps a unit, \`deisctl uncordon ${ids[0]}\` calls it off\n`,
    );
  }
  if (kind === "interrupted") return exit.interrupted;
  return left.length === 0 && all.every(({ moving }) => moving.kind !== "failed") ? exit.done : exit.failed;
}

function drainJson(machine: string, { moves }: Followed): unknown {
  const own = [...moves.values()].filter(({ journey }) => journey.from === machine);
  const of = (settled: boolean) => own.filter(({ moving }) => isSettled(moving) === settled);
  return {
    machine,
    drained: of(false).length === 0,
    moved: of(true).map(({ journey, moving }) => ({
      unit: journey.unit,
      to: "to" in moving ? moving.to : null,
      ready: moving.kind === "moved",
      reason: "reason" in moving ? moving.reason : null,
    })),
    left: of(false).map(({ journey, moving }) => ({
      unit: journey.unit,
      reason: movingText(moving, (id) => id),
    })),
  };
}
