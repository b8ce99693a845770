/** The HTTP API of a host over its socket, asked with curl on that host, as a neighbour there would. */
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";

export interface HostAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface MachineEntity {
  readonly id: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly primaryIP: string;
}

export const json = "application/json";

/** Asks the API; a body is sent as JSON. Only PUT says so by its content type, as fleetctl did. */
export async function curl(host: Host, method: string, path: string, body?: object): Promise<HostAnswer> {
  const url = ["--unix-socket", "/var/run/fleet.sock", `http://domain-sock${path}`];
  const data = body === undefined ? [] : ["--data-binary", JSON.stringify(body)];
  const type = method === "PUT" ? ["-H", "Content-Type: application/json"] : ["-H", "Content-Type:"];
  const told = ["-w", "\n%{http_code} %{content_type}"];
  const out = await host.exec(["curl", "-sS", "-m", "10", "-X", method, ...type, ...data, ...told, ...url]);
  const last = out.lastIndexOf("\n");
  const [, status, contentType = ""] = /^(\d+) (.*)$/.exec(out.slice(last + 1)) ?? [];
  return { status: Number(status), type: contentType, body: out.slice(0, last) };
}

/** Changes the machines' metadata by these operations of a JSON patch. */
export async function patchMachines(host: Host, ...operations: readonly object[]): Promise<HostAnswer> {
  return await curl(host, "PATCH", "/fleet/v1/machines", operations);
}

/** The metadata of the machines, by their ids, as this host's API lists them. */
export async function machineMetadata(host: Host): Promise<ReadonlyMap<string, MachineEntity["metadata"]>> {
  const { status, type, body } = await curl(host, "GET", "/fleet/v1/machines");
  expect([status, type]).to.deep.equal([200, json]);
  const { machines } = JSON.parse(body) as { machines: MachineEntity[] };
  return new Map(machines.map((machine) => [machine.id, machine.metadata]));
}
