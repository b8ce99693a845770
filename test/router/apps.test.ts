/** What can be set for each app, and for all of them, while nginx runs. None of it costs a reload. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Backend, NginxBed, published } from "./nginx-bed.ts";

describe("a setting of an app", function () {
  this.timeout(30_000);
  let bed: NginxBed;
  let one: Backend;
  let two: Backend;
  let three: Backend;
  let structure: string;

  before(async () => {
    bed = await NginxBed.start();
    [one, two, three] = await Promise.all([bed.backend(), bed.backend(), bed.backend()]);
    structure = (await bed.state()).structure;
  });
  after(() => bed?.close());
  afterEach(async () => {
    expect((await bed.state()).structure, "no reload").to.equal(structure);
  });

  const demo = "demo.example.com";
  const setting = (name: string) => `/deis/router/apps/demo/${name}`;
  const ask = (options: Parameters<NginxBed["ask"]>[1] = {}, host = demo) => bed.ask(host, options);
  const problems = async () => (await bed.state()).problems.routes;
  const portOf = ({ status, body }: Answer) =>
    status === 200 ? (JSON.parse(body) as { port: number }).port : status;

  /** How many of `count` requests each port got. */
  const spread = async (count: number, path = (_at: number) => "/") => {
    const counts = new Map<number, number>();
    for (let at = 0; at < count; at += 1) {
      const port = portOf(await ask({ path: path(at) }));
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
    return counts;
  };

  /** Sends a body in chunks, without saying how long it is. */
  const sendChunked = async (host: string, bytes: number): Promise<number> => {
    const socket = connect(bed.ports.http, "127.0.0.1");
    socket.on("error", () => undefined);
    let said = "";
    socket.on("data", (text) => {
      said += String(text);
    });
    await once(socket, "connect");
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = Buffer.alloc(16_384, "x");
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, bytes - sent));
      socket.write(`${part.length.toString(16)}\r\n`);
      socket.write(part);
      socket.write("\r\n");
    }
    socket.write("0\r\n\r\n");
    await eventually(() => said.includes("\r\n\r\n"));
    socket.destroy();
    return Number(said.split(" ")[1]);
  };

  describe("bodySize", () => {
    it("is 1m where nothing is set, as in Deis v1", async () => {
      await bed.replace(published("demo", one));
      expect((await ask({ method: "POST", body: Buffer.alloc(1_048_576) })).status).to.equal(200);
      const refused = await ask({ method: "POST", body: Buffer.alloc(1_048_577) });
      expect(refused.status).to.equal(413);
      expect(refused.body).to.include("Request too large");
    });

    it("of the app wins over the platform's, and 0 is without end", async () => {
      await bed.replace({
        ...published("demo", one),
        ...published("other", two),
        ...published("open", three),
        "/deis/router/bodySize": "2k",
        [setting("bodySize")]: "1k",
        "/deis/router/apps/open/bodySize": "0",
      });
      const send = async (host: string, bytes: number) =>
        (await ask({ method: "PUT", body: Buffer.alloc(bytes) }, host)).status;
      expect(await send(demo, 1_024)).to.equal(200);
      expect(await send(demo, 1_025)).to.equal(413);
      expect(await send("other.example.com", 2_048)).to.equal(200);
      expect(await send("other.example.com", 2_049)).to.equal(413);
      expect(await send("open.example.com", 3_000_000)).to.equal(200);
    });

    it("holds to the byte for a body of unannounced length too", async () => {
      await bed.replace({ ...published("demo", one), [setting("bodySize")]: "40k" });
      expect(await sendChunked(demo, 40_960)).to.equal(200);
      expect(await sendChunked(demo, 40_961)).to.equal(413);
      expect(await sendChunked(demo, 2_000_000)).to.equal(413);
      await bed.set({ [setting("bodySize")]: "3m" });
      expect(await sendChunked(demo, 3_145_728)).to.equal(200);
      expect(await sendChunked(demo, 3_145_729)).to.equal(413);
    });

    it("holds over HTTP/2, where a body of any method may come unannounced", async () => {
      await bed.replace({ ...published("demo", one), [setting("bodySize")]: "1k" });
      const session = connectHttp2(`https://127.0.0.1:${bed.ports.https}`, {
        rejectUnauthorized: false,
        servername: demo,
      });
      const send = async (method: string, bytes: number, headers = {}) => {
        const stream = session.request(
          { ":method": method, ":authority": demo, ...headers },
          { endStream: false },
        );
        stream.resume().end(Buffer.alloc(bytes));
        const [answer] = (await once(stream, "response")) as [Record<string, unknown>];
        return answer[":status"];
      };
      for (const method of ["GET", "HEAD", "DELETE", "POST"]) {
        expect(await send(method, 0), method).to.equal(200);
        expect(await send(method, 1_024), method).to.equal(200);
        expect(await send(method, 1_025), method).to.equal(413);
      }
      expect(await send("POST", 1_024, { "content-length": "1024" })).to.equal(200);
      expect(await send("POST", 1_025, { "content-length": "1025" })).to.equal(413);
      session.destroy();
    });

    it("that is none is reported, and the platform's holds", async () => {
      await bed.replace({ ...published("demo", one), [setting("bodySize")]: "banana" });
      expect((await ask({ method: "POST", body: Buffer.alloc(1_048_577) })).status).to.equal(413);
      expect(await problems()).to.deep.equal([
        { key: setting("bodySize"), message: 'is "banana", not a size such as 50m' },
      ]);
    });
  });

  it("timeout/read bounds the wait for an answer", async () => {
    const silent = await bed.backend(() => undefined);
    await bed.replace({ ...published("demo", silent), [setting("timeout/read")]: "100ms" });
    const began = performance.now();
    const answer = await ask();
    expect(answer.status).to.equal(504);
    expect(answer.body).to.include("Gateway timeout");
    expect(performance.now() - began).to.be.lessThan(3_000);
    await silent.close();
  });

  it("maintenance answers 503 with a page, at once and until it is taken back", async () => {
    await bed.replace({
      ...published("demo", one),
      ...published("other", two),
      [setting("maintenance")]: "true",
    });
    const down = await ask();
    expect(down.status).to.equal(503);
    expect(down.headers["content-type"]).to.equal("text/html; charset=utf-8");
    expect(down.body).to.include("down for maintenance");
    expect((await ask({}, "other.example.com")).status).to.equal(200);
    await bed.set({ [setting("maintenance")]: "false" });
    expect((await ask()).status).to.equal(200);
  });

  it("errorPages shows the app's own page, else the platform's, else the built-in one", async () => {
    await bed.replace({
      "/deis/cluster/apps/demo": "{}",
      "/deis/cluster/apps/other": "{}",
      "/deis/router/errorPages/404": "<h1>nobody here</h1>",
      "/deis/router/errorPages/503": "<h1>platform's page</h1>",
      [setting("errorPages/503")]: '<h1>demo\'s page "quoted"\nin two lines</h1>',
      [setting("errorPages/teapot")]: "x",
    });
    expect((await ask()).body).to.equal('<h1>demo\'s page "quoted"\nin two lines</h1>');
    expect((await ask({}, "other.example.com")).body).to.equal("<h1>platform's page</h1>");
    const unknown = await ask({}, "nobody.example.com");
    expect([unknown.status, unknown.body]).to.deep.equal([404, "<h1>nobody here</h1>"]);
    expect((await problems()).map(({ key }) => key)).to.deep.equal([setting("errorPages/teapot")]);
    const gone = await bed.backend();
    await gone.close();
    await bed.set({ ...published("demo", gone), [setting("errorPages/502")]: "<h1>demo is gone</h1>" });
    const failed = await ask();
    expect([failed.status, failed.body]).to.deep.equal([502, "<h1>demo is gone</h1>"]);
  });

  describe("whitelist", () => {
    it("lets in the networks that it lists and nobody else, labels left aside", async () => {
      await bed.replace({
        ...published("demo", one),
        [setting("whitelist")]: "10.0.0.0/8:office, 127.0.0.2:me",
      });
      expect((await ask({ from: "127.0.0.2" })).status).to.equal(200);
      expect((await ask({ from: "127.0.0.3" })).status).to.equal(403);
      await bed.set({ [setting("whitelist")]: "127.0.0.0/30" });
      expect((await ask({ from: "127.0.0.3" })).status).to.equal(200);
      expect((await ask({ from: "127.0.0.4" })).status).to.equal(403);
    });

    it("is taken from the app's configuration, where Deis v1 has it", async () => {
      await bed.replace({ ...published("demo", one), "/deis/config/demo/deis_whitelist": "127.0.0.2" });
      expect((await ask()).status).to.equal(403);
      expect((await ask({ from: "127.0.0.2" })).status).to.equal(200);
    });

    it("with an entry that is none goes by the others and reports it", async () => {
      await bed.replace({
        ...published("demo", one),
        [setting("whitelist")]: "127.0.0.1,300.1.1.1,::1/64,fe80::1:lab",
      });
      expect((await ask()).status).to.equal(200);
      expect((await problems()).map(({ message }) => message)).to.deep.equal([
        'is "300.1.1.1", not an address or network such as 10.1.0.0/16',
      ]);
    });

    it("is closed for all where enforceWhitelist is true and none is set; the controller has its own", async () => {
      await bed.replace({
        ...published("demo", one),
        "/deis/controller/host": "127.0.0.1",
        "/deis/controller/port": String(two.port),
        "/deis/router/enforceWhitelist": "true",
      });
      expect((await ask()).status).to.equal(403);
      expect((await ask({}, "deis.example.com")).status).to.equal(403);
      await bed.set({
        "/deis/router/controller/whitelist": "127.0.0.1",
        [setting("whitelist")]: "127.0.0.1",
      });
      expect((await ask()).status).to.equal(200);
      expect((await ask({}, "deis.example.com")).status).to.equal(200);
    });
  });

  describe("HTTPS", () => {
    it("is enforced by a redirect to the same address, unless a load balancer has spoken it", async () => {
      await bed.replace({
        ...published("demo", one),
        ...published("other", two),
        [setting("enforceHTTPS")]: "true",
      });
      const moved = await ask({ path: "/a%20b?c=d" });
      expect([moved.status, moved.headers.location]).to.deep.equal([
        301,
        "https://demo.example.com/a%20b?c=d",
      ]);
      expect((await ask({ headers: { "x-forwarded-proto": "http, https" } })).status).to.equal(200);
      expect((await ask({ headers: { "x-forwarded-proto": "https, http" } })).status).to.equal(301);
      expect((await ask({ tls: true })).status).to.equal(200);
      expect((await ask({}, "other.example.com")).status).to.equal(200);
      await bed.set({ [setting("enforceHTTPS")]: undefined, "/deis/router/enforceHTTPS": "true" });
      expect((await ask({}, "other.example.com")).status).to.equal(301);
      await bed.set({ [setting("enforceHTTPS")]: "false" });
      expect((await ask()).status).to.equal(200);
    });

    it("is asked for by HSTS, whose header stands on answers over HTTPS only", async () => {
      await bed.replace({ ...published("demo", one), "/deis/router/hsts/enabled": "true" });
      const plain = await ask();
      expect([plain.status, plain.headers["strict-transport-security"]]).to.deep.equal([301, undefined]);
      const secure = await ask({ tls: true });
      expect([secure.status, secure.headers["strict-transport-security"]]).to.deep.equal([
        200,
        "max-age=10886400",
      ]);
      await bed.set({
        [setting("hsts/maxAge")]: "60",
        [setting("hsts/includeSubDomains")]: "true",
        [setting("hsts/preload")]: "true",
      });
      expect((await ask({ tls: true })).headers["strict-transport-security"]).to.equal(
        "max-age=60; includeSubDomains; preload",
      );
    });

    it("has HSTS on every answer, whoever gives it and however the request came", async () => {
      await bed.replace({ ...published("demo", one), [setting("hsts/enabled")]: "true" });
      const policy = "max-age=10886400";
      const secure = { "x-forwarded-proto": "https" };
      for (const [title, request, status] of [
        ["by a load balancer", { headers: secure }, 200],
        ["with a body", { tls: true, method: "POST", body: "x" }, 200],
        [
          "with a body of unannounced length",
          { tls: true, method: "POST", body: "x", headers: { "transfer-encoding": "chunked" } },
          200,
        ],
        ["with too large a body", { tls: true, method: "POST", body: Buffer.alloc(1_048_577) }, 413],
        ["with the wish to upgrade", { headers: { ...secure, upgrade: "h2c", connection: "upgrade" } }, 200],
      ] as const) {
        const answer = await ask(request);
        expect([answer.status, answer.headers["strict-transport-security"]], title).to.deep.equal([
          status,
          policy,
        ]);
      }
      await bed.set({ [setting("maintenance")]: "true" });
      const away = await ask({ tls: true });
      expect([away.status, away.headers["strict-transport-security"]]).to.deep.equal([503, policy]);
    });
  });

  it("affinityArg sends the same argument to the same endpoint, whoever else goes, and spreads those without", async () => {
    await bed.replace({ ...published("demo", one, two, three), "/deis/router/affinityArg": "session" });
    const path = (at: number) => `/?session=user-${at}`;
    const first = new Map<number, number>();
    for (let at = 0; at < 60; at += 1) first.set(at, portOf(await ask({ path: path(at) })));
    expect(new Set(first.values()).size).to.equal(3);
    await bed.set({ "/deis/services/demo/demo_v2.web.3": undefined });
    for (const [at, port] of first) {
      const now = portOf(await ask({ path: path(at) }));
      if (port !== three.port) expect(now).to.equal(port);
      else expect([one.port, two.port]).to.include(now);
    }
    expect((await spread(8)).size).to.equal(2);
  });

  describe("weights", () => {
    it("share requests out exactly, by unit or by version, and 0 is none", async () => {
      await bed.replace({
        ...published("demo", one, two),
        "/deis/services/demo/demo_v3.web.1": three.address,
        [setting("weights/v3")]: "1",
        [setting("weights/v2")]: "4",
      });
      // Each worker counts for itself, so the shares are exact but for a round of each.
      const shares = await spread(180);
      expect(shares.get(three.port)).to.be.within(16, 24);
      expect(shares.get(one.port)).to.be.within(72, 88);
      await bed.set({ [setting("weights/v3")]: "0", [setting("weights/demo_v2.web.2")]: "0" });
      expect([...(await spread(10)).keys()]).to.deep.equal([one.port]);
      await bed.set({ [setting("weights/v2")]: "0" });
      expect((await ask()).status).to.equal(503);
      await bed.set({ [setting("weights/v2")]: "-1", [setting("weights/v3")]: "0" });
      expect((await problems()).map(({ key }) => key)).to.deep.equal([setting("weights/v2")]);
      expect((await ask()).status).to.equal(200);
    });
  });

  it("that nobody knows is reported, and harms nothing", async () => {
    await bed.replace({ ...published("demo", one), [setting("bodysize")]: "5m" });
    expect(await problems()).to.deep.equal([
      { key: setting("bodysize"), message: "is no setting of an app" },
    ]);
    expect((await ask()).status).to.equal(200);
  });

  it("that asks for Deis v1's firewall is reported: there is none", async () => {
    await bed.replace({ ...published("demo", one), "/deis/router/firewall/enabled": "true" });
    expect((await problems()).map(({ message }) => message)).to.deep.equal([
      "is on, but there is no firewall: Debian's nginx has no naxsi",
    ]);
    expect((await ask()).status).to.equal(200);
  });

  it("of the controller: long timeouts of its own and the platform's body size; of the store: bodies without end", async () => {
    const silent = await bed.backend(() => undefined);
    await bed.replace({
      "/deis/controller/host": "127.0.0.1",
      "/deis/controller/port": String(silent.port),
      "/deis/store/gateway/host": "127.0.0.1",
      "/deis/store/gateway/port": String(two.port),
      "/deis/router/controller/timeout/read": "100ms",
      "/deis/router/bodySize": "1k",
    });
    expect((await ask({}, "deis.example.com")).status).to.equal(504);
    expect((await ask({ method: "POST", body: Buffer.alloc(1_025) }, "deis.example.com")).status).to.equal(
      413,
    );
    expect(
      (await ask({ method: "PUT", body: Buffer.alloc(100_000) }, "deis-store.example.com")).status,
    ).to.equal(200);
    await silent.close();
  });
});
