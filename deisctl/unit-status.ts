/** A unit's status as a paragraph in systemctl's shape, and as JSON. Pure. */
import type { Placement, Unplaced } from "../cluster/placement.ts";
import type { Table } from "../cluster/ports.ts";
import { type UnitRecord, wishOn } from "../cluster/unit.ts";
import type { UnitState } from "../cluster/unit-state.ts";
import { type MachineLookup, machineLabel } from "./machine-label.ts";
import { relativeTime } from "./relative-time.ts";
import type { UnitCopy } from "./wait.ts";

export interface UnitStatus {
  readonly name: string;
  readonly record: UnitRecord | undefined;
  readonly description: string | undefined;
  /** Sorted by machine. */
  readonly copies: readonly UnitCopy[];
  readonly unplaced: Unplaced | undefined;
}

export interface CopyTables {
  readonly placements: Table<Placement>;
  readonly states: Table<UnitState>;
}

/** Every machine that has a placement or a state of the unit. */
export function copiesOf(name: string, tables: CopyTables): readonly UnitCopy[] {
  const suffix = `/${name}`;
  const machines = new Set<string>();
  for (const table of [tables.placements, tables.states]) {
    for (const [key] of table.entries()) if (key.endsWith(suffix)) machines.add(key.slice(0, -suffix.length));
  }
  return [...machines].sort().map((machine) => {
    const placement = tables.placements.get(machine + suffix);
    const state = tables.states.get(machine + suffix);
    return { machine, ...(placement ? { placement } : {}), ...(state ? { state } : {}) };
  });
}

/** One paragraph per machine; one for a unit that is nowhere. */
export function statusText(unit: UnitStatus, machines: MachineLookup, now: Date): string {
  if (unit.copies.length > 0) {
    return unit.copies.map((copy) => paragraph(unit, copy, machines, now)).join("\n");
  }
  const rows: [string, string | undefined][] = [
    ["Active", "inactive (dead)"],
    ["Wanted", unit.record?.target],
    ["Unplaced", unit.unplaced?.hash === unit.record?.hash ? unit.unplaced?.reason : undefined],
  ];
  return heading(unit, "○") + rowsText(rows);
}

function paragraph(unit: UnitStatus, copy: UnitCopy, machines: MachineLookup, now: Date): string {
  const { machine, placement, state } = copy;
  const exitStatus = state?.exitStatus;
  const rows: [string, string | undefined][] = [
    ["Loaded", state ? `${state.load} (${state.hash.slice(0, 7)})` : "no word from the agent yet"],
    [
      "Active",
      state
        ? `${state.active} (${state.sub}) since ${state.since}; ${relativeTime(state.since, now)}`
        : undefined,
    ],
    ["Wanted", unit.record?.target ?? "destroyed"],
    ["Held", heldText(unit, machine)],
    ["Machine", machineLabel(machine, machines)],
    ["Placed", placement?.reason],
    ["Exit", exitStatus === undefined ? undefined : `status ${exitStatus}`],
    ["Container", state?.containerId?.slice(0, 12)],
    ["Problem", state?.problem],
  ];
  return heading(unit, dotOf(state)) + rowsText(rows);
}

/** The host's own text with the machine, the reason of the placement and a problem put under its first line. */
export function withClusterFacts(
  text: string,
  unit: UnitStatus,
  copy: UnitCopy,
  machines: MachineLookup,
): string {
  const facts = rowsText([
    ["Machine", machineLabel(copy.machine, machines)],
    ["Placed", copy.placement?.reason],
    ["Wanted", unit.record?.target ?? "destroyed"],
    ["Held", heldText(unit, copy.machine)],
    // Docker's paragraph says it itself.
    ["Problem", /^ *Problem: /m.test(text) ? undefined : copy.state?.problem],
  ]);
  const end = text.indexOf("\n") + 1;
  if (end === 0) return `${text}\n${facts}`;
  return text.slice(0, end) + facts + text.slice(end) + (text.endsWith("\n") ? "" : "\n");
}

/** What a rolling change that has not come to this machine yet leaves there; undefined if there is none. */
function heldText({ name, record }: UnitStatus, machine: string): string | undefined {
  if (!record?.held?.some(({ machines }) => machines.includes(machine))) return undefined;
  const { hash, generation } = wishOn(record, machine);
  return `keeps file ${hash.slice(0, 7)}, restart ${generation}, until \`deisctl restart --rolling ${name}\` goes on`;
}

function heading(unit: UnitStatus, dot: string): string {
  return `${dot} ${unit.name}${unit.description === undefined ? "" : ` - ${unit.description}`}\n`;
}

/** systemctl's: full while it runs, a cross once it failed, hollow otherwise. */
function dotOf(state: UnitState | undefined): string {
  if (state?.active === "failed") return "×";
  return state?.active === "active" || state?.active === "reloading" ? "●" : "○";
}

function rowsText(rows: readonly (readonly [string, string | undefined])[]): string {
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([label, value]) => `${label.padStart(11)}: ${value}\n`)
    .join("");
}

/** What `--output json` prints for one unit. */
export function statusJson(unit: UnitStatus, machines: MachineLookup): unknown {
  return {
    unit: unit.name,
    description: unit.description ?? null,
    hash: unit.record?.hash ?? null,
    desiredState: unit.record?.target ?? null,
    generation: unit.record?.generation ?? null,
    unplaced: unit.unplaced?.reason ?? null,
    machines: unit.copies.map(({ machine, placement, state }) => ({
      machine,
      held: heldText(unit, machine) !== undefined,
      address: machines.get(machine)?.address ?? null,
      reason: placement?.reason ?? null,
      load: state?.load ?? null,
      active: state?.active ?? null,
      sub: state?.sub ?? null,
      since: state?.since ?? null,
      exitStatus: state?.exitStatus ?? null,
      containerId: state?.containerId ?? null,
      problem: state?.problem ?? null,
    })),
  };
}
