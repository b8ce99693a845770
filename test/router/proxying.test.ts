/** How requests reach an app and answers come back: what Deis v1's routers did, on a real nginx. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, createServer } from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { type Backend, NginxBed, published } from "./nginx-bed.ts";

describe("the router", function () {
  this.timeout(30_000);
  let bed: NginxBed;
  let one: Backend;

  before(async () => {
    bed = await NginxBed.start();
    one = await bed.backend();
  });
  after(() => bed?.close());
  afterEach(async () => {
    expect(await bed.errorLog(), "nginx has no error of the router's own").not.to.match(
      /lua|emerg|alert|crit/,
    );
  });

  const demo = "demo.example.com";
  const seen = ({ body }: { readonly body: string }) =>
    JSON.parse(body) as {
      readonly port: number;
      readonly method: string;
      readonly url: string;
      readonly headers: Record<string, string>;
    };

  /** Sends raw bytes and resolves to all that comes back until the other side closes or `enough` is there. */
  const exchange = async (port: number, bytes: string, enough?: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    let said = "";
    socket.on("data", (text) => {
      said += String(text);
    });
    let closed = false;
    socket.on("error", () => undefined);
    socket.on("close", () => {
      closed = true;
    });
    await once(socket, "connect");
    socket.write(bytes);
    await eventually(() => closed || (enough !== undefined && said.includes(enough)));
    socket.destroy();
    return said;
  };

  describe("gives the app", () => {
    it("the headers of Deis v1: who asked, by which scheme and port, and the host", async () => {
      await bed.replace(published("demo", one));
      const { headers, url } = seen(
        await bed.ask("Demo.Example.com:8080", {
          path: "/a%2Fb?c",
          headers: { "x-forwarded-for": "6.6.6.6", accept: "x/y" },
        }),
      );
      expect(url).to.equal("/a%2Fb?c");
      expect(headers).to.deep.equal({
        host: demo,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": "80",
        "x-forwarded-proto": "http",
        "x-forwarded-ssl": "off",
        accept: "x/y",
      });
    });

    it("the scheme that a load balancer has spoken, which is the last of a list", async () => {
      await bed.replace(published("demo", one));
      for (const [given, proto, port, ssl] of [
        ["https", "https", "443", "on"],
        ["http, https", "https", "443", "on"],
        ["https,http", "http", "80", "off"],
        ["gopher", "http", "80", "off"],
      ] as const) {
        const { headers } = seen(await bed.ask(demo, { headers: { "x-forwarded-proto": given } }));
        expect(headers, given).to.include({
          "x-forwarded-proto": proto,
          "x-forwarded-port": port,
          "x-forwarded-ssl": ssl,
        });
      }
    });

    it("the address that a trusted load balancer names, and only by one that is trusted", async () => {
      await bed.replace({ ...published("demo", one), "/deis/router/proxyRealIpCidr": "127.0.0.2" });
      const from = async (address: string) =>
        seen(await bed.ask(demo, { from: address, headers: { "x-forwarded-for": "1.2.3.4, 5.6.7.8" } }))
          .headers["x-forwarded-for"];
      expect(await from("127.0.0.2")).to.equal("5.6.7.8");
      expect(await from("127.0.0.3")).to.equal("127.0.0.3");
    });

    it("the address that the PROXY protocol names; the status port never speaks it", async () => {
      await bed.replace({
        ...published("demo", one),
        "/deis/router/proxyProtocol": "1",
        "/deis/router/proxyRealIpCidr": "127.0.0.0/8",
      });
      const said = await exchange(
        bed.ports.http,
        `PROXY TCP4 9.8.7.6 127.0.0.1 1234 80\r\nGET / HTTP/1.1\r\nHost: ${demo}\r\nConnection: close\r\n\r\n`,
      );
      expect(said)
        .to.match(/^HTTP\/1.1 200/)
        .and.include('"x-forwarded-for":"9.8.7.6"');
      expect((await bed.ask("x", { path: "/health-check", port: bed.ports.status })).status).to.equal(200);
      await bed.set({ "/deis/router/proxyProtocol": "false" });
      expect((await bed.ask(demo)).status).to.equal(200);
    });
  });

  it("keeps connections to endpoints, and has one socket do for many requests", async () => {
    const sockets = new Set<Socket>();
    const counting = await bed.backend((question, answer) => {
      sockets.add(question.socket);
      answer.end("ok");
    });
    await bed.replace({ ...published("demo", counting), "/deis/router/workerProcesses": "1" });
    for (let at = 0; at < 20; at += 1) expect((await bed.ask(demo)).status).to.equal(200);
    // One of each worker that took part: those of before the reload may still have taken the first requests.
    expect(sockets.size).to.be.at.most(4);
    await counting.close();
  });

  it("lets both sides speak after an upgrade", async () => {
    const server = createServer();
    server.on("upgrade", (question, socket: Socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${question.headers.upgrade}\r\nConnection: Upgrade\r\n\r\n`,
      );
      socket.on("data", (text) => socket.write(`echo ${String(text)}`));
      socket.on("error", () => undefined);
    });
    const port = await listen(server);
    await bed.replace({ "/deis/services/demo/u": `127.0.0.1:${port}` });
    const socket = connect(bed.ports.http, "127.0.0.1");
    let said = "";
    socket.on("data", (text) => {
      said += String(text);
    });
    await once(socket, "connect");
    socket.write(`GET /chat HTTP/1.1\r\nHost: ${demo}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`);
    await eventually(() => said.includes("101 Switching"));
    socket.write("hello");
    await eventually(() => said.includes("echo hello"));
    socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  describe("a request that would like to upgrade", () => {
    const wish = { connection: "Upgrade", upgrade: "h2c" };

    it("is answered as any other by an app that does not", async () => {
      await bed.replace(published("demo", one));
      const { headers } = seen(await bed.ask(demo, { headers: { ...wish, "x-forwarded-proto": "https" } }));
      expect(headers).to.include({
        ...wish,
        connection: "upgrade",
        host: demo,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
        "x-forwarded-ssl": "on",
      });
    });

    it("has no body beyond the app's limit, however its length is told", async () => {
      await bed.replace({ ...published("demo", one), "/deis/router/bodySize": "1k" });
      for (const [bytes, headers, status] of [
        [1_024, wish, 200],
        [1_025, wish, 413],
        [1_025, { ...wish, upgrade: "e-9" }, 413],
        [1_024, { ...wish, "transfer-encoding": "chunked" }, 200],
        [1_025, { ...wish, "transfer-encoding": "chunked" }, 413],
      ] as const) {
        const answer = await bed.ask(demo, { method: "POST", body: Buffer.alloc(bytes), headers });
        expect(answer.status, `${bytes} bytes, ${JSON.stringify(headers)}`).to.equal(status);
      }
    });
  });

  it("goes on with a client's connection that has had thousands of requests", async () => {
    await bed.replace(published("demo", one));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    agent.on("free", (socket: Socket) => ports.add(socket.localPort));
    for (let at = 0; at < 2_500; at += 1) expect((await bed.ask(demo, { agent })).status).to.equal(200);
    expect(ports.size).to.equal(1);
    agent.destroy();
  });

  describe("when an endpoint fails", () => {
    it("tries another one, for refused connections and for 502, 503 and 504", async () => {
      const refusing = await bed.backend();
      await refusing.close();
      for (const status of [0, 502, 503, 504]) {
        const failing = await bed.backend((_, answer) => void answer.writeHead(status || 200).end());
        if (status === 0) await failing.close();
        await bed.replace(published("demo", failing, one));
        for (let at = 0; at < 8; at += 1) expect((await bed.ask(demo)).status, `${status}`).to.equal(200);
        await failing.close();
      }
    });

    it("lets it rest, so that few requests meet it twice", async () => {
      const failing = await bed.backend((_, answer) => void answer.writeHead(503).end());
      await bed.replace({ ...published("demo", failing, one), "/deis/router/workerProcesses": "1" });
      for (let at = 0; at < 20; at += 1) expect((await bed.ask(demo)).status).to.equal(200);
      // Once by each worker that took part: those of before the reload may still have taken the first requests.
      expect(failing.asked()).to.be.at.most(4);
      await failing.close();
    });

    it("does not repeat a POST that was sent, but one that could not be", async () => {
      const dying = await bed.backend((question) => question.socket.destroy());
      const other = await bed.backend();
      await bed.replace(published("demo", dying, other));
      const statuses: number[] = [];
      for (let at = 0; at < 4; at += 1)
        statuses.push((await bed.ask(demo, { method: "POST", body: "x" })).status);
      expect(statuses).to.include(502);
      expect(dying.asked() + other.asked()).to.equal(4);
      await dying.close();
      await bed.replace(published("demo", dying, other));
      for (let at = 0; at < 6; at += 1)
        expect((await bed.ask(demo, { method: "POST", body: "x" })).status).to.equal(200);
    });

    it("answers 502 with a page when all have failed, and 200 again once one is back", async () => {
      const gone = await bed.backend();
      const also = await bed.backend();
      await Promise.all([gone.close(), also.close()]);
      await bed.replace(published("demo", gone, also));
      const { status, body } = await bed.ask(demo);
      expect(status).to.equal(502);
      expect(body).to.include("Bad gateway");
      await bed.set(published("demo", gone, one));
      expect((await bed.ask(demo)).status).to.equal(200);
    });
  });

  it("passes on an app's own errors as they are", async () => {
    const teapot = await bed.backend(
      (question, answer) => void answer.writeHead(Number(question.url?.slice(1))).end("mine"),
    );
    await bed.replace(published("demo", teapot));
    for (const status of [400, 404, 413, 418, 500, 502, 503]) {
      const answer = await bed.ask(demo, { path: `/${status}` });
      expect([answer.status, answer.body]).to.deep.equal([status, "mine"]);
    }
    await teapot.close();
  });

  it("refuses what is no request", async () => {
    for (const bytes of [
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "\x16\x03\x01\r\n\r\n",
    ]) {
      expect(await exchange(bed.ports.http, bytes), bytes).to.match(/^HTTP\/1.1 400 /);
    }
  });

  it("sends an answer on while it is made, and compresses what is worth it", async () => {
    const text = "deis ".repeat(1_000);
    const writing = await bed.backend((question, answer) => {
      if (question.url === "/gz") {
        answer.setHeader("content-encoding", "gzip");
        return void answer.end(gzipSync(text));
      }
      answer.setHeader("content-type", question.url === "/stream" ? "text/event-stream" : "text/plain");
      if (question.url === "/stream") return void answer.write("first\n");
      answer.end(text);
    });
    await bed.replace(published("demo", writing));
    const said = await exchange(bed.ports.http, `GET /stream HTTP/1.1\r\nHost: ${demo}\r\n\r\n`, "first");
    expect(said).to.include("first");
    const encoding = async (path: string, headers: Readonly<Record<string, string>>) =>
      (await bed.ask(demo, { path, headers })).headers["content-encoding"];
    expect(await encoding("/", { "accept-encoding": "gzip" })).to.equal("gzip");
    expect(await encoding("/", {})).to.equal(undefined);
    await bed.set({ "/deis/router/gzip": "off" });
    // Workers of before the reload may take a request yet.
    await eventually(async () => (await encoding("/", { "accept-encoding": "gzip" })) === undefined);
    await writing.close();
  });

  it("hands what comes for the builder to it, and does not listen while there is none", async () => {
    const builder = createTcpServer((socket) => socket.end("SSH-2.0-builder\r\n"));
    const port = await listen(builder);
    await bed.replace({ "/deis/builder/host": "127.0.0.1", "/deis/builder/port": String(port) });
    expect(await exchange(bed.ports.builder, "")).to.equal("SSH-2.0-builder\r\n");
    const conf = await readFile(bed.path("state/nginx.conf"), "utf8");
    expect(conf).to.include("proxy_connect_timeout 10000ms;").and.include("proxy_timeout 1200000ms;");
    await bed.set({ "/deis/builder/host": undefined });
    expect(await readFile(bed.path("state/nginx.conf"), "utf8")).not.to.include("stream {");
    await bed.set({ "/deis/builder/host": "banana; evil" });
    expect((await bed.state()).problems.structure).to.deep.equal([
      { key: "/deis/builder/host", message: 'is "banana; evil", not the address of the builder' },
    ]);
    builder.close();
  });

  it("writes Deis v1's line for each request", async () => {
    await bed.replace({ ...published("demo", one), "/deis/domains/www.shop.org": "demo" });
    await bed.ask(demo, { path: "/first?x=1", headers: { referer: "http://r/", "user-agent": 'agent "x"' } });
    await bed.ask("www.shop.org", { path: "/second" });
    await bed.ask("nobody.example.com", { path: "/third" });
    const lines = await eventually(async () => {
      const log = await bed.accessLog();
      // Each worker writes its own lines together, so the order is not that of the requests.
      const found = ["/first", "/second", "/third"].map(
        (path) => log.find((line) => line.includes(path)) ?? "",
      );
      expect(found).not.to.include("");
      return found;
    });
    const time = "\\[\\d\\d/\\w{3}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\]";
    const took = "\\d+\\.\\d{3}";
    expect(lines[0]).to.match(
      new RegExp(
        `^${time} - 127\\.0\\.0\\.1 - - - 200 - "GET /first\\?x=1 HTTP/1\\.1" - \\d+ - "http://r/" - "agent \\\\x22x\\\\x22" - "~\\^demo\\\\x5C\\.\\(\\?<domain>\\.\\+\\)\\$" - ${one.address} - demo\\.example\\.com - ${took} - ${took}$`,
      ),
    );
    expect(lines[1]).to.include(`"www.shop.org" - ${one.address} - www.shop.org - `);
    expect(lines[2]).to.match(
      / - 404 - "GET \/third HTTP\/1\.1" - \d+ - "-" - "-" - "" - - - nobody\.example\.com - - - \d/,
    );
  });

  it("counts what each app was asked and how it answered, for people and for Prometheus", async () => {
    const slow = await bed.backend((_, answer) => void setTimeout(() => answer.writeHead(500).end("x"), 60));
    await bed.replace({
      ...published("counted", one),
      ...published("slow", slow),
      "/deis/cluster/apps/quiet": "",
    });
    for (let at = 0; at < 3; at += 1) await bed.ask("counted.example.com");
    await bed.ask("slow.example.com");
    await bed.ask("quiet.example.com");
    const stats = await eventually(async () => {
      const all = JSON.parse((await bed.control("GET", "/stats")).body);
      return all.apps.counted?.requests === 3 && all.apps.slow && all.apps.quiet && all;
    });
    expect(stats.apps.counted.responses).to.deep.equal({ "1xx": 0, "2xx": 3, "3xx": 0, "4xx": 0, "5xx": 0 });
    expect(stats.apps.counted.bytesSent).to.be.greaterThan(300);
    expect(stats.apps.slow.statuses).to.deep.equal({ "500": 1 });
    expect(stats.apps.slow.latencyMs.p50).to.be.within(50, 100);
    expect(stats.apps.quiet.statuses).to.deep.equal({ "503": 1 });
    expect(stats.unknownHosts.requests).to.be.greaterThan(0);
    const metrics = (await bed.ask("any", { path: "/metrics", port: bed.ports.status })).body;
    expect(metrics).to.include('deis_router_requests_total{app="counted",code="200"} 3\n');
    expect(metrics).to.include('deis_router_request_duration_seconds_bucket{app="slow",le="0.05"} 0\n');
    expect(metrics).to.include('deis_router_request_duration_seconds_bucket{app="slow",le="+Inf"} 1\n');
    await slow.close();
  });

  it("shows its figures to whoever asks, where that is switched on", async () => {
    await bed.replace({});
    expect((await bed.ask("10.1.2.3", { path: "/router-nginx-status" })).status).to.equal(404);
    await bed.set({ "/deis/router/enableNginxStatus": "true" });
    const { status, body } = await bed.ask("10.1.2.3", { path: "/router-nginx-status" });
    expect(status).to.equal(200);
    expect(JSON.parse(body)).to.have.keys("apps", "connections", "unknownHosts");
  });
});

async function listen(server: {
  listen(port: number, host: string): unknown;
  address(): unknown;
}): Promise<number> {
  server.listen(0, "127.0.0.1");
  await eventually(() => server.address() !== null);
  return (server.address() as { port: number }).port;
}
