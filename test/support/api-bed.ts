/**
 * An API on a cluster of records: served on a unix socket, over a store in memory or a real one. Its scheduler and agents are the
 * test's own hand: `place` and `report` write what they would.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { type ApiLimits, type ApiServerPorts, apiServers, type MakeServer } from "../../api/http-server.ts";
import { listen, type TlsIdentity } from "../../api/listen.ts";
import type { PlatformError } from "../../cluster/errors.ts";
import type { Machine } from "../../cluster/machine.ts";
import type { ClusterTables, HostAgents, Mirror } from "../../cluster/ports.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { openClusterStore } from "../../etcd/cluster-store.ts";
import { encodeMachine } from "../../etcd/codec.ts";
import { openMirror } from "../../etcd/mirror.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { clusterTables } from "../../etcd/tables.ts";

/** Stands in where a test asks no agent. */
const noAgents: HostAgents = {
  // biome-ignore lint/correctness/useYield: it has nothing to say
  async *journal() {
    throw new Error("no agent is there");
  },
  status: () => Promise.reject(new Error("no agent is there")),
};

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Objects are sent as JSON with its type, texts as they are with no type. */
  readonly body?: object | string;
}

export class ApiBed {
  readonly socketPath: string;
  readonly mirror: Mirror<ClusterTables>;
  /** What the API is to take for an outage of the store. */
  outage: PlatformError | undefined;
  /** Every route that is served below `/deis/v1`: `GET /deis/v1/units/{name}`. */
  readonly routes = new Set<string>();
  readonly #client: EtcdClient;
  readonly #closing = new AbortController();
  readonly #directory: string;
  readonly #makeServer: MakeServer;
  readonly #server: FastifyInstance;
  readonly #more: FastifyInstance[] = [];

  private constructor(
    client: EtcdClient,
    directory: string,
    limits: ApiLimits,
    ports: Partial<Omit<ApiServerPorts, "source">>,
  ) {
    this.#client = client;
    this.#directory = directory;
    this.socketPath = join(directory, "fleet.sock");
    this.mirror = openMirror(client, clusterTables, { backoff: { initialMs: 5, maxMs: 50 } });
    const store = openClusterStore(client);
    const source = { store, mirror: this.mirror, outage: () => this.outage };
    const all: ApiServerPorts = {
      source,
      agents: noAgents,
      openapi: readFileSync(new URL("../../api/openapi.json", import.meta.url), "utf8"),
      monotonic: () => performance.now(),
      now: () => new Date("2026-01-01T00:00:00Z"),
      ...ports,
    };
    this.#makeServer = apiServers(all, this.#closing.signal, limits);
    this.#server = this.#makeServer();
    this.#server.addHook("onRoute", ({ method, url }) => {
      if (!url.startsWith("/deis/") || method === "HEAD") return;
      this.routes.add(`${method} ${url.replace(/:(\w+)/g, "{$1}")}`);
    });
  }

  /** Serves the API over the store behind `client`, which is closed with it. */
  static async open(
    client: EtcdClient,
    limits: ApiLimits = {},
    ports: Partial<Omit<ApiServerPorts, "source">> = {},
  ): Promise<ApiBed> {
    const bed = new ApiBed(client, await mkdtemp(join(tmpdir(), "deis-api-")), limits, ports);
    await listen(bed.#server, { kind: "socket", path: bed.socketPath }, { what: "the API", hint: "" });
    return bed;
  }

  /** Serves the same over mutual TLS on a free port of 127.0.0.1, until the bed is closed; resolves to its URL. */
  async alsoOver(tls: TlsIdentity): Promise<string> {
    const server = this.#makeServer(tls);
    this.#more.push(server);
    return await listen(
      server,
      { kind: "tcp", host: "127.0.0.1", port: 0, tls },
      { what: "the API", hint: "" },
    );
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the test is over"));
    for (const server of [this.#server, ...this.#more]) await server.close();
    await this.mirror.close();
    await this.#client.close();
    await rm(this.#directory, { recursive: true });
  }

  async ask(path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    const type = typeof body === "object" ? { "content-type": "application/json" } : {};
    const outgoing = request({
      socketPath: this.socketPath,
      path,
      method,
      agent: false,
      headers: {
        ...type,
        ...(text === undefined ? {} : { "content-length": Buffer.byteLength(text) }),
        ...headers,
      },
    });
    // A server may answer and close before Node has noticed that all was written; before an answer, `once` throws it.
    outgoing.on("error", () => undefined);
    outgoing.end(text);
    const [incoming] = await once(outgoing, "response");
    let received = "";
    for await (const chunk of incoming.setEncoding("utf8")) received += chunk;
    return { status: incoming.statusCode, headers: incoming.headers, body: received };
  }

  /** The parsed body of a GET. */
  async get(path: string): Promise<unknown> {
    const { status, body } = await this.ask(path);
    if (status !== 200) throw new Error(`GET ${path} gave ${status}: ${body}`);
    return JSON.parse(body);
  }

  /** Writes a record past the API and resolves once the API has seen it. Below `/deis/cluster/`; undefined deletes it. */
  async put(key: string, value: object | string | undefined): Promise<void> {
    await this.putAll([[key, value]]);
  }

  async putAll(records: readonly (readonly [string, object | string | undefined])[]): Promise<void> {
    let revision = 0n;
    for (let at = 0; at < records.length; at += 100) {
      const success = records.slice(at, at + 100).map(([name, value]) => {
        const key = `/deis/cluster/${name}`;
        if (value === undefined) return { kind: "delete", range: { key } } as const;
        const text = typeof value === "string" ? value : JSON.stringify(value);
        return { kind: "put", key, value: Buffer.from(text) } as const;
      });
      revision = (await this.#client.txn({ compare: [], success }, {})).header.revision;
    }
    await this.mirror.reached(revision, AbortSignal.timeout(5_000));
  }

  async addMachine(machine: Machine): Promise<void> {
    await this.put(`machines/${machine.id}`, encodeMachine(machine).toString());
  }

  /** Places the unit as the scheduler would. */
  async place(machine: string, unit: string, target: "loaded" | "launched"): Promise<void> {
    const hash = this.mirror.tables.units.get(unit)?.hash ?? "";
    await this.put(`placements/${machine}/${unit}`, { hash, target, generation: 0, reason: "it fits" });
  }

  /** Reports the unit as an agent would. */
  async report(machine: string, unit: string, seen: Partial<UnitState> = {}): Promise<void> {
    const hash = this.mirror.tables.units.get(unit)?.hash ?? "";
    const known = { load: "loaded", active: "active", sub: "running", hash, generation: 0 };
    await this.put(`states/${machine}/${unit}`, { ...known, since: "2026-01-01T00:00:00Z", ...seen });
  }
}
