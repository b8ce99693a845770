/**
 * What `/deis/v1` offers, one method for each thing that a client can ask: all that fleet's API could not say. What goes over the wire is
 * `routes.ts`'s business.
 */
import { PlatformError } from "../../cluster/errors.ts";
import { compileGlob } from "../../cluster/glob.ts";
import type { JournalRequest } from "../../cluster/journal-request.ts";
import type { Machine } from "../../cluster/machine.ts";
import { machinesWithMetadata } from "../../cluster/machine-metadata.ts";
import type { ClusterStore, HostAgents, UnitEdit } from "../../cluster/ports.ts";
import type { RebalanceAnswer, WhyAnswer } from "../../cluster/question.ts";
import { checkUnitFile } from "../../cluster/unit.ts";
import { isTemplate } from "../../cluster/unit-name.ts";
import type { ApiTables, Cluster, ClusterView } from "../cluster.ts";
import { templateText } from "../template-text.ts";
import type { UnitFiles } from "../unit-files.ts";
import type { UnitIndex } from "../unit-index.ts";
import type { CordonBody, UnitBody } from "./bodies.ts";
import {
  type MachineEntity,
  machineEntity,
  type UnitEntity,
  unitEntity,
  usageByMachine,
} from "./entities.ts";

export interface DeisApiPorts {
  readonly cluster: Cluster;
  readonly store: ClusterStore;
  readonly index: UnitIndex;
  readonly files: UnitFiles;
  readonly agents: HostAgents;
  readonly now: () => Date;
}

/** Which units to list, and where to go on. */
export interface UnitsQuery {
  /** A glob of names. */
  readonly name?: string;
  /** Those that are placed on, or reported by, this machine. */
  readonly machine?: string;
  /** Those that no machine can take. */
  readonly pending: boolean;
  readonly limit: number;
  /** Names behind this one. */
  readonly after: string;
}

export interface UnitsPage {
  readonly revision: string;
  readonly units: readonly UnitEntity[];
  /** The last name, if there are more: give it as `after`. */
  readonly next?: string;
}

/** The condition of a change: If-Match names a revision, If-None-Match: * that there is nothing yet. */
export type Condition = { readonly revision: bigint } | "absent" | undefined;

export interface PutResult {
  readonly isNew: boolean;
  readonly unit: UnitEntity;
  readonly warnings: readonly string[];
}

export class DeisApi {
  readonly #ports: DeisApiPorts;

  constructor(ports: DeisApiPorts) {
    this.#ports = ports;
  }

