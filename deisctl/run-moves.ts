/** Carries wanted moves out, a few at a time, and tells how each unit gets on: for `move` and `rebalance`. */
import type { ClusterStore, ClusterTables, Mirror } from "../cluster/ports.ts";
import type { CommandContext } from "./command.ts";
import { followMoves } from "./follow-moves.ts";
import { machineLabel } from "./machine-label.ts";
import { isSettled, type Moving, movingText } from "./moving.ts";
import { watchedTables } from "./unit-views.ts";

export interface MoveOrder {
  readonly unit: string;
  readonly from: string;
  readonly to?: string;
  readonly reason: string;
}

export interface MoveOutcome {
  readonly order: MoveOrder;
  readonly outcome: "moved" | "failed" | "stayed" | "timed-out" | "interrupted" | "ended" | "untouched";
  readonly to: string | undefined;
  readonly reason: string | undefined;
}

/** So many units are on the move at once. */
const atOnce = 4;

type MoveTables = Pick<ClusterTables, (typeof watchedTables)[number] | "moves">;

/** Runs batch after batch and stops after one in which a unit did not get where it should. */
export async function runMoves(
  context: CommandContext,
  store: ClusterStore,
  orders: readonly MoveOrder[],
  patienceMs: number,
  say: (line: string) => void,
): Promise<readonly MoveOutcome[]> {
  const mirror: Mirror<MoveTables> = await store.follow([...watchedTables, "moves"], context.signal);
  const outcomes: MoveOutcome[] = [];
  try {
    for (let at = 0; at < orders.length; at += atOnce) {
      const batch = orders.slice(at, at + atOnce);
      outcomes.push(...(await runBatch(context, store, mirror, batch, patienceMs, say)));
      if (outcomes.some(({ outcome }) => outcome !== "moved" && outcome !== "ended")) break;
    }
  } finally {
    await mirror.close();
  }
  const rest = orders.slice(outcomes.length);
  return [...outcomes, ...rest.map((order) => ({ order, outcome: "untouched", ...nothing }) as const)];
}

const nothing = { to: undefined, reason: undefined } as const;

async function runBatch(
  context: CommandContext,
  store: ClusterStore,
  mirror: Mirror<MoveTables>,
  batch: readonly MoveOrder[],
  patienceMs: number,
  say: (line: string) => void,
): Promise<readonly MoveOutcome[]> {
  const revision = await store.edit(
    batch.map(({ unit, ...move }) => ({ kind: "move", unit, move })),
    context.signal,
  );
  const { machines, moves } = mirror.tables;
  const label = (id: string): string => machineLabel(id, machines);
  const followed = await followMoves({
    mirror,
    since: revision,
    patienceMs,
    signal: context.signal,
    journeys: () => batch,
    isStuck: ({ unit }, moving) => moving.kind === "there" && moves.get(unit) === undefined,
    onStep: ({ unit }, moving) => {
      if (isSettled(moving)) say(`Unit ${unit} ${movingText(moving, label)}`);
      else if (context.io.errIsTerminal) context.io.err(`Unit ${unit}: ${movingText(moving, label)}\n`);
    },
  });
  return batch.map((order) => {
    const moving = followed.moves.get(order.unit)?.moving ?? { kind: "there" };
    return outcomeOf(order, moving, followed.kind, label);
  });
}

function outcomeOf(
  order: MoveOrder,
  moving: Moving,
  kind: "settled" | "timed-out" | "interrupted",
  label: (id: string) => string,
): MoveOutcome {
  const to = "to" in moving ? moving.to : undefined;
  switch (moving.kind) {
    case "moved":
      return { order, outcome: "moved", to, reason: undefined };
    case "failed":
      return { order, outcome: "failed", to, reason: moving.reason };
    case "ended":
      return { order, outcome: "ended", to, reason: "it is not wanted on any machine any more" };
    default: {
      const outcome = kind === "settled" ? "stayed" : kind;
      return { order, outcome, to, reason: kind === "settled" ? undefined : movingText(moving, label) };
    }
  }
}
