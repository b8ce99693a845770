import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { expect } from "chai";
import { type AgentClient, agentClient } from "../../api/client.ts";
import type { TlsIdentity } from "../../api/listen.ts";
import type { ApiPorts, Health } from "../../api/ports.ts";
import { type ServedApi, serveApi } from "../../api/server.ts";
import { hasCode, PlatformError } from "../../cluster/errors.ts";
import type { JournalRequest } from "../../cluster/journal-request.ts";
import { eventually } from "../support/eventually.ts";

const run = promisify(execFile);

class MemoryHostLogs {
  readonly asked: JournalRequest[] = [];
  /** Followers that are being served. */
  following = 0;
  write: (text: string) => void = () => undefined;

  async journal(unit: string, wanted: JournalRequest, signal: AbortSignal): Promise<AsyncIterable<string>> {
    this.asked.push(wanted);
    if (unit !== "web@1.service") {
      throw new PlatformError("unit-not-found", `Unit "${unit}" is not on this machine`, {
        hint: "deisctl list-units",
      });
    }
    return this.#lines(wanted, signal);
  }

  async status(unit: string): Promise<string> {
    if (unit === "bad.service") throw new Error("out of luck");
    return `● ${unit} - Täst\n`;
  }

  async *#lines({ follow }: JournalRequest, signal: AbortSignal): AsyncGenerator<string> {
    if (!follow) {
      yield "one\n";
      yield "zwei ✓\n";
      return;
    }
    this.following += 1;
    try {
      while (!signal.aborted) {
        const next = await new Promise<string | undefined>((resolve) => {
          this.write = resolve;
          signal.addEventListener("abort", () => resolve(undefined), { once: true });
        });
        if (next !== undefined) yield next;
      }
    } finally {
      this.following -= 1;
    }
  }
}

