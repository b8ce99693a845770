/**
 * fleet's HTTP API, version 1, as fleetd 1.0 answered it: one method for each thing that a client can ask. What goes over the wire is
 * `routes.ts`'s business.
 *
 * Where fleetd was at fault we are not: a word that is no state is refused before it harms the unit, a unit without state is no
 * crash, a replaced file is checked like a new one, an instance of a known template needs no file of its own.
 */
import { describeError, hasCode } from "../../cluster/errors.ts";
import { machinesWithMetadata } from "../../cluster/machine-metadata.ts";
import type { UnitEdit } from "../../cluster/ports.ts";
import { checkUnitFile } from "../../cluster/unit.ts";
import { unitFileFromOptions } from "../../cluster/unit-file.ts";
import { isTemplate, validateUnitName } from "../../cluster/unit-name.ts";
import type { ApiTables, Cluster } from "../cluster.ts";
import { templateText } from "../template-text.ts";
import type { UnitFiles } from "../unit-files.ts";
import { machineAndUnit, type UnitIndex } from "../unit-index.ts";
import { machineEntity, stateEntity, unitEntity, unitRow } from "./entities.ts";
import { readMetadataPatch } from "./metadata-patch.ts";
import { findPageToken, PageTokenError } from "./page-token.ts";
import type { Page, PagedLists } from "./paged-lists.ts";
import { FleetRefusal } from "./refusal.ts";
import type { StopEcho } from "./stop-echo.ts";
import { readUnitBody, type UnitWish } from "./unit-body.ts";

export interface FleetApiPorts {
  readonly cluster: Cluster;
  readonly index: UnitIndex;
  readonly files: UnitFiles;
  readonly lists: PagedLists;
  readonly echo: StopEcho;
}

export class FleetApi {
  readonly #ports: FleetApiPorts;

  constructor(ports: FleetApiPorts) {
    this.#ports = ports;
  }

  async units(query: URLSearchParams, signal: AbortSignal): Promise<object> {
    const { cluster, files, index, lists } = this.#ports;
    const token = pageToken(query);
    const { tables, revision } = await cluster.look(signal);
    const page = lists.page("units", token, revision, () =>
      [...tables.units.entries()]
        .sort(([a], [b]) => compare(a, b))
        .map(([name, record]) => unitRow(name, record, tables, files, (unit) => index.placedOn(unit))),
    );
    return pageEntity("units", page, (row) => unitEntity(row, files));
  }

  async unit(name: string, signal: AbortSignal): Promise<object> {
    const { cluster, echo, files, index } = this.#ports;
    const { tables } = await cluster.look(signal);
    const record = tables.units.get(name);
    if (record) {
      const row = unitRow(name, record, tables, files, (unit) => index.placedOn(unit));
      const isEcho = echo.tell(name) && row.state === "loaded";
      return unitEntity(isEcho ? { ...row, state: "launched" } : row, files);
    }
    const unreadable = tables.units.unreadable.get(name);
    if (unreadable) throw unreadable;
    throw new FleetRefusal(404, "unit does not exist");
  }

  /** Resolves to whether the unit is new or has a new file. */
  async putUnit(item: string, body: string, signal: AbortSignal): Promise<boolean> {
    const wish = readUnitBody(body, item);
    refuseInvalid(() => validateUnitName(item));
    const { cluster, echo, files, index } = this.#ports;
    const { isNew, stops } = await cluster.change(({ tables }) => {
      const decided = decidePut(wish, tables);
      const record = tables.units.get(item);
      if (!record || decided.isNew || wish.target !== "loaded") return { ...decided, stops: false };
      const { state } = unitRow(item, record, tables, files, (unit) => index.placedOn(unit));
      return { ...decided, stops: state === "launched" };
    }, signal);
    if (stops) echo.stopped(item);
    else echo.forget(item);
    return isNew;
  }

