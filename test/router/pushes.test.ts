/** What is pushed at run time: whole or not at all, at once, and with what is under way accounted for. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Backend, NginxBed, published } from "./nginx-bed.ts";

describe("a push", function () {
  this.timeout(30_000);
  let bed: NginxBed;
  let one: Backend;
  let two: Backend;

  before(async () => {
    bed = await NginxBed.start({ "/deis/router/workerProcesses": "4" });
    [one, two] = await Promise.all([bed.backend(), bed.backend()]);
  });
  after(() => bed?.close());

  const digest = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
  const table = (keys: Readonly<Record<string, string>>) => JSON.stringify(keys);
  const portOf = ({ status, body }: Answer) =>
    status === 200 ? (JSON.parse(body) as { port: number }).port : status;
  const demo = "demo.example.com";

  it("is answered with the digest of its very bytes, and asked for it nginx says the same", async () => {
    const body = ` ${table({ "/deis/services/demo/u": one.address, "/deis/domains/ü.example": "demo" })}\n`;
    const answer = await bed.push("routes", body);
    expect([answer.status, JSON.parse(answer.body).digest]).to.deep.equal([200, digest(body)]);
    expect(await bed.state()).to.include({ routes: digest(body), workers: 4 });
    expect((await bed.state()).structure).to.equal(digest(await readFile(bed.path("state/nginx.conf"))));
  });

  it("is in force in every worker once it was answered, a hundred times over", async () => {
    const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    try {
      for (let at = 0; at < 100; at += 1) {
        const backend = at % 2 === 0 ? one : two;
        const pushed = await bed.push(
          "routes",
          table({ "/deis/services/demo/u": backend.address, [`/n/${at}`]: "" }),
        );
        expect(pushed.status).to.equal(200);
        const answers = await Promise.all(agents.map((agent) => bed.ask(demo, { agent })));
        expect(new Set(answers.map(portOf)), `push ${at}`).to.deep.equal(new Set([backend.port]));
      }
    } finally {
      for (const agent of agents) agent.destroy();
    }
  });

  it("that is malformed or too large is refused and leaves the table as it was", async () => {
    const good = table({ "/deis/services/demo/u": one.address });
    await bed.push("routes", good);
    for (const body of [
      "",
      "{",
      "[]",
      '"x"',
      '{"/deis/services/demo/u": ',
      '{"a":{}} trailing',
      '{"/deis/domains/x": 5}',
    ]) {
      const { status } = await bed.push("routes", body);
      expect(status, body).to.equal(400);
    }
    const flood = await bed.push(
      "routes",
      table({ "/deis/router/errorPages/404": "x".repeat(50 * 2 ** 20) }),
    );
    expect(flood.status).to.equal(200);
    const second = await bed.push(
      "routes",
      table({ "/deis/router/errorPages/404": "y".repeat(50 * 2 ** 20) }),
    );
    expect([second.status, JSON.parse(second.body).error]).to.deep.equal([
      413,
      "No room for 52428834 bytes beside the table in use: no memory",
    ]);
    expect((await bed.push("routes", good)).status).to.equal(200);
    expect(portOf(await bed.ask(demo))).to.equal(one.port);
    expect((await bed.state()).routes).to.equal(digest(good));
  });

  it("reads what Go's templates write for bytes that JSON has no escape for", async () => {
    const body = `{"/deis/services/demo/u": "${one.address}", "/deis/domains/bad\\x00\\a\\v\\U0001f600\\\\x41": "demo"}`;
    expect((await bed.push("routes", body)).status).to.equal(200);
    expect(portOf(await bed.ask(demo))).to.equal(one.port);
  });

  it("with endpoints that are none leaves those out, names each, and serves the others", async () => {
    const wrong = [
      "10.1.2.3:",
      "10.1.2.3",
      ":80",
      "10.1.2.3:0",
      "10.1.2.3:70000",
      "some.host:80",
      "1.2.3.4.5:80",
      "::1:80",
    ];
    await bed.replace({
      ...published("other", two),
      ...Object.fromEntries(wrong.map((value, at) => [`/deis/services/demo/unit${at}`, value])),
      "/deis/services/demo/good": one.address,
    });
    expect(portOf(await bed.ask(demo))).to.equal(one.port);
    expect(portOf(await bed.ask("other.example.com"))).to.equal(two.port);
    const { routes } = (await bed.state()).problems;
    expect(routes.map(({ key }) => key)).to.deep.equal(wrong.map((_, at) => `/deis/services/demo/unit${at}`));
    expect(routes[0]?.message).to.equal('is "10.1.2.3:", not an IP address and port such as 10.0.0.1:8080');
    await bed.set({ "/deis/services/demo/good": undefined });
    expect((await bed.ask(demo)).status).to.equal(503);
  });

  it("tells of requests that are under way on an endpoint it removed until they have ended, over a reload too", async () => {
    const held: (() => void)[] = [];
    const slow = await bed.backend((_, answer) => {
      held.push(() => answer.end("done"));
    });
    await bed.replace(published("demo", slow, one));
    const answers = Array.from({ length: 6 }, () => bed.ask(demo));
    await eventually(() => held.length === 3);
    expect((await bed.state()).draining).to.deep.equal([]);

    await bed.replace(published("demo", one));
    expect((await bed.state()).draining).to.deep.equal([{ endpoint: slow.address, inFlight: 3 }]);
    for (let at = 0; at < 10; at += 1) expect(portOf(await bed.ask(demo))).to.equal(one.port);
    await bed.set({ "/deis/router/serverTokens": "off" });
    held[0]?.();
    await eventually(async () => (await bed.state()).draining[0]?.inFlight === 2);
    held[1]?.();
    held[2]?.();
    await eventually(async () => (await bed.state()).draining.length === 0);
    expect((await Promise.all(answers)).map(({ status }) => status)).to.deep.equal([
      200, 200, 200, 200, 200, 200,
    ]);
    await slow.close();
  });

  it("counts a request that failed, with its page shown, as ended", async () => {
    const gone = await bed.backend((question) => question.socket.destroy());
    await bed.replace(published("demo", gone));
    expect((await bed.ask(demo)).status).to.equal(502);
    const leaving = new AbortController();
    const silent = await bed.backend(() => leaving.abort());
    await bed.replace(published("demo", silent));
    await bed.ask(demo, { signal: leaving.signal }).catch(() => undefined);
    await bed.replace(published("demo", one));
    await eventually(async () => (await bed.state()).draining.length === 0);
    await Promise.all([gone.close(), silent.close()]);
  });

  it("loses no request and fails none while endpoints come and go under load", async () => {
    const three = await bed.backend();
    const stop = new AbortController();
    const statuses = new Map<number | string, number>();
    const load = Array.from({ length: 8 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!stop.signal.aborted) {
        const status = await bed.ask(demo, { agent }).then(
          (answer) => answer.status,
          (error: unknown) => String(error),
        );
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      agent.destroy();
    });
    const sets = [[one, two], [two, three], [one], [one, two, three], [three]];
    for (let at = 0; at < 50; at += 1) {
      const units =
        sets[at % sets.length]?.map(({ address }, unit) => [`/deis/services/demo/u${at}.${unit}`, address]) ??
        [];
      expect((await bed.push("routes", table(Object.fromEntries(units)))).status).to.equal(200);
    }
    stop.abort();
    await Promise.all(load);
    expect([...statuses.keys()]).to.deep.equal([200]);
    await three.close();
  });

  it("takes less than 50 ms at 1,000 apps of three endpoints", async () => {
    const keys: Record<string, string> = {};
    for (let app = 0; app < 1_000; app += 1) {
      for (let unit = 1; unit <= 3; unit += 1)
        keys[`/deis/services/app${app}/app${app}_v2.web.${unit}`] =
          `10.${app >> 8}.${app & 255}.${unit}:32768`;
    }
    const times: number[] = [];
    for (let at = 0; at < 9; at += 1) {
      const body = table({ ...keys, [`/deis/services/demo/u${at}`]: one.address });
      const began = performance.now();
      expect((await bed.push("routes", body)).status).to.equal(200);
      expect(portOf(await bed.ask(demo))).to.equal(one.port);
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    // The best of them: other work on this machine may slow the others.
    expect(times[0], times.map((ms) => ms.toFixed(1)).join(" ")).to.be.lessThan(50);
  });

  it("outlives nginx: started again after a crash it serves the tables of the last push at once", async () => {
    await bed.replace(published("demo", one));
    const before = await bed.state();
    await bed.killNginx();
    await bed.startNginx();
    expect(portOf(await bed.ask(demo))).to.equal(one.port);
    expect((await bed.state()).routes).to.equal(before.routes);
  });

  it("is awaited by a fresh nginx: until then every host gives 503 and the router is not healthy", async () => {
    const fresh = await NginxBed.fresh();
    try {
      expect((await fresh.ask(demo)).status).to.equal(503);
      expect((await fresh.ask("10.1.2.3", { path: "/health-check" })).status).to.equal(503);
      expect(await fresh.state()).to.include({ routes: "", certs: "" });
      await fresh.serve();
      expect((await fresh.ask(demo)).status).to.equal(404);
      expect((await fresh.ask("10.1.2.3", { path: "/health-check" })).status).to.equal(200);
    } finally {
      await fresh.close();
    }
  });

  it("is the only way to change a table, and the socket says what there is", async () => {
    expect((await bed.control("GET", "/routes")).status).to.equal(405);
    const { status, body } = await bed.control("GET", "/");
    expect([status, JSON.parse(body).error]).to.deep.equal([
      404,
      "Nothing is at /: /routes, /certs, /state, /stats, /metrics",
    ]);
  });
});
