/**
 * What happens in the cluster, as events that a person can read and a program can filter: each change of a record that means
 * something becomes one event. Nothing is stored for it: the changes come from the store's own history.
 *
 * Pure. An event's `message` is a sentence about its unit or machine without either's name; the fields say the same for programs.
 * Kinds and fields may be added; none is renamed or removed.
 */
import type { Cordon } from "./cordon.ts";
import type { Machine } from "./machine.ts";
import type { Placement } from "./placement.ts";
import type { ClusterChange, ClusterTables } from "./ports.ts";
import { describeRun, isActive, type Run, type Tried } from "./run.ts";
import type { UnitRecord } from "./unit.ts";
import type { UnitState } from "./unit-state.ts";
import type { WantedMove } from "./wanted-move.ts";

/** The tables whose changes become events. */
export const eventTables = [
  "units",
  "machines",
  "placements",
  "states",
  "unplaced",
  "runs",
  "failures",
  "cordons",
  "moves",
  "leader",
] as const satisfies readonly (keyof ClusterTables)[];
export type EventTable = (typeof eventTables)[number];

/** Every kind there is, by what it is about. */
export const eventKinds = [
  "unit-submitted",
  "unit-replaced",
  "unit-target",
  "unit-restart",
  "unit-destroyed",
  "unit-placed",
  "unit-renewed",
  "unit-withdrawn",
  "unit-unplaced",
  "unit-state",
  "unit-left",
  "unit-run",
  "unit-failing",
  "machine-joined",
  "machine-changed",
  "machine-left",
  "machine-cordoned",
  "machine-draining",
  "machine-uncordoned",
  "move-wanted",
  "move-ended",
  "leader-changed",
  "leader-lost",
] as const;
export type EventKind = (typeof eventKinds)[number];

export interface ClusterEvent {
  /** The store's revision in which it happened, in decimal: events of one revision happened at once. */
  readonly revision: string;
  readonly kind: EventKind;
  readonly unit?: string;
  readonly machine?: string;
  /** When it happened, RFC 3339, if the record itself says so: etcd keeps no times. */
  readonly time?: string;
  /** Of a `unit-state`: since when the unit has been so by its machine's clock. Long ago, if it is only reported anew. */
  readonly since?: string;
  readonly message: string;
  /** What is wanted, of a `unit-submitted`, `unit-replaced` or `unit-target`. */
  readonly target?: string;
  readonly hash?: string;
  readonly generation?: number;
  /** systemd's words, of a `unit-state`. */
  readonly load?: string;
  readonly active?: string;
  readonly sub?: string;
  readonly exitStatus?: number;
  /** Why: the scheduler's sentence, or what went wrong. */
  readonly reason?: string;
}

type Told = Omit<ClusterEvent, "revision">;

/** The events of one change, usually one or none. */
export function eventsOf(change: ClusterChange<EventTable>): readonly ClusterEvent[] {
  const revision = change.revision.toString();
  return told(change).map((event) => ({ revision, ...event }));
}

function told(change: ClusterChange<EventTable>): readonly Told[] {
  if (!change.deleted && change.after === undefined) return [];
  switch (change.table) {
    case "units":
      return unitEvents(change.name, change.before, change.after);
    case "machines":
      return machineEvents(change.name, change.before, change.after);
    case "placements":
      return placementEvents(change.name, change.before, change.after);
    case "states":
      return stateEvents(change.name, change.before, change.after);
    case "unplaced":
      return change.after
        ? [
            {
              kind: "unit-unplaced",
              unit: change.name,
              message: change.after.reason,
              reason: change.after.reason,
            },
          ]
        : [];
    case "runs":
      return runEvents(change.name, change.before, change.after);
    case "failures":
      return failureEvents(change.name, change.after);
    case "cordons":
      return cordonEvents(change.name, change.before, change.after);
    case "moves":
      return moveEvents(change.name, change.before, change.after);
    case "leader":
      return change.after === undefined
        ? [{ kind: "leader-lost", message: "no scheduler leads", ...machineOf(change.before) }]
        : [{ kind: "leader-changed", message: "its scheduler leads the cluster", machine: change.after }];
    default:
      return change satisfies never;
  }
}