  async units(query: UnitsQuery, signal: AbortSignal): Promise<UnitsPage> {
    const { tables, revision } = await this.#ports.cluster.look(signal);
    const found: string[] = [];
    const glob = query.name === undefined ? undefined : compileGlob(query.name);
    for (const name of [...namesOf(tables)].sort()) {
      if (name <= query.after && query.after !== "") continue;
      if (glob && !glob.matches(name)) continue;
      if (query.pending && tables.unplaced.get(name)?.hash !== tables.units.get(name)?.hash) continue;
      if (query.machine !== undefined && !this.#isOn(name, query.machine, tables)) continue;
      found.push(name);
      if (found.length > query.limit) break;
    }
    const units = found.slice(0, query.limit).flatMap((name) => this.#entity(name, tables) ?? []);
    const last = units.at(-1);
    const hasMore = found.length > query.limit && last !== undefined;
    return { revision: String(revision), units, ...(hasMore ? { next: last.name } : {}) };
  }

  async unit(name: string, signal: AbortSignal): Promise<UnitEntity> {
    const { tables } = await this.#ports.cluster.look(signal);
    return this.#known(name, tables);
  }

  /** The unit's file as it was written, and the unit's revision. */
  async file(
    name: string,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly revision: string }> {
    const { tables } = await this.#ports.cluster.look(signal);
    const { hash, revision, problem } = this.#known(name, tables);
    const text = tables.unitFiles.get(hash);
    if (text === undefined) {
      throw new PlatformError("unit-file-missing", `The store has no file ${hash} of "${name}"`, {
        hint: problem ?? "Submit the unit again",
        retryable: true,
      });
    }
    return { text, revision };
  }

  /** Creates a unit, gives it another file, another target, or both. */
  async putUnit(name: string, wish: UnitBody, condition: Condition, signal: AbortSignal): Promise<PutResult> {
    const { isNew, warnings } = await this.#ports.cluster.change(
      ({ tables }) => decidePut(name, wish, condition, tables),
      signal,
    );
    return { isNew, warnings, unit: await this.unit(name, signal) };
  }

  async restart(name: string, condition: Condition, signal: AbortSignal): Promise<UnitEntity> {
    await this.#edit(name, condition, { kind: "restart", name }, signal);
    return await this.unit(name, signal);
  }

  async destroy(name: string, condition: Condition, signal: AbortSignal): Promise<void> {
    await this.#edit(name, condition, { kind: "destroy", name }, signal);
  }

  async why(name: string, signal: AbortSignal): Promise<WhyAnswer> {
    await this.unit(name, signal);
    return await this.#ports.store.ask({ kind: "why", unit: name }, signal);
  }

  async rebalance(signal: AbortSignal): Promise<RebalanceAnswer> {
    await this.#ports.cluster.look(signal);
    return await this.#ports.store.ask({ kind: "rebalance" }, signal);
  }

  /** What the unit wrote, from the one machine that has it or the one that is named. Fails before anything is streamed. */
  async logs(
    name: string,
    machine: string | undefined,
    request: JournalRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterable<string>> {
    const host = await this.#hostOf(name, machine, signal);
    const chunks = this.#ports.agents.journal(host, name, request, signal)[Symbol.asyncIterator]();
    const first = await chunks.next();
    return restOf(first, chunks);
  }

  async status(name: string, machine: string | undefined, signal: AbortSignal): Promise<string> {
    return await this.#ports.agents.status(await this.#hostOf(name, machine, signal), name, signal);
  }

  async machines(
    signal: AbortSignal,
  ): Promise<{ readonly revision: string; readonly machines: readonly MachineEntity[] }> {
    const { tables, revision } = await this.#ports.cluster.look(signal);
    return { revision: String(revision), machines: this.#machines(tables) };
  }

  async machine(id: string, signal: AbortSignal): Promise<MachineEntity> {
    const { tables } = await this.#ports.cluster.look(signal);
    const found = this.#machines(tables).find((machine) => machine.id === id);
    if (found) return found;
    throw noMachine(id);
  }

  async setMetadata(
    id: string,
    values: ReadonlyMap<string, string | null>,
    signal: AbortSignal,
  ): Promise<MachineEntity> {
    await this.machine(id, signal);
    const edits = [...values].map(([key, value]) => ({ machine: id, key, value: value ?? "" }));
    await this.#ports.cluster.setMetadata(edits, signal);
    return await this.machine(id, signal);
  }

  /** Closes a machine to new units, and with `drain` empties it. */
  async cordon(id: string, wish: CordonBody, signal: AbortSignal): Promise<MachineEntity> {
    const cordon = { ...wish, since: this.#ports.now().toISOString() };
    await this.#ports.cluster.change(
      () => ({ edits: [{ kind: "cordon", machine: id, cordon }] as const }),
      signal,
    );
    return await this.machine(id, signal);
  }

  async uncordon(id: string, signal: AbortSignal): Promise<void> {
    await this.#ports.cluster.change(() => ({ edits: [{ kind: "uncordon", machine: id }] as const }), signal);
  }

  async #edit(name: string, condition: Condition, edit: UnitEdit, signal: AbortSignal): Promise<void> {
    await this.#ports.cluster.change(({ tables }) => {
      const revision = guarded(name, condition, tables);
      if (tables.units.revisionOf(name) === undefined) throw noUnit(name);
      return { edits: [{ ...edit, ...(revision === undefined ? {} : { revision }) }] };
    }, signal);
  }

  #machines(tables: ApiTables): readonly MachineEntity[] {
    const usage = usageByMachine(tables, this.#ports.files);
    return machinesWithMetadata(tables).map((machine) =>
      machineEntity(machine, usage.get(machine.id), tables.cordons.get(machine.id)),
    );
  }