describe("the agent's API", () => {
  const signal = new AbortController().signal;
  let directory: string;
  let socketPath: string;
  let logs: MemoryHostLogs;
  let health: Health;
  let ports: ApiPorts;
  let served: ServedApi[];
  let client: AgentClient;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-api-"));
    socketPath = join(directory, "agent.sock");
  });

  after(() => rm(directory, { recursive: true }));

  beforeEach(async () => {
    logs = new MemoryHostLogs();
    health = {
      ok: true,
      machine: "m",
      version: "1",
      lease: "held",
      mirror: "synced",
      runtimes: { docker: "connected" },
    };
    ports = { logs, health: () => health, metrics: () => "deis_agent_lease_held 1\n" };
    served = [await serveApi(ports, { kind: "socket", path: socketPath })];
    client = agentClient({ socketPath });
  });

  afterEach(async () => {
    for (const api of served) await api.close();
  });

  async function get(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path, agent: false }, async (answer) => {
        let body = "";
        for await (const chunk of answer) body += String(chunk);
        resolve({ status: answer.statusCode ?? 0, body });
      });
      outgoing.once("error", reject).end();
    });
  }

  const journal = async (unit: string, wanted: Partial<JournalRequest> = {}, from = client) => {
    let text = "";
    const asked = { lines: 10, follow: false, output: "short" as const, ...wanted };
    for await (const chunk of from.journal(unit, asked, signal)) text += chunk;
    return text;
  };

  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("serves a unit's journal as text", async () => {
    expect(await journal("web@1.service", { lines: 3, output: "cat" })).to.equal("one\nzwei ✓\n");
    expect(logs.asked).to.deep.equal([{ lines: 3, follow: false, output: "cat" }]);
  });

  it("serves a unit's status as text", async () => {
    expect(await client.status("web@1.service", signal)).to.equal("● web@1.service - Täst\n");
  });

  it("sends what is written while a journal is followed, and ends with the client", async () => {
    const leave = new AbortController();
    const seen: string[] = [];
    const followed = (async () => {
      const wanted = { lines: 0, follow: true, output: "short" as const };
      for await (const chunk of client.journal("web@1.service", wanted, leave.signal)) seen.push(chunk);
    })();
    await eventually(() => logs.following === 1);
    logs.write("three\n");
    await eventually(() => expect(seen).to.deep.equal(["three\n"]));
    leave.abort(new Error("enough"));
    expect(String(await failure(followed))).to.include("enough");
    await eventually(() => logs.following === 0);
  });

  it("ends followed journals when it closes", async () => {
    const followed = failure(journal("web@1.service", { follow: true }));
    await eventually(() => logs.following === 1);
    await served.pop()?.close();
    await followed;
    await eventually(() => logs.following === 0);
  });

  it("answers errors as JSON with code, message and hint, and the client throws them again", async () => {
    const { status, body } = await get("/v1/units/nope.service/journal");
    expect(status).to.equal(404);
    expect(JSON.parse(body)).to.deep.equal({
      error: {
        code: "unit-not-found",
        message: 'Unit "nope.service" is not on this machine',
        hint: "deisctl list-units",
      },
    });
    const error = await failure(journal("nope.service"));
    expect(hasCode(error, "unit-not-found") && error.hint).to.equal("deisctl list-units");
  });

  for (const [query, hint] of [
    ["lines=-1", "a whole number"],
    ["lines=ten", "a whole number"],
    ["follow=yes", "true or false"],
    ["output=pretty", "one of short"],
    ["since=yesterday", "a time such as"],
    ["lines=1&lines=2", "a whole number"],
  ] as const) {
    it(`refuses ?${query} and says what is allowed`, async () => {
      const { status, body } = await get(`/v1/units/web@1.service/journal?${query}`);
      expect(status).to.equal(400);
      expect(JSON.parse(body).error.hint).to.include(hint);
      expect(logs.asked).to.deep.equal([]);
    });
  }

  it("answers 404 for what it does not know and 500 for what it did not foresee", async () => {
    const unknown = await get("/v2/units");
    expect([unknown.status, JSON.parse(unknown.body).error.code]).to.deep.equal([404, "route-not-found"]);
    const broken = await get("/v1/units/bad.service/status");
    expect([broken.status, JSON.parse(broken.body).error.code]).to.deep.equal([500, "internal-error"]);
  });

  it("says how the agent is, with 503 when it cannot do its work", async () => {
    const well = await get("/healthz");
    expect([well.status, JSON.parse(well.body)]).to.deep.equal([200, health]);
    health = { ...health, ok: false, lease: "lost" };
    const ill = await get("/healthz");
    expect([ill.status, JSON.parse(ill.body).lease]).to.deep.equal([503, "lost"]);
  });

  it("serves what the agent counts, in Prometheus' type", async () => {
    expect(await get("/metrics")).to.deep.equal({ status: 200, body: "deis_agent_lease_held 1\n" });
  });

  it("lets only root use its socket", async () => {
    expect((await stat(socketPath)).mode & 0o777).to.equal(0o600);
  });

  it("takes the place of a socket that a killed agent left behind, but not of a living agent's", async () => {
    const error = await failure(serveApi(ports, { kind: "socket", path: socketPath }));
    expect(hasCode(error, "api-listen-failed"), String(error)).to.equal(true);
    const left = join(directory, "left.sock");
    await run(process.execPath, [
      "-e",
      `require("net").createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]).catch(() => undefined);
    expect((await stat(left)).isSocket()).to.equal(true);
    served.push(await serveApi(ports, { kind: "socket", path: left }));
    expect(await journal("web@1.service", {}, agentClient({ socketPath: left }))).to.include("one");
  });

  it("says that an agent cannot be reached, and by which command to look", async () => {
    const error = await failure(
      agentClient({ socketPath: join(directory, "none.sock") }).status("web.service", signal),
    );
    expect(hasCode(error, "agent-unreachable") && error.hint).to.include("systemctl status deis-agent");
  });

  it("does not wait for ever for an agent that does not answer", async () => {
    const silent = createServer((socket) => void socket.once("close", () => silent.close()).resume());
    const path = join(directory, "silent.sock");
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    const error = await failure(
      agentClient({ socketPath: path }, { answerTimeoutMs: 50 }).status("web.service", signal),
    );
    expect(hasCode(error, "agent-unreachable"), String(error)).to.equal(true);
    await eventually(() => !silent.listening);
  });

  describe("over TCP", () => {
    let ours: TlsIdentity;
    let strangers: TlsIdentity;
    let url: string;

    before(async function () {
      this.timeout(30_000);
      ours = await identity("ours");
      strangers = await identity("strangers");
    });

    beforeEach(async () => {
      const api = await serveApi(ports, { kind: "tcp", host: "127.0.0.1", port: 0, tls: ours });
      served.push(api);
      url = api.at;
    });

    it("serves whoever has a certificate of the cluster", async () => {
      expect(url).to.match(/^https:\/\/127\.0\.0\.1:\d+$/);
      expect(await journal("web@1.service", {}, agentClient({ url, tls: ours }))).to.equal("one\nzwei ✓\n");
    });

    it("refuses a client without a certificate", async () => {
      const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), ca: ours.ca });
      const ended = new Promise<string>((resolve) => {
        let received = "";
        socket.on("data", (chunk) => {
          received += String(chunk);
        });
        socket
          .once("error", (error) => resolve(error.message))
          .once("close", () => resolve(`closed: ${received}`));
      });
      socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
      expect(await ended).not.to.include("200 OK");
    });

    it("refuses a client with another authority's certificate", async () => {
      const tls = { ...strangers, ca: ours.ca };
      const error = await failure(agentClient({ url, tls }).status("web.service", signal));
      expect(hasCode(error, "agent-unreachable"), String(error)).to.equal(true);
      expect(logs.asked).to.deep.equal([]);
    });

    it("is not believed by a client of another cluster", async () => {
      const tls = { ...ours, ca: strangers.ca };
      const error = await failure(agentClient({ url, tls }).status("web.service", signal));
      expect(hasCode(error, "agent-unreachable"), String(error)).to.equal(true);
    });

    it("says so when its address is in use", async () => {
      const port = Number(new URL(url).port);
      const error = await failure(serveApi(ports, { kind: "tcp", host: "127.0.0.1", port, tls: ours }));
      expect(hasCode(error, "api-listen-failed") && error.message).to.include(`127.0.0.1:${port}`);
    });
  });

  /** A certificate for 127.0.0.1 and the authority that signed it. */
  async function identity(name: string): Promise<TlsIdentity> {
    const at = (file: string) => join(directory, `${name}-${file}`);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await run("openssl", [
      "req",
      "-x509",
      ...key,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      at("ca.key"),
      "-out",
      at("ca.pem"),
    ]);
    await run("openssl", [
      "req",
      ...key,
      "-subj",
      "/CN=host",
      "-keyout",
      at("host.key"),
      "-out",
      at("host.csr"),
    ]);
    await writeFile(at("ext"), "subjectAltName=IP:127.0.0.1\n");
    const signed = [
      "-CA",
      at("ca.pem"),
      "-CAkey",
      at("ca.key"),
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      at("ext"),
    ];
    await run("openssl", ["x509", "-req", "-in", at("host.csr"), ...signed, "-out", at("host.pem")]);
    const [ca, certificate, hostKey] = await Promise.all(
      ["ca.pem", "host.pem", "host.key"].map((file) => readFile(at(file))),
    );
    if (!ca || !certificate || !hostKey) throw new Error("openssl made no certificate");
    return { ca, certificate, key: hostKey };
  }
});
