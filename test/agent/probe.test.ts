import { once } from "node:events";
import { createServer as createHttp, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { expect } from "chai";
import { probe } from "../../agent/probe.ts";

const never = new AbortController().signal;

describe("a probe", () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, "close");
    }
  });

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  const http = (handler: RequestListener) => listening(createHttp(handler));
  const tcp = (handler: (socket: Socket) => void) => listening(createServer(handler));
  const ask = (port: number, path?: string, timeoutMs = 2_000, signal = never) =>
    probe({ host: "127.0.0.1", port, timeoutMs, ...(path === undefined ? {} : { path }) }, signal);

  /** A port that nobody listens on. */
  async function closedPort(): Promise<number> {
    const port = await tcp(() => undefined);
    const server = servers.pop();
    server?.close();
    if (server) await once(server, "close");
    return port;
  }

  it("finds that a port accepts connections, whatever speaks there", async () => {
    expect(await ask(await tcp((socket) => socket.end("220 mail\r\n")))).to.equal(undefined);
  });

  it("finds that nobody listens", async () => {
    const port = await closedPort();
    expect(await ask(port)).to.equal(`127.0.0.1:${port} refuses connections`);
    expect(await ask(port, "/ok")).to.equal(`127.0.0.1:${port} refuses connections`);
  });

  it("takes 200, with the host and path that were asked for", async () => {
    const seen: unknown[] = [];
    const port = await http((request, response) => {
      seen.push([request.method, request.url, request.headers.host]);
      response.end("fine");
    });
    expect(await ask(port, "/ok?full=1")).to.equal(undefined);
    expect(seen).to.deep.equal([["GET", "/ok?full=1", `127.0.0.1:${port}`]]);
  });

  for (const status of [500, 404, 204, 301]) {
    it(`does not take ${status}`, async () => {
      const port = await http((_request, response) => response.writeHead(status, { Location: "/" }).end());
      expect(await ask(port, "/ok")).to.equal(`GET /ok gave ${status}`);
    });
  }

  it("does not wait for the end of a long answer", async () => {
    const port = await http((_request, response) => response.writeHead(200).write("first"));
    expect(await ask(port, "/stream")).to.equal(undefined);
  });

  it("gives up on what accepts and never answers, and leaves no connection behind", async () => {
    const port = await tcp(() => undefined);
    expect(await ask(port, "/ok", 100)).to.equal("GET /ok did not answer within 0.1 s");
    await Promise.all(
      [...sockets].map((socket) => (socket.destroyed ? undefined : once(socket.resume(), "close"))),
    );
    expect(sockets.size).to.equal(0);
  });

  it("says so when the answer is none of HTTP, or the connection breaks", async () => {
    expect(await ask(await tcp((socket) => socket.end("220 mail\r\n")), "/ok")).to.match(
      /^GET \/ok failed: /,
    );
    expect(await ask(await tcp((socket) => socket.destroy()), "/ok")).to.match(/^GET \/ok failed: /);
  });

  it("ends at once when told to", async () => {
    const ending = new AbortController();
    const asked = ask(await tcp(() => undefined), "/ok", 60_000, ending.signal);
    ending.abort();
    expect(await asked).to.equal("The probe was cut short");
    expect(await ask(1, undefined, 60_000, ending.signal)).to.equal("The probe was cut short");
  });
});
