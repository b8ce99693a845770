import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import type { ApiEvent } from "../../api/http-server.ts";
import { PlatformError } from "../../cluster/errors.ts";
import type { HostAgents } from "../../cluster/ports.ts";
import { machine } from "../scheduler/builders.ts";
import { type Answer, ApiBed, type Asked } from "../support/api-bed.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";

const m1 = "f1ee0001000000000000000000000000";
const m2 = "f1ee0002000000000000000000000000";
const text = "# my nap\n[Service]\nExecStart=/bin/sleep 100\nMemoryMax=512M\nCPUQuota=50%\n";
const other = text.replace("100", "200");

interface Operation {
  readonly responses: Readonly<Record<string, { $ref?: string; content?: Record<string, unknown> }>>;
}
const openapi = JSON.parse(readFileSync(new URL("../../api/openapi.json", import.meta.url), "utf8")) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(openapi, "openapi");

/** Fails unless the document describes this answer to this request. */
function conforms(method: string, path: string, { status, headers, body }: Answer): void {
  const [bare = ""] = path.split("?");
  const template = Object.keys(openapi.paths).find((candidate) =>
    new RegExp(`^${candidate.replace(/\{\w+\}/g, "[^/]+")}$`).test(bare),
  );
  const pointer = (part: string) => part.replaceAll("~", "~0").replaceAll("/", "~1");
  const response = openapi.paths[template ?? ""]?.[method.toLowerCase()]?.responses[status];
  expect(response, `${method} ${bare} may not give ${status}: ${body}`).not.to.equal(undefined);
  const at =
    response?.$ref ?? `#/paths/${pointer(template ?? "")}/${method.toLowerCase()}/responses/${status}`;
  const described = at
    .slice(2)
    .split("/")
    .reduce<unknown>(
      (node, part) => (node as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")],
      openapi,
    ) as { content?: Record<string, unknown> };
  const types = Object.keys(described.content ?? {});
  if (types.length === 0) {
    expect(body, `${method} ${bare}`).to.equal("");
    return;
  }
  const type = types.find((candidate) => headers["content-type"]?.startsWith(candidate.split(";")[0] ?? ""));
  expect(type, `${method} ${bare} gives ${headers["content-type"]}`).not.to.equal(undefined);
  if (type !== "application/json") return;
  const schema = `openapi${at}/content/${pointer(type)}/schema`;
  expect(
    ajv.validate({ $ref: schema.replace("openapi#", "openapi#") }, JSON.parse(body)),
    `${method} ${bare}: ${ajv.errorsText()}\n${body}`,
  ).to.equal(true);
}

describe("Deis's own API", () => {
  let etcd: MemoryEtcd;
  let bed: ApiBed;
  let agents: Script;
  let told: ApiEvent[];

  beforeEach(async () => {
    etcd = new MemoryEtcd();
    told = [];
    agents = { journals: [], lines: undefined, signal: undefined };
    bed = await ApiBed.open(
      etcd.client(),
      {},
      { agents: scripted(agents), onEvent: (event) => told.push(event) },
    );
    await bed.addMachine({ ...machine(m1, { metadata: { region: "lab" } }), api: "https://10.0.0.1:7002" });
    await bed.addMachine(machine(m2));
  });
  afterEach(() => bed.close());

  async function ask(
    method: string,
    path: string,
    body?: object,
    headers?: Asked["headers"],
  ): Promise<Answer> {
    const answer = await bed.ask(path, {
      method,
      ...(body === undefined ? {} : { body }),
      ...(headers ? { headers } : {}),
    });
    conforms(method, path, answer);
    return answer;
  }
  const json = async (path: string) => JSON.parse((await ask("GET", path)).body);
  const put = (name: string, body: object, headers?: Asked["headers"]) =>
    ask("PUT", `/deis/v1/units/${name}`, body, headers);
  const codeOf = ({ body }: Answer): string => JSON.parse(body).error.code;

  it("has every route in its document, and every path of the document among its routes", async () => {
    const described = Object.entries(openapi.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((key) => key !== "parameters")
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = [...bed.routes, "GET /healthz", "GET /metrics"];
    expect(described).to.have.members(served);
    expect(await json("/deis/v1/openapi.json")).to.deep.equal(openapi);
  });

  describe("a unit", () => {
    it("is created with its text as written, and shown with all that is known of it", async () => {
      const created = await put("nap.service", { file: text, target: "launched" }, { "if-none-match": "*" });
      expect(created.status).to.equal(201);
      await bed.place(m1, "nap.service", "launched");
      await bed.report(m1, "nap.service");
      const unit = await json("/deis/v1/units/nap.service");
      expect(unit).to.deep.include({
        name: "nap.service",
        target: "launched",
        state: "launched",
        ready: true,
      });
      expect(unit.placements).to.have.length(1);
      expect(unit.states[0]).to.include({ machine: m1, active: "active", ready: true });
      expect((await ask("GET", "/deis/v1/units/nap.service/file")).body).to.equal(text);
    });

    it("keeps its target when it gets another file, and its file when it gets another target", async () => {
      await put("nap.service", { file: text, target: "launched" });
      expect((await put("nap.service", { file: other })).status).to.equal(200);
      expect(await json("/deis/v1/units/nap.service")).to.include({ target: "launched" });
      await put("nap.service", { target: "inactive" });
      expect((await ask("GET", "/deis/v1/units/nap.service/file")).body).to.equal(other);
    });

    it("shows why no machine can take it, until it has another file", async () => {
      await put("nap.service", { file: text, target: "launched" });
      const { hash } = await json("/deis/v1/units/nap.service");
      await bed.put("unplaced/nap.service", { hash, reason: 'they lack metadata "disk=ssd"' });
      expect((await json("/deis/v1/units/nap.service")).pending).to.deep.equal({
        reason: 'they lack metadata "disk=ssd"',
      });
      await put("rest.service", { file: other });
      expect((await json("/deis/v1/units?pending=true")).units).to.have.length(1);
      await put("nap.service", { file: other });
      expect((await json("/deis/v1/units/nap.service")).pending).to.equal(undefined);
    });

    it("says what its file has that will not do what its author may think", async () => {
      const odd = `${text}[X-Fleet]\nMachineMetadata=ssd\n`;
      expect(JSON.parse((await put("nap.service", { file: odd })).body).warnings[0]).to.contain("no effect");
    });

    it("is made from a template that is known", async () => {
      await put("web@.service", { file: text });
      expect((await put("web@1.service", { target: "launched" })).status).to.equal(201);
      expect(await json("/deis/v1/units/web@1.service")).to.include({ template: "web@.service" });
      expect(codeOf(await put("web@.service", { target: "launched" }))).to.equal("request-invalid");
      expect((await put("db@1.service", { target: "launched" })).status).to.equal(404);
    });

    it("is changed only if it is as the client last saw it", async () => {
      const { etag: first } = (await put("nap.service", { file: text })).headers;
      expect(first).to.match(/^"\d+"$/);
      const { etag: second } = (await put("nap.service", { target: "loaded" }, { "if-match": first ?? "" }))
        .headers;
      expect(second).not.to.equal(first);
      const stale = { "if-match": first ?? "" };
      for (const answer of [
        await put("nap.service", { target: "inactive" }, stale),
        await put("nap.service", { file: other }, stale),
        await ask("POST", "/deis/v1/units/nap.service/restart", undefined, stale),
        await ask("DELETE", "/deis/v1/units/nap.service", undefined, stale),
        await put("nap.service", { file: text }, { "if-none-match": "*" }),
      ])
        expect([answer.status, codeOf(answer)]).to.deep.equal([412, "unit-changed"]);
      const { status } = await ask("GET", "/deis/v1/units/nap.service", undefined, {
        "if-none-match": second ?? "",
      });
      expect(status).to.equal(304);
      expect((await put("nap.service", {}, { "if-match": "W/7" })).status).to.equal(400);
      expect(
        (await ask("DELETE", "/deis/v1/units/nap.service", undefined, { "if-match": second ?? "" })).status,
      ).to.equal(204);
    });

    it("is restarted by raising its generation, and destroyed", async () => {
      await put("nap.service", { file: text });
      const restarted = await ask("POST", "/deis/v1/units/nap.service/restart");
      expect([restarted.status, JSON.parse(restarted.body).generation]).to.deep.equal([202, 1]);
      expect((await ask("DELETE", "/deis/v1/units/nap.service")).status).to.equal(204);
      for (const [method, path] of [
        ["GET", ""],
        ["GET", "/file"],
        ["GET", "/why"],
        ["GET", "/logs"],
        ["GET", "/status"],
        ["POST", "/restart"],
        ["DELETE", ""],
      ] as const) {
        const answer = await ask(method, `/deis/v1/units/nap.service${path}`);
        expect([answer.status, codeOf(answer)], `${method} ${path}`).to.deep.equal([404, "unit-not-found"]);
      }
    });

    for (const [what, name, body, code] of [
      ["a file that cannot be read", "a.service", { file: "[Service\n" }, "unit-file-invalid"],
      ["an unknown word in [X-Fleet]", "a.service", { file: "[X-Fleet]\nConflict=b\n" }, "unit-file-invalid"],
      ["a bad name", "a", { file: text }, "unit-name-invalid"],
      ["a target that is none", "a.service", { file: text, target: "up" }, "request-invalid"],
      ["a field that is not known", "a.service", { text }, "request-invalid"],
      ["a file that is no text", "a.service", { file: 7 }, "request-invalid"],
      ["a list", "a.service", [], "request-invalid"],
    ] as const) {
      it(`is not created with ${what}`, async () => {
        const answer = await put(name, body);
        expect([answer.status, codeOf(answer)]).to.deep.equal([400, code]);
        expect(JSON.parse(answer.body).error.hint).to.be.a("string");
        expect(bed.mirror.tables.units.size).to.equal(0);
      });
    }

    it("is listed page by page, by name and by machine", async () => {
      for (const name of ["a.service", "b@1.service", "b@2.service", "c.service"])
        await put(name, { file: text, target: "launched" });
      await bed.place(m2, "c.service", "launched");
      const names = async (query: string) => {
        const { units, next } = await json(`/deis/v1/units${query}`);
        return [units.map(({ name }: { name: string }) => name).join(" "), next];
      };
      expect(await names("?limit=3")).to.deep.equal(["a.service b@1.service b@2.service", "b@2.service"]);
      expect(await names("?limit=3&after=b@2.service")).to.deep.equal(["c.service", undefined]);
      expect(await names("?name=b@*")).to.deep.equal(["b@1.service b@2.service", undefined]);
      expect(await names(`?machine=${m2}`)).to.deep.equal(["c.service", undefined]);
      for (const query of ["?limit=0", "?limit=2000", "?pending=yes", "?name=a&name=b"])
        expect((await ask("GET", `/deis/v1/units${query}`)).status, query).to.equal(400);
    });

    it("whose record cannot be read is shown as such", async () => {
      await bed.put("units/bad.service", "{}");
      expect((await json("/deis/v1/units/bad.service")).problem).to.contain('"hash" is missing');
      expect((await json("/deis/v1/units")).units).to.have.length(1);
    });
  });

  describe("a machine", () => {
    it("is shown with what is reserved there", async () => {
      for (const name of ["a.service", "b.service"]) {
        await put(name, { file: text, target: "launched" });
        await bed.place(m1, name, "launched");
      }
      const { machines } = await json("/deis/v1/machines");
      expect(machines).to.have.length(2);
      expect(await json(`/deis/v1/machines/${m1}`)).to.deep.include({
        reserved: { memoryBytes: 2 * 512 * 2 ** 20, cpuMillis: 1_000 },
        units: 2,
        cordon: null,
        metadata: { region: "lab" },
      });
      expect((await ask("GET", "/deis/v1/machines/nope")).status).to.equal(404);
    });

    it("is cordoned, drained and opened again", async () => {
      const closed = await ask("PUT", `/deis/v1/machines/${m1}/cordon`, { reason: "new disk" });
      expect(JSON.parse(closed.body).cordon).to.deep.equal({
        drain: false,
        reason: "new disk",
        since: "2026-01-01T00:00:00.000Z",
      });
      const drained = await ask("PUT", `/deis/v1/machines/${m1}/cordon`, { drain: true });
      expect(JSON.parse(drained.body).cordon.drain).to.equal(true);
      expect((await ask("DELETE", `/deis/v1/machines/${m1}/cordon`)).status).to.equal(204);
      expect((await ask("DELETE", `/deis/v1/machines/${m1}/cordon`)).status).to.equal(204);
      expect((await json(`/deis/v1/machines/${m1}`)).cordon).to.equal(null);
      expect(codeOf(await ask("PUT", "/deis/v1/machines/nope/cordon"))).to.equal("machine-not-found");
      expect((await ask("PUT", `/deis/v1/machines/${m1}/cordon`, { drain: "yes" })).status).to.equal(400);
    });

    it("is given metadata, and has it taken away", async () => {
      const set = await ask("PATCH", `/deis/v1/machines/${m1}`, { metadata: { disk: "ssd", region: null } });
      expect(JSON.parse(set.body).metadata).to.deep.equal({ disk: "ssd" });
      for (const metadata of [{ "a/b": "c" }, { a: "" }, { a: 7 }, []])
        expect((await ask("PATCH", `/deis/v1/machines/${m1}`, { metadata })).status).to.equal(400);
    });
  });

  describe("logs", () => {
    beforeEach(() => put("nap.service", { file: text, target: "launched" }));

    it("come from the machine that the unit is on", async () => {
      await bed.place(m1, "nap.service", "launched");
      agents.lines = lines("one\n", "zwei ✓\n");
      const { body } = await ask("GET", "/deis/v1/units/nap.service/logs?lines=2&output=cat");
      expect(body).to.equal("one\nzwei ✓\n");
      expect(agents.journals).to.deep.equal([`${m1} nap.service 2 false cat`]);
      expect((await ask("GET", "/deis/v1/units/nap.service/status")).body).to.equal("● nap.service\n");
    });

    it("are asked for by machine where there are several", async () => {
      await bed.place(m1, "nap.service", "launched");
      await bed.place(m2, "nap.service", "launched");
      const answer = await ask("GET", "/deis/v1/units/nap.service/logs");
      expect([answer.status, codeOf(answer)]).to.deep.equal([409, "machine-ambiguous"]);
      expect(JSON.parse(answer.body).error.hint).to.contain(m1).and.to.contain(m2);
      agents.lines = lines("there\n");
      expect((await ask("GET", `/deis/v1/units/nap.service/logs?machine=${m2}`)).body).to.equal("there\n");
    });

    it("say what is wrong before anything is streamed", async () => {
      const nowhere = await ask("GET", "/deis/v1/units/nap.service/logs");
      expect([nowhere.status, codeOf(nowhere)]).to.deep.equal([404, "unit-not-there"]);
      await bed.place(m1, "nap.service", "launched");
      for (const [code, status] of [
        ["no-agent-api", 501],
        ["agent-unreachable", 502],
        ["output-unsupported", 400],
      ] as const) {
        agents.lines = failing(new PlatformError(code, "no", { hint: "look" }));
        const answer = await ask("GET", "/deis/v1/units/nap.service/logs");
        expect([answer.status, codeOf(answer)]).to.deep.equal([status, code]);
      }
      expect((await ask("GET", "/deis/v1/units/nap.service/logs?lines=x")).status).to.equal(400);
    });

    it("that are followed end with the client", async () => {
      await bed.place(m1, "nap.service", "launched");
      agents.lines = (async function* () {
        yield "first\n";
        await new Promise(() => undefined);
      })();
      const { incoming, end } = await follow("/deis/v1/units/nap.service/logs?follow=true");
      const [chunk] = await once(incoming.setEncoding("utf8"), "data");
      expect(chunk).to.equal("first\n");
      expect(agents.signal?.aborted).to.equal(false);
      end();
      await eventually(() => expect(agents.signal?.aborted).to.equal(true));
    });
  });

  describe("events", () => {
    it("come as lines, as things happen", async () => {
      const { seen, end } = await followLines("/deis/v1/events");
      await put("nap.service", { file: text, target: "launched" });
      await bed.place(m1, "nap.service", "launched");
      await eventually(() =>
        expect(seen().map(({ kind, unit }) => [kind, unit])).to.deep.equal([
          ["unit-submitted", "nap.service"],
          ["unit-placed", "nap.service"],
        ]),
      );
      for (const event of seen())
        expect(ajv.validate({ $ref: "openapi#/components/schemas/Event" }, event)).to.equal(true);
      end();
    });

    it("go on where a client was cut off", async () => {
      const { revision } = await json("/deis/v1/units");
      for (const name of ["a.service", "b.service"]) await put(name, { file: text });
      const past = (await ask("GET", `/deis/v1/events?since=${revision}&follow=false`)).body;
      const [a, b] = past
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect([a.unit, b.unit]).to.deep.equal(["a.service", "b.service"]);
      const { seen, end } = await followLines("/deis/v1/events", { "last-event-id": a.revision });
      await put("c.service", { file: text });
      await eventually(() =>
        expect(seen().map(({ unit }) => unit)).to.deep.equal(["b.service", "c.service"]),
      );
      // Now from what is kept in memory, while someone follows.
      const again = await followLines(`/deis/v1/events?since=${b.revision}`);
      await eventually(() => expect(again.seen().map(({ unit }) => unit)).to.deep.equal(["c.service"]));
      again.end();
      end();
    });

    it("are about one unit or machine where such is named", async () => {
      const ours = await followLines("/deis/v1/events?unit=a.service");
      const theirs = await followLines(`/deis/v1/events?machine=${m2}`);
      for (const name of ["b.service", "a.service"]) await put(name, { file: text });
      await bed.place(m2, "b.service", "loaded");
      await eventually(() => expect(ours.seen().map(({ unit }) => unit)).to.deep.equal(["a.service"]));
      await eventually(() => expect(theirs.seen().map(({ kind }) => kind)).to.deep.equal(["unit-placed"]));
      ours.end();
      theirs.end();
    });

    it("come as server-sent events for who asks so", async () => {
      const { incoming, end } = await follow("/deis/v1/events", { accept: "text/event-stream" });
      expect(incoming.headers["content-type"]).to.equal("text/event-stream");
      await put("nap.service", { file: text });
      const [chunk] = await once(incoming.setEncoding("utf8"), "data");
      expect(chunk).to.match(/^id: \d+\nevent: unit-submitted\ndata: \{"revision":.*\}\n\n$/);
      end();
    });

    it("are refused for a revision that is none", async () => {
      for (const query of ["?since=x", "?since=", "?follow=maybe"])
        expect((await ask("GET", `/deis/v1/events${query}`)).status, query).to.equal(400);
    });

    it("leave no watch behind when the last client has gone", async () => {
      const { end } = await followLines("/deis/v1/events");
      const metric = async () =>
        /deis_api_event_followers (\d+)/.exec((await ask("GET", "/metrics")).body)?.[1];
      expect(await metric()).to.equal("1");
      end();
      await eventually(async () => expect(await metric()).to.equal("0"));
    });
  });

  describe("for whoever watches over it", () => {
    it("says whether it can answer", async () => {
      expect(JSON.parse((await ask("GET", "/healthz")).body).ok).to.equal(true);
      bed.outage = new PlatformError("store-unreachable", "The store has been away for 3 s", {
        retryable: true,
      });
      const { status, body } = await ask("GET", "/healthz");
      expect([status, JSON.parse(body).error.message]).to.deep.equal([
        503,
        "The store has been away for 3 s",
      ]);
      expect((await ask("GET", "/deis/v1/units")).status).to.equal(503);
    });

    it("counts requests by route and shows the cluster, in Prometheus' format", async () => {
      await put("nap.service", { file: text, target: "launched" });
      await bed.place(m1, "nap.service", "launched");
      await bed.report(m1, "nap.service", { active: "failed", sub: "failed" });
      for (const path of ["/fleet/v1/units/a.service", "/fleet/v1/units/b.service", "/fleet/v1/machines"])
        await bed.ask(path);
      const { body, headers } = await ask("GET", "/metrics");
      expect(headers["content-type"]).to.equal("text/plain; version=0.0.4; charset=utf-8");
      const samples = body.split("\n").filter((line) => !line.startsWith("#"));
      expect(samples).to.include.members([
        'deis_api_requests_total{method="PUT",route="/deis/v1/units/:name",status="201"} 1',
        'deis_api_requests_total{method="GET",route="/fleet/v1/units/:name",status="404"} 2',
        'deis_api_requests_total{method="GET",route="/fleet/v1/machines",status="200"} 1',
        'deis_api_request_duration_seconds_bucket{method="GET",route="/fleet/v1/machines",le="+Inf"} 1',
        'deis_api_request_duration_seconds_count{method="GET",route="/fleet/v1/machines"} 1',
        "deis_api_store_connected 1",
        "deis_cluster_machines 2",
        'deis_cluster_units{target="launched"} 1',
        'deis_cluster_unit_states{active="failed"} 1',
      ]);
    });

    it("tells who changed what", async () => {
      await put("nap.service", { file: text });
      await bed.ask("/deis/v1/units");
      expect(told.map((event) => ({ ...event, durationMs: 0 }))).to.deep.equal([
        {
          kind: "changed",
          client: "socket",
          method: "PUT",
          url: "/deis/v1/units/nap.service",
          status: 201,
          durationMs: 0,
        },
      ]);
    });
  });

  it("says what it does not know in its own form", async () => {
    for (const [method, path] of [
      ["GET", "/deis/v1/nope"],
      ["POST", "/deis/v1/units"],
    ] as const) {
      const { status, body } = await bed.ask(path, { method });
      expect([status, JSON.parse(body).error.code]).to.deep.equal([404, "route-not-found"]);
    }
    const { status, body } = await bed.ask("/deis/v1/units/a.service", {
      method: "PUT",
      body: "{",
      headers: { "content-type": "application/json" },
    });
    expect([status, JSON.parse(body).error.code]).to.deep.equal([400, "request-invalid"]);
  });

  async function follow(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ incoming: IncomingMessage; end: () => void }> {
    const outgoing = request({ socketPath: bed.socketPath, path, headers, agent: false });
    outgoing.on("error", () => undefined);
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    incoming.on("error", () => undefined);
    return { incoming, end: () => outgoing.destroy() };
  }

  async function followLines(path: string, headers: Record<string, string> = {}) {
    const { incoming, end } = await follow(path, headers);
    let received = "";
    incoming.setEncoding("utf8").on("data", (chunk) => {
      received += chunk;
    });
    const seen = (): { kind: string; unit?: string; revision: string }[] =>
      received
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    return { seen, end };
  }
});

/** What the agents say, and what they were asked. */
interface Script {
  readonly journals: string[];
  lines: AsyncIterable<string> | undefined;
  signal: AbortSignal | undefined;
}

function scripted(script: Script): HostAgents {
  return {
    async *journal({ id }, unit, { lines: count, follow, output }, signal) {
      script.signal = signal;
      script.journals.push(`${id} ${unit} ${count} ${follow} ${output}`);
      yield* script.lines ?? lines();
    },
    status: async (_machine, unit) => `● ${unit}\n`,
  };
}

async function* lines(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}

// biome-ignore lint/correctness/useYield: it fails before it could
async function* failing(error: Error): AsyncGenerator<string> {
  throw error;
}
