import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import type { Control, NginxState, TableName } from "../../router/control.ts";
import type { RouterEvent } from "../../router/events.ts";
import type { Progress } from "../../router/membership.ts";
import { digestOf, Serving } from "../../router/serving.ts";
import { eventually } from "../support/eventually.ts";

/** nginx as far as its control socket goes. */
class MemoryNginx implements Control {
  readonly tables = new Map<TableName, Buffer>();
  readonly pushes: TableName[] = [];
  draining: string[] = [];
  isSilent = false;

  async state(): Promise<NginxState> {
    if (this.isSilent) throw new PlatformError("nginx-silent", "nginx does not answer", { retryable: true });
    const digest = (table: TableName) => {
      const bytes = this.tables.get(table);
      return bytes === undefined ? "" : digestOf(bytes);
    };
    const draining = this.draining.map((endpoint) => ({ endpoint, inFlight: 1 }));
    return { routes: digest("routes"), certs: digest("certs"), structure: "", draining };
  }

  async push(table: TableName, bytes: Buffer) {
    this.tables.set(table, bytes);
    this.pushes.push(table);
    return { digest: digestOf(bytes), problems: [] };
  }
}

describe("serving", () => {
  let directory: string;
  let nginx: MemoryNginx;
  let progress: Progress[];
  let events: RouterEvent[];
  let serving: Serving;
  let stop: AbortController;
  let running: Promise<void>;
  const file = (table: TableName) => join(directory, `${table}.json`);
  const last = () => progress.at(-1);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-serving-"));
    nginx = new MemoryNginx();
    progress = [];
    events = [];
    stop = new AbortController();
    serving = new Serving({
      control: nginx,
      files: { routes: file("routes"), certs: file("certs") },
      onProgress: (each) => progress.push(each),
      onEvent: (event) => events.push(event),
    });
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await rm(directory, { recursive: true });
  });
  const start = () => {
    running = serving.run(stop.signal);
  };

  it("gives nginx what is on disk, also before anything was read from the store, and vouches for nothing then", async () => {
    await writeFile(file("routes"), "{}");
    start();
    await eventually(() => nginx.pushes.length === 1);
    expect(nginx.tables.get("routes")?.toString()).to.equal("{}");
    expect(progress).to.deep.equal([]);
  });

  it("tells a revision once nginx says that it has both tables, certificates first", async () => {
    await writeFile(file("routes"), "1");
    await writeFile(file("certs"), "2");
    start();
    serving.settled(7n);
    await eventually(() => last()?.revision === 7n);
    expect(nginx.pushes).to.deep.equal(["certs", "routes"]);
    expect(last()).to.deep.equal({ revision: 7n, drained: 7n });
  });

  it("pushes nothing that nginx has", async () => {
    await writeFile(file("routes"), "1");
    start();
    serving.settled(7n);
    await eventually(() => last()?.revision === 7n);
    serving.settled(8n);
    await eventually(() => last()?.revision === 8n);
    expect(nginx.pushes).to.deep.equal(["routes"]);
  });

  it("gives nginx again what it has lost", async () => {
    await writeFile(file("routes"), "1");
    start();
    serving.settled(7n);
    await eventually(() => last()?.revision === 7n);
    nginx.tables.clear();
    serving.settled(8n);
    await eventually(() => nginx.pushes.length === 2);
  });

  it("goes on trying while nginx is silent, and vouches for nothing meanwhile", async () => {
    nginx.isSilent = true;
    await writeFile(file("routes"), "1");
    start();
    serving.settled(7n);
    await eventually(() => events.filter(({ kind }) => kind === "push-failed").length >= 2);
    expect(progress).to.deep.equal([]);
    nginx.isSilent = false;
    await eventually(() => last()?.revision === 7n);
  });

  it("looks on while requests drain", async () => {
    await writeFile(file("routes"), "1");
    start();
    serving.settled(7n);
    await eventually(() => last()?.revision === 7n);
    nginx.draining = ["10.0.0.1:80"];
    serving.settled(9n);
    await eventually(() => last()?.revision === 9n);
    expect(last()).to.deep.equal({ revision: 9n, drained: 7n });
    nginx.draining = [];
    await eventually(() => last()?.drained === 9n);
  });
});
