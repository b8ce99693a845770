import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect } from "chai";
import { ApiBed } from "../support/api-bed.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";

describe("the API's limits", () => {
  let bed: ApiBed;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    const limits = { bodyBytes: 10_000, headersMs: 200, requestMs: 400, keepAliveMs: 200, connections: 5 };
    bed = await ApiBed.open(new MemoryEtcd().client(), limits);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await bed.close();
  });

  /** A connection of a client that writes by itself, and what it has got. */
  async function dial(): Promise<{ socket: Socket; received: () => string; closed: () => boolean }> {
    const socket = connect(bed.socketPath);
    sockets.push(socket);
    let received = "";
    let isClosed = false;
    socket.setEncoding("utf8").on("data", (chunk) => {
      received += chunk;
    });
    socket
      .on("error", () => undefined)
      .once("close", () => {
        isClosed = true;
      });
    await once(socket, "connect");
    return { socket, received: () => received, closed: () => isClosed };
  }

  it("refuse a body that is too long, in each API's own form", async () => {
    const options = [{ section: "Service", name: "ExecStart", value: "x".repeat(20_000) }];
    const fleets = await bed.ask("/fleet/v1/units/a.service", { method: "PUT", body: { options } });
    expect([fleets.status, fleets.body]).to.deep.equal([
      413,
      '{"error":{"code":413,"message":"request body is too large"}}',
    ]);
    const ours = await bed.ask("/deis/v1/units/a.service", {
      method: "PUT",
      body: { file: "x".repeat(20_000) },
    });
    expect([ours.status, JSON.parse(ours.body).error.code]).to.deep.equal([413, "request-invalid"]);
  });

  it("end a connection whose headers do not come", async () => {
    const { socket, received, closed } = await dial();
    socket.write("GET /fleet/v1/units HTTP/1.1\r\nHost: d\r\n");
    await eventually(() => expect(closed()).to.equal(true));
    expect(received()).to.match(/^HTTP\/1\.1 408 /);
  });

  it("end a connection whose body does not come", async () => {
    const { socket, received, closed } = await dial();
    socket.write(
      'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"x',
    );
    await eventually(() => expect(closed()).to.equal(true));
    expect(received()).to.match(/^HTTP\/1\.1 408 /);
    expect(bed.mirror.tables.units.size).to.equal(0);
  });

  it("end a connection that is kept alive for nothing, and take several requests on one before", async () => {
    const { socket, received, closed } = await dial();
    const request = "GET /fleet/v1/units HTTP/1.1\r\nHost: d\r\n\r\n";
    socket.write(request + request);
    await eventually(() => expect(received().match(/HTTP\/1\.1 200 OK/g)).to.have.length(2));
    await eventually(() => expect(closed()).to.equal(true));
  });

  it("answer bytes that are no HTTP and go on", async () => {
    const { socket, received, closed } = await dial();
    socket.write("\x16\x03\x01 hello\r\n\r\n");
    await eventually(() => expect(closed()).to.equal(true));
    expect(received()).to.match(/^HTTP\/1\.1 400 /);
    expect((await bed.ask("/fleet/v1/units")).status).to.equal(200);
  });

  it("turn away more connections than they have room for, and serve again when there is", async () => {
    const held = await Promise.all([1, 2, 3, 4, 5].map(dial));
    const extra = await dial();
    await eventually(() => expect(extra.closed()).to.equal(true));
    for (const { socket } of held) socket.destroy();
    await eventually(async () => expect((await bed.ask("/fleet/v1/units")).status).to.equal(200));
  });

  it("do not hold a stream to the time of an answer", async () => {
    const { socket, received, closed } = await dial();
    socket.write("GET /deis/v1/events HTTP/1.1\r\nHost: d\r\n\r\n");
    await eventually(() => expect(received()).to.match(/^HTTP\/1\.1 200 OK/));
    // Meanwhile another connection lives and dies by the limits.
    const other = await dial();
    other.socket.write("GET / HTTP/1.1\r\nHost: d\r\n");
    await eventually(() => expect(other.closed()).to.equal(true));
    await bed.ask("/deis/v1/units/a.service", {
      method: "PUT",
      body: { file: "[Service]\nExecStart=/bin/true\n" },
    });
    await eventually(() => expect(received()).to.contain('"kind":"unit-submitted"'));
    expect(closed()).to.equal(false);
  });

  it("answer with 503 within seconds when the store does not show a change", async () => {
    const store = new MemoryEtcd();
    const slow = await ApiBed.open(store.client());
    await slow.get("/fleet/v1/units");
    store.cut();
    const { status, body } = await slow.ask("/fleet/v1/units/a.service", {
      method: "PUT",
      body: { options: [{ section: "Service", name: "ExecStart", value: "/bin/true" }] },
    });
    expect([status, body]).to.deep.equal([
      503,
      '{"error":{"code":503,"message":"fleet server unable to communicate with etcd"}}',
    ]);
    store.resume();
    await slow.close();
  });
});