function machineOf(id: string | undefined): { readonly machine?: string } {
  return id === undefined ? {} : { machine: id };
}

function unitEvents(unit: string, before?: UnitRecord, after?: UnitRecord): Told[] {
  if (!after) return [{ kind: "unit-destroyed", unit, message: "destroyed" }];
  const { hash, target, generation } = after;
  const facts = { unit, hash, target, generation };
  if (!before) {
    return [
      { kind: "unit-submitted", ...facts, message: `submitted, target ${target}, file ${short(hash)}` },
    ];
  }
  const events: Told[] = [];
  if (before.hash !== hash) {
    const message = `its file is now ${short(hash)}, was ${short(before.hash)}`;
    events.push({ kind: "unit-replaced", ...facts, message });
  }
  if (before.target !== target) {
    events.push({ kind: "unit-target", ...facts, message: `target is now ${target}, was ${before.target}` });
  }
  if (before.generation !== generation) {
    events.push({
      kind: "unit-restart",
      ...facts,
      message: `a restart was asked for (number ${generation})`,
    });
  }
  return events;
}

function machineEvents(machine: string, before?: Machine, after?: Machine): Told[] {
  if (!after) return [{ kind: "machine-left", machine, message: "left the cluster" }];
  if (!before)
    return [{ kind: "machine-joined", machine, message: `joined the cluster at ${after.address}` }];
  const fields = ["address", "metadata", "capacity", "runtimes", "version", "api"] as const;
  const changed = fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
  if (changed.length === 0) return [];
  return [{ kind: "machine-changed", machine, message: `announces other ${changed.join(", ")}` }];
}

function cordonEvents(machine: string, before?: Cordon, after?: Cordon): Told[] {
  if (!after) {
    return [{ kind: "machine-uncordoned", machine, message: "open to new units again" }];
  }
  if (before && before.drain === after.drain && before.reason === after.reason) return [];
  const why = after.reason === undefined ? {} : { reason: after.reason };
  const because = after.reason === undefined ? "" : `: ${after.reason}`;
  const time = { time: after.since };
  return after.drain
    ? [{ kind: "machine-draining", machine, ...time, ...why, message: `being drained${because}` }]
    : [{ kind: "machine-cordoned", machine, ...time, ...why, message: `closed to new units${because}` }];
}

function moveEvents(unit: string, before?: WantedMove, after?: WantedMove): Told[] {
  if (!after) {
    const from = before === undefined ? {} : { machine: before.from };
    return [{ kind: "move-ended", unit, ...from, message: "the wanted move is over" }];
  }
  const to = after.to === undefined ? "" : ` to ${after.to.slice(0, 8)}`;
  const message = `is to move away${to}: ${after.reason}`;
  return [{ kind: "move-wanted", unit, machine: after.from, reason: after.reason, message }];
}

function placementEvents(name: string, before?: Placement, after?: Placement): Told[] {
  const { machine, unit } = splitPair(name);
  if (!after) return [{ kind: "unit-withdrawn", unit, machine, message: "withdrawn" }];
  const { target, hash, generation, reason } = after;
  const kind = before ? "unit-renewed" : "unit-placed";
  const message = `${placementVerb(before, after)}: ${reason}`;
  return [{ kind, unit, machine, target, hash, generation, reason, message }];
}

function placementVerb(before: Placement | undefined, after: Placement): string {
  if (!before) return "placed";
  if (before.move === after.move) return "stays";
  if (after.move === "leaving") return "leaves";
  return before.move === "arriving" ? "takes over" : "stays";
}