  async deleteUnit(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#ports.cluster.change(({ tables }) => {
        // One that cannot be read can be destroyed all the same.
        if (tables.units.revisionOf(name) === undefined) throw new FleetRefusal(404, "unit does not exist");
        return { edits: [{ kind: "destroy", name }] };
      }, signal);
    } catch (error) {
      if (!hasCode(error, "unit-not-found")) throw error;
      throw new FleetRefusal(404, "unit does not exist", { cause: error });
    }
  }

  async states(query: URLSearchParams, signal: AbortSignal): Promise<object> {
    const { cluster, lists } = this.#ports;
    const token = pageToken(query);
    const machine = query.get("machineID") ?? "";
    const unit = query.get("unitName") ?? "";
    const { tables, revision } = await cluster.look(signal);
    const page = lists.page(JSON.stringify(["state", machine, unit]), token, revision, () =>
      this.#stateRows(tables, unit, machine),
    );
    return pageEntity("states", page, ({ unit: name, machine: id, state }) => stateEntity(name, id, state));
  }

  async state(name: string, signal: AbortSignal): Promise<object> {
    const { cluster, index } = this.#ports;
    const { tables } = await cluster.look(signal);
    const [first] = this.#stateRows(tables, name, "");
    if (first) return stateEntity(first.unit, first.machine, first.state);
    const target = tables.units.get(name)?.target ?? "inactive";
    if (target === "inactive") throw new FleetRefusal(404, "unit state does not exist");
    // One that is wanted and nowhere seen: `fleetctl start` looks again at any answer, but falls over a 404.
    return stateEntity(name, index.placedOn(name)[0], unseen);
  }

  async machines(query: URLSearchParams, signal: AbortSignal): Promise<object> {
    const token = pageToken(query);
    const { tables, revision } = await this.#ports.cluster.look(signal);
    const page = this.#ports.lists.page("machines", token, revision, () => machinesWithMetadata(tables));
    return pageEntity("machines", page, machineEntity);
  }

  async patchMachines(body: string, signal: AbortSignal): Promise<void> {
    await this.#ports.cluster.setMetadata(readMetadataPatch(body), signal);
  }

  /** By unit, then machine; of one unit or machine where such is named. */
  #stateRows(tables: ApiTables, unit: string, machine: string) {
    const names =
      unit === ""
        ? [...tables.states.entries()].map(([name]) => machineAndUnit(name))
        : this.#ports.index.reportedBy(unit).map((id) => ({ machine: id, unit }));
    return names
      .filter((name) => machine === "" || name.machine === machine)
      .sort((a, b) => compare(a.unit, b.unit) || compare(a.machine, b.machine))
      .flatMap((name) => {
        const state = tables.states.get(`${name.machine}/${name.unit}`);
        return state ? [{ ...name, state }] : [];
      });
  }
}

/** What systemd says of a unit that it does not have. */
const unseen = { load: "not-found", active: "inactive", sub: "dead", hash: "" } as const;

/** What a PUT means for the cluster as it is. */
function decidePut(
  { name, target, options }: UnitWish,
  tables: ApiTables,
): { readonly isNew: boolean; readonly edits: readonly UnitEdit[] } {
  const record = tables.units.get(name);
  const text = options.length > 0 ? textOf(options) : record ? undefined : templateText(name, tables);
  if (text === undefined && !record) {
    throw new FleetRefusal(409, "unit does not exist and options field empty");
  }
  const hash = text === undefined ? record?.hash : refuseInvalid(() => checkUnitFile(name, text)).hash;
  if (text !== undefined && hash !== undefined && hash !== record?.hash) {
    refuseActive(name, target);
    // A client that names no state gets `inactive` also for a file that takes the place of another: fleetctl waits for that.
    const submit = {
      kind: "submit",
      name,
      hash,
      text,
      target: target ?? "inactive",
      expected: record,
    } as const;
    return { isNew: true, edits: [submit] };
  }
  if (target === undefined) {
    throw new FleetRefusal(409, "must provide DesiredState to update existing unit");
  }
  refuseActive(name, target);
  return { isNew: false, edits: [{ kind: "target", name, target }] };
}

function textOf(options: UnitWish["options"]): string {
  return refuseInvalid(() => unitFileFromOptions(options)).text;
}

function refuseActive(name: string, target: UnitWish["target"]): void {
  if (!isTemplate(name) || target === undefined || target === "inactive") return;
  throw new FleetRefusal(400, `cannot activate template ${JSON.stringify(name)}`);
}

/** Runs a check; what it finds wrong with the client's input is a 400. */
function refuseInvalid<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!hasCode(error, "unit-name-invalid") && !hasCode(error, "unit-file-invalid")) throw error;
    throw new FleetRefusal(400, describeError(error), { cause: error });
  }
}

function pageToken(query: URLSearchParams) {
  try {
    return findPageToken(query.getAll("nextPageToken"));
  } catch (error) {
    if (!(error instanceof PageTokenError)) throw error;
    throw new FleetRefusal(400, error.message, { cause: error });
  }
}

function pageEntity<Row>(name: string, page: Page<Row>, entity: (row: Row) => object): object {
  const { nextPageToken, rows } = page;
  const items = rows.length === 0 ? undefined : rows.map(entity);
  const fields = [
    [name, items],
    ["nextPageToken", nextPageToken],
  ] as const;
  return Object.fromEntries([...fields].sort(([a], [b]) => compare(a, b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
