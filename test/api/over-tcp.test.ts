import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type RequestOptions, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { ApiEvent } from "../../api/http-server.ts";
import type { TlsIdentity } from "../../api/listen.ts";
import { roleOf } from "../../api/roles.ts";
import { ApiBed } from "../support/api-bed.ts";
import { makeClient, makePki } from "../support/etcd-pki.ts";
import type { TlsPaths } from "../support/etcd-server.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";

const unit = { options: [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }] };

describe("the API over TCP", function () {
  this.timeout(30_000);
  let directory: string;
  let host: TlsIdentity;
  let operator: TlsIdentity;
  let reader: TlsIdentity;
  let bed: ApiBed;
  let url: URL;
  let told: ApiEvent[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-api-tls-"));
    host = await read(await makePki(directory));
    operator = await read(await makeClient(directory, "operator", "/CN=alice"));
    reader = await read(await makeClient(directory, "reader", "/OU=reader/CN=dashboard"));
  });
  after(() => rm(directory, { recursive: true }));

  beforeEach(async () => {
    told = [];
    bed = await ApiBed.open(new MemoryEtcd().client(), {}, { onEvent: (event) => told.push(event) });
    url = new URL(await bed.alsoOver(host));
  });
  afterEach(() => bed.close());

  async function read({ ca, certificate, key }: TlsPaths): Promise<TlsIdentity> {
    const [a, b, c] = await Promise.all([ca, certificate, key].map((path) => readFile(path)));
    if (!a || !b || !c) throw new Error("three files were read");
    return { ca: a, certificate: b, key: c };
  }

  async function ask(who: TlsIdentity | undefined, method: string, path: string, body?: object) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options: RequestOptions = {
      host: url.hostname,
      port: url.port,
      ca: host.ca,
      ...(who ? { cert: who.certificate, key: who.key } : {}),
      path,
      method,
      agent: false,
      headers:
        text === undefined ? {} : { "content-type": "application/json", "content-length": text.length },
    };
    const outgoing = request(options);
    outgoing.end(text);
    const [incoming] = await once(outgoing, "response");
    let received = "";
    for await (const chunk of incoming.setEncoding("utf8")) received += chunk;
    return { status: incoming.statusCode as number, body: received };
  }

  it("lets an operator do everything, and says who did it", async () => {
    expect((await ask(operator, "PUT", "/fleet/v1/units/a.service", unit)).status).to.equal(201);
    expect(JSON.parse((await ask(operator, "GET", "/fleet/v1/units")).body).units).to.have.length(1);
    expect(told).to.have.length(1);
    expect(told[0]).to.include({ kind: "changed", client: "alice", method: "PUT", status: 201 });
  });

  it("lets a reader look and change nothing, and tells so in each API's own form", async () => {
    await ask(operator, "PUT", "/fleet/v1/units/a.service", unit);
    for (const path of ["/fleet/v1/units", "/deis/v1/units", "/deis/v1/machines", "/metrics"])
      expect((await ask(reader, "GET", path)).status, path).to.equal(200);
    const words = "this certificate is a reader's: it may not change anything";
    expect(await ask(reader, "DELETE", "/fleet/v1/units/a.service")).to.deep.equal({
      status: 403,
      body: `{"error":{"code":403,"message":"${words}"}}`,
    });
    for (const [method, path] of [
      ["DELETE", "/deis/v1/units/a.service"],
      ["POST", "/deis/v1/units/a.service/restart"],
      ["PUT", "/deis/v1/units/b.service"],
      ["PUT", "/deis/v1/machines/m/cordon"],
    ] as const) {
      const { status, body } = await ask(reader, method, path);
      expect([status, JSON.parse(body).error.code]).to.deep.equal([403, "role-insufficient"]);
    }
    expect([...bed.mirror.tables.units.entries()]).to.have.length(1);
  });

  it("does not answer who has no certificate of the cluster", async () => {
    const failure = await ask(undefined, "GET", "/fleet/v1/units").then(
      () => undefined,
      (error: unknown) => String(error),
    );
    expect(failure).to.match(/certificate required|ECONNRESET|socket hang up|alert/i);
  });

  for (const [subject, role] of [
    [undefined, "operator"],
    [{ CN: "a" }, "operator"],
    [{ CN: "reader" }, "operator"],
    [{ OU: "reader", CN: "a" }, "reader"],
    [{ OU: ["ops", "reader"], CN: "a" }, "reader"],
    [{ OU: "readers" }, "operator"],
  ] as const) {
    it(`takes ${JSON.stringify(subject)} for ${role}`, () => {
      expect(roleOf(subject)).to.equal(role);
    });
  }
});
