import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { EtcdServer } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { FleetClient } from "../support/fleet-client.ts";

const run = promisify(execFile);
const program = ["--import", "tsx", "api/main.ts"];
const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];

describe("deis-api", function () {
  this.timeout(30_000);
  let directory: string;
  let etcd: EtcdServer;
  const processes: ChildProcess[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-api-main-"));
    etcd = await EtcdServer.start();
  });
  afterEach(async () => {
    for (const child of processes.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });
  after(async () => {
    await etcd.stop();
    await rm(directory, { recursive: true });
  });

  async function settings(more = ""): Promise<string> {
    const path = join(directory, "agent.toml");
    const socket = join(directory, "fleet.sock");
    await writeFile(
      path,
      `[etcd]\nendpoints = ["${etcd.endpoints[0]}"]\n[api]\nsocket = "${socket}"\n${more}`,
    );
    return path;
  }

  function start(command: string, args: readonly string[]): ChildProcess & { readonly said: () => string } {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    processes.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        said += chunk;
      });
    return Object.assign(child, { said: () => said });
  }

  it("serves fleet's API on its socket until it is told to stop", async () => {
    const api = start(process.execPath, [...program, "--config", await settings()]);
    await eventually(() => expect(api.said()).to.contain('"msg":"listening"'), { within: 15_000 });
    const path = join(directory, "fleet.sock");
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    const fleetctl = new FleetClient(path);
    await fleetctl.submit("hello.service", options);
    expect((await fleetctl.units()).map(({ name }) => name)).to.deep.equal(["hello.service"]);
    api.kill("SIGTERM");
    const [code] = await once(api, "exit");
    expect([code, api.said().includes('"msg":"change asked for"')]).to.deep.equal([0, true]);
  });

  it("is started by whoever connects to systemd's socket, ends when nobody asks, and says nothing wrong", async () => {
    const path = join(directory, "activated.sock");
    const daemon = [process.execPath, ...program, "--config", await settings(), "--idle", "1"];
    const held = start("systemd-socket-activate", ["--listen", path, ...daemon]);
    await eventually(() => stat(path));
    const fleetctl = new FleetClient(path);
    expect(await fleetctl.machines()).to.deep.equal([]);
    const [code] = await once(held, "exit");
    expect([code, held.said().includes("nobody has asked for a while")], held.said()).to.deep.equal([
      0,
      true,
    ]);
  });

  it("answers 503 in fleet's words while the store is away, and goes on when it is back", async () => {
    const api = start(process.execPath, [...program, "--config", await settings()]);
    const fleetctl = new FleetClient(join(directory, "fleet.sock"));
    await eventually(() => fleetctl.machines(), { within: 15_000, every: 100 });
    await etcd.signal(etcd.member, "SIGKILL");
    const refusal = () =>
      fleetctl.machines().then(
        () => "it answered",
        (error: unknown) => String(error),
      );
    await eventually(
      async () => expect(await refusal()).to.equal("Error: fleet server unable to communicate with etcd"),
      { within: 10_000, every: 100 },
    );
    await etcd.startMember(etcd.member);
    await eventually(() => fleetctl.machines(), { within: 10_000, every: 100 });
    expect(api.exitCode).to.equal(null);
  });

  for (const [what, args, code, message] of [
    [
      "a settings file that is not there",
      ["--config", "/nonexistent.toml"],
      1,
      /Cannot read the settings in/,
    ],
    ["an idle time that is none", ["--idle", "soon"], 1, /Option --idle is "soon"\nHint: /],
    ["an option that is not known", ["--port", "80"], 2, /unknown option '--port'/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const failure = await run(process.execPath, [...program, ...args]).then(
        () => undefined,
        (error: { code: number; stderr: string }) => error,
      );
      expect(failure?.code).to.equal(code);
      expect(failure?.stderr).to.match(message);
    });
  }

  it("refuses to listen on TCP without certificates, and says how to mend it", async () => {
    const config = await settings('listen = "127.0.0.1:0"\n');
    const failure = await run(process.execPath, [...program, "--config", config]).then(
      () => undefined,
      (error: { code: number; stderr: string }) => error,
    );
    expect([failure?.code, failure?.stderr]).to.deep.equal([
      1,
      "deis-api: Setting api.listen needs the certificates of [etcd]\nHint: Set etcd.cafile, etcd.certfile and etcd.keyfile, or remove api.listen\n",
    ]);
  });
});