function stateEvents(name: string, before?: UnitState, after?: UnitState): Told[] {
  const { machine, unit } = splitPair(name);
  if (!after) return [{ kind: "unit-left", unit, machine, message: "nothing of it is left there" }];
  const restarted =
    before !== undefined && (before.since !== after.since || before.generation !== after.generation);
  if (before && !restarted && stateText(before) === stateText(after)) return [];
  const { load, active, sub, hash, generation, exitStatus, problem, since } = after;
  return [
    {
      kind: "unit-state",
      unit,
      machine,
      // An agent that reports anew what began long ago tells nothing about now.
      ...(before && (before.active !== active || before.since !== since) ? { time: since } : {}),
      since,
      load,
      active,
      sub,
      hash,
      generation,
      ...(exitStatus === undefined ? {} : { exitStatus }),
      ...(problem === undefined ? {} : { reason: problem }),
      message: stateText(after) + (restarted && before.active === active ? ", started again" : ""),
    },
  ];
}

function stateText({ load, active, sub, exitStatus, problem }: UnitState): string {
  const loaded = load === "loaded" ? "" : `${load}, `;
  const status = exitStatus === undefined || active === "active" ? "" : `, exit status ${exitStatus}`;
  return `${loaded}${active} (${sub})${status}${problem === undefined ? "" : `: ${problem}`}`;
}

function runEvents(unit: string, before?: Run, after?: Run): Told[] {
  if (!after) return [];
  const isNews =
    before?.status !== after.status || before.run !== after.run || before.skipped !== after.skipped;
  if (!isNews) return [];
  const { machine, exitStatus, problem, ended, started } = after;
  const time = after.status === "running" ? started : isActive(after) ? undefined : ended;
  return [
    {
      kind: "unit-run",
      unit,
      ...(machine === undefined ? {} : { machine }),
      ...(time === undefined ? {} : { time }),
      ...(exitStatus === undefined ? {} : { exitStatus }),
      ...(problem === undefined ? {} : { reason: problem }),
      message: describeRun(after),
    },
  ];
}

function failureEvents(unit: string, after?: Tried): Told[] {
  const last = after?.machines.at(-1);
  if (!last) return [];
  const { machine, at, problem, count } = last;
  const why = problem === undefined ? "" : `: ${problem}`;
  return [
    {
      kind: "unit-failing",
      unit,
      machine,
      time: at,
      ...(problem === undefined ? {} : { reason: problem }),
      message: `failed ${count === 1 ? "once" : `${count} times`} there${why}`,
    },
  ];
}

function splitPair(name: string): { readonly machine: string; readonly unit: string } {
  const slash = name.indexOf("/");
  return { machine: name.slice(0, slash), unit: name.slice(slash + 1) };
}

function short(hash: string): string {
  return hash.slice(0, 7);
}

/** An event with what is known about when it happened: its own time, or what lies on either side of it. */
export interface DatedEvent extends ClusterEvent {
  /** The latest time known of an earlier event. */
  readonly notBefore?: string;
  /** The first time known of a later event. */
  readonly notAfter?: string;
}

/** Puts past events, in order of revision, between the times that are known. */
export function datePast(events: readonly ClusterEvent[]): readonly DatedEvent[] {
  const bounded: DatedEvent[] = [];
  let next: string | undefined;
  for (const event of events.toReversed()) {
    // Hosts' clocks differ, and time does not run backwards: one that contradicts a later event is not believed.
    if (event.time !== undefined && (next === undefined || event.time <= next)) {
      next = event.time;
      bounded.push(event);
      continue;
    }
    const { time: _, ...undated } = event;
    bounded.push(next === undefined ? undated : { ...undated, notAfter: next });
  }
  let last: string | undefined;
  return bounded.reverse().map((event): DatedEvent => {
    const { since, notAfter } = event;
    // A state's own time fits between its neighbours' unless it was only reported anew.
    const fits = since !== undefined && last !== undefined && since >= last && (notAfter ?? since) >= since;
    if (event.time === undefined && fits) {
      const { notAfter: _, ...dated } = event;
      last = since;
      return { ...dated, time: since };
    }
    if (event.time !== undefined) last = event.time;
    return event.time !== undefined || last === undefined ? event : { ...event, notBefore: last };
  });
}
