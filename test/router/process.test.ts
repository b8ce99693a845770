/** deis-router as a process, with a real nginx and a real etcd, as its container runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { openEtcd } from "../../etcd/client.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { EtcdServer, freePorts } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

const home = fileURLToPath(new URL("../../router", import.meta.url));
const machine = "0123456789abcdef0123456789abcdef";
const record = `/deis/router/hosts/${machine}`;

describe("deis-router as a process", function () {
  this.timeout(60_000);
  let etcd: EtcdServer;
  let client: EtcdClient;
  let directory: string;
  let ports: readonly number[];
  let router: ChildProcess | undefined;
  let output: string;

  beforeEach(async () => {
    etcd = await EtcdServer.start();
    client = await openEtcd({ endpoints: [etcd.member.url] });
    directory = await mkdtemp(join(tmpdir(), "deis-router-"));
    ports = await freePorts(4);
    for (const name of ["state", "run", "conf/conf.d"])
      await mkdir(join(directory, name), { recursive: true });
    await symlink(join(home, "templates"), join(directory, "conf/templates"));
    for (const name of await readdir(join(home, "conf.d"))) {
      const text = await readFile(join(home, "conf.d", name), "utf8");
      const here = text
        .replaceAll("/var/lib/deis-router", join(directory, "state"))
        .replaceAll("/run/deis-router", join(directory, "run"));
      await writeFile(join(directory, "conf/conf.d", name), here);
    }
    await writeFile(join(directory, "machine-id"), `${machine}\n`);
    const settings = `[machine]\naddress = "10.0.0.7"\n[etcd]\nendpoints = ["${etcd.member.url}"]\n[agent]\nttl_seconds = 2\n`;
    await writeFile(join(directory, "agent.toml"), settings);
  });
  afterEach(async function () {
    await stop("SIGKILL");
    // Killed itself, it could not end its nginx. Told to end, nginx ends its workers, which would hold our pipes for ever.
    const pid = Number(await readFile(join(directory, "run/nginx.pid"), "utf8").catch(() => ""));
    if (pid > 0) {
      try {
        process.kill(pid, "SIGTERM");
      } catch {
        // It has ended with the router.
      }
    }
    if (this.currentTest?.state === "failed") process.stderr.write(output);
    await client.close();
    await etcd.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function start(): void {
    const [http, https, status, builder] = ports;
    const words = [
      ...["--import", "tsx", join(home, "main.ts")],
      ...["--config", join(directory, "agent.toml"), "--machine-id", join(directory, "machine-id")],
      ...["--confdir", join(directory, "conf"), "--lua", join(home, "lua")],
      ...["--control", join(directory, "run/control.sock")],
    ];
    output = "";
    router = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        DEIS_ROUTER_LUA: join(home, "lua"),
        DEIS_ROUTER_STATE: join(directory, "state"),
        DEIS_ROUTER_RUN: join(directory, "run"),
        DEIS_ROUTER_HTTP_PORT: `${http}`,
        DEIS_ROUTER_HTTPS_PORT: `${https}`,
        DEIS_ROUTER_STATUS_PORT: `${status}`,
        DEIS_ROUTER_BUILDER_PORT: `${builder}`,
        DEIS_ROUTER_ACCESS_LOG: join(directory, "access.log"),
      },
    });
    for (const stream of [router.stdout, router.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
  }

  /** Ends the router and resolves to its exit code. */
  async function stop(signal: NodeJS.Signals): Promise<number | null> {
    if (router === undefined || router.exitCode !== null || router.signalCode !== null) return null;
    const over = once(router, "exit");
    router.kill(signal);
    const [code] = await over;
    return code as number | null;
  }

  async function put(entries: Readonly<Record<string, string>>): Promise<bigint> {
    const success = Object.entries(entries).map(
      ([key, value]) => ({ kind: "put", key, value: Buffer.from(value) }) as const,
    );
    return (await client.txn({ compare: [], success }, {})).header.revision;
  }

  async function told(): Promise<{ address: string; revision: string; drained: string } | undefined> {
    const { entries } = await client.range({ key: record }, {});
    return entries[0] && JSON.parse(entries[0].value.toString());
  }

  const vouches = (revision: bigint) =>
    eventually(async () => expect(BigInt((await told())?.revision ?? -1) >= revision).to.equal(true), {
      within: 20_000,
    });

  /** What the router says of its own health, or why it says nothing. */
  async function health(): Promise<number | string> {
    try {
      const answer = await fetch(`http://127.0.0.1:${ports[0]}/health-check`, {
        signal: AbortSignal.timeout(2_000),
      });
      return answer.status;
    } catch (error) {
      return String((error as Error).cause ?? error);
    }
  }

  it("vouches for what nginx serves under a lease of its own, and is gone at once when it is told to stop", async () => {
    start();
    const revision = await put({ "/deis/cluster/apps/shop": "{}", "/deis/services/shop/a": "127.0.0.1:1" });
    await vouches(revision);
    expect(await told()).to.include({ address: "10.0.0.7" });
    expect(await health()).to.equal(200);
    const state = JSON.parse(await readFile(join(directory, "state/routes.json"), "utf8"));
    expect(state).to.have.property("/deis/services/shop/a", "127.0.0.1:1");
    expect(await stop("SIGTERM")).to.equal(0);
    expect(await told()).to.equal(undefined);
    expect(output).to.contain('"msg":"router stopped"');
  });

  it("does not wake itself by its own record", async () => {
    start();
    await vouches(await put({ "/deis/cluster/apps/shop": "{}" }));
    const before = (await client.range({ key: record }, {})).header.revision;
    const renewed = async () => (await etcd.metrics("etcd_debugging_lease_renewed_total"))[0] ?? 0;
    const soFar = await renewed();
    // It lives on, and had all the time to answer itself.
    await eventually(async () => expect(await renewed()).to.be.at.least(soFar + 2), { within: 10_000 });
    expect((await client.range({ key: record }, {})).header.revision).to.equal(before);
  });

  it("started again while etcd is away serves at once what it served last", async () => {
    start();
    await vouches(await put({ "/deis/cluster/apps/shop": "{}" }));
    await stop("SIGTERM");
    await etcd.stop();
    start();
    await eventually(async () => expect(await health()).to.equal(200), { within: 20_000 });
    expect(output).to.contain('"tables":"kept"');
    expect(await stop("SIGTERM")).to.equal(0);
  });

  it("started for the first time while etcd is away listens nowhere, so that nobody is sent to it", async () => {
    await etcd.stop();
    start();
    await eventually(() => expect(output).to.contain("cannot reach the store"), { within: 20_000 });
    expect(await health()).to.match(/ECONNREFUSED/);
    expect(await stop("SIGTERM")).to.equal(0);
  });

  it("ends with a failure when nginx is killed, and serves again when it is started again", async () => {
    start();
    await vouches(await put({ "/deis/cluster/apps/shop": "{}" }));
    const over = once(router as ChildProcess, "exit");
    const pid = Number(await readFile(join(directory, "run/nginx.pid"), "utf8"));
    const workers = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    process.kill(pid, "SIGKILL");
    // Its workers outlive it outside of a container, and would hold the ports.
    for (const worker of workers.trim().split(" ")) process.kill(Number(worker), "SIGKILL");
    expect((await over)[0]).to.equal(1);
    expect(output).to.contain("nginx has ended: signal SIGKILL");
    start();
    await eventually(async () => expect(await health()).to.equal(200), { within: 20_000 });
  });

  it("takes up a structure by a reload, leaves a setting out that nginx would refuse, and vouches for both", async () => {
    start();
    await vouches(await put({ "/deis/cluster/apps/shop": "{}" }));
    await vouches(await put({ "/deis/router/gzipCompLevel": "9" }));
    const structure = () => readFile(join(directory, "state/nginx.conf"), "utf8");
    expect(await structure()).to.contain("gzip_comp_level 9;");
    await vouches(await put({ "/deis/router/gzipCompLevel": "9; } bogus {" }));
    expect(await structure()).to.contain("gzip_comp_level 5;");
    expect(await health()).to.equal(200);
  });
});