  async #hostOf(name: string, machine: string | undefined, signal: AbortSignal): Promise<Machine> {
    const { index, cluster } = this.#ports;
    const { tables } = await cluster.look(signal);
    this.#known(name, tables);
    const on = [...new Set([...index.placedOn(name), ...index.reportedBy(name)])];
    const chosen = machine === undefined ? on : on.filter((id) => id === machine);
    const [id, ...others] = chosen;
    if (id === undefined) {
      const where = machine === undefined ? "on no machine" : `not on machine "${machine}"`;
      throw new PlatformError("unit-not-there", `Unit "${name}" is ${where}`, {
        hint: on.length === 0 ? "Start it first" : `It is on ${on.join(", ")}`,
      });
    }
    if (others.length > 0) {
      throw new PlatformError("machine-ambiguous", `Unit "${name}" is on ${chosen.length} machines`, {
        hint: `Name one: machine=${chosen.join(" or ")}`,
      });
    }
    const host = tables.machines.get(id);
    if (host) return host;
    throw new PlatformError("agent-unreachable", `Machine "${id}" is not in the cluster now`, {
      hint: "Wait until it is back, or until its units are placed elsewhere",
      retryable: true,
    });
  }

  #isOn(name: string, machine: string, tables: ApiTables): boolean {
    const key = `${machine}/${name}`;
    return tables.placements.get(key) !== undefined || tables.states.get(key) !== undefined;
  }

  #entity(name: string, tables: ApiTables): UnitEntity | undefined {
    return unitEntity(name, tables, this.#ports.files, this.#ports.index);
  }

  #known(name: string, tables: ApiTables): UnitEntity {
    const entity = this.#entity(name, tables);
    if (entity) return entity;
    throw noUnit(name);
  }
}

function* namesOf({ units }: ApiTables): Generator<string> {
  for (const [name] of units.entries()) yield name;
  yield* units.unreadable.keys();
}

/** What a PUT means for the cluster as it is. */
function decidePut(
  name: string,
  { file, target }: UnitBody,
  condition: Condition,
  tables: ClusterView["tables"],
): {
  readonly isNew: boolean;
  readonly warnings: readonly string[];
  readonly edits: readonly UnitEdit[];
} {
  const revision = guarded(name, condition, tables);
  const guard = revision === undefined ? {} : { revision };
  const record = tables.units.get(name);
  const text = file ?? (record ? undefined : templateText(name, tables));
  if (text === undefined && !record) throw noUnit(name);
  const checked = text === undefined ? undefined : checkUnitFile(name, text);
  const wanted = target ?? record?.target ?? "inactive";
  if (isTemplate(name) && wanted !== "inactive") {
    throw new PlatformError("request-invalid", `Cannot activate template "${name}"`, {
      hint: "Start an instance of it",
    });
  }
  const warnings = checked?.warnings ?? [];
  if (
    text !== undefined &&
    checked &&
    (checked.hash !== record?.hash || tables.unitFiles.get(checked.hash) !== text)
  ) {
    const { hash } = checked;
    const submit = { kind: "submit", name, hash, text, target: wanted, expected: record, ...guard } as const;
    return { isNew: record === undefined, warnings, edits: [submit] };
  }
  return { isNew: false, warnings, edits: [{ kind: "target", name, target: wanted, ...guard }] };
}

/** The revision that the store is to hold the change to. Throws `unit-changed` where the condition does not hold already. */
function guarded(name: string, condition: Condition, { units }: ApiTables): bigint | undefined {
  if (condition === undefined) return undefined;
  const present = units.revisionOf(name);
  if (condition === "absent") {
    if (present === undefined) return undefined;
    throw changed(`Unit "${name}" exists already`);
  }
  if (present === condition.revision) return present;
  throw changed(`Unit "${name}" is at revision ${present ?? "none"}, not ${condition.revision}`);
}

async function* restOf(first: IteratorResult<string>, chunks: AsyncIterator<string>): AsyncGenerator<string> {
  try {
    for (let next = first; !next.done; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

function changed(message: string): PlatformError {
  return new PlatformError("unit-changed", message, { hint: "Read it again, and decide anew" });
}

function noUnit(name: string): PlatformError {
  return new PlatformError("unit-not-found", `There is no unit "${name}"`, {
    hint: "GET /deis/v1/units shows those that there are; a new one needs a file, or a template that is known",
  });
}

function noMachine(id: string): PlatformError {
  return new PlatformError("machine-not-found", `There is no machine "${id}"`, {
    hint: "GET /deis/v1/machines shows those that there are",
  });
}
