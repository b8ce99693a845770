import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkUnitFile } from "../../cluster/unit.ts";
import { EtcdServer, etcdctl } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { machine } from "./builders.ts";

const text = "[Service]\nExecStart=/bin/sleep 100\n";

/** A deis-scheduler process on a real etcd. */
class Daemon {
  readonly #process: ChildProcess;
  output = "";

  constructor(config: string) {
    this.#process = spawn(process.execPath, ["--import", "tsx", "scheduler/main.ts", "--config", config]);
    this.#process.stdout?.on("data", (chunk) => {
      this.output += String(chunk);
    });
    this.#process.stderr?.on("data", (chunk) => {
      this.output += String(chunk);
    });
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return this.#process.exitCode;
    const ended = once(this.#process, "exit");
    this.#process.kill(signal);
    await ended;
    return this.#process.exitCode;
  }
}

describe("deis-scheduler", function () {
  this.timeout(60_000);
  let etcd: EtcdServer;
  let directory: string;
  let config: string;
  const daemons: Daemon[] = [];

  before(async () => {
    etcd = await EtcdServer.start();
    directory = await mkdtemp(join(tmpdir(), "deis-scheduler-"));
    config = join(directory, "agent.toml");
    await writeFile(config, `[etcd]\nendpoints = ["${etcd.members[0]?.url}"]\n`);
  });
  after(async () => {
    for (const daemon of daemons) await daemon.stop("SIGKILL");
    await etcd?.stop();
    if (directory) await rm(directory, { recursive: true });
  });

  const ctl = (...args: string[]): Promise<string> =>
    etcdctl(["--endpoints", etcd.members[0]?.url ?? "", ...args]);

  it("places what is asked for, and hands over at once when it is stopped", async () => {
    const first = new Daemon(config);
    daemons.push(first);
    await eventually(() => first.output.includes('"leading"'), { within: 20_000 });
    const second = new Daemon(config);
    daemons.push(second);
    await eventually(() => second.output.includes("standing by"), { within: 20_000 });

    const { hash } = checkUnitFile("web.service", text);
    await ctl("put", `/deis/cluster/machines/${"1".repeat(32)}`, JSON.stringify(machine("1".repeat(32))));
    await ctl("put", `/deis/cluster/unit-files/${hash}`, text);
    const record = { hash, target: "launched", generation: 0 };
    await ctl("put", "/deis/cluster/units/web.service", JSON.stringify(record));
    await eventually(
      async () =>
        (await ctl("get", "--prefix", "--keys-only", "/deis/cluster/placements/")).includes("web.service"),
      { within: 10_000, every: 100 },
    );

    expect(await first.stop("SIGTERM")).to.equal(0);
    await eventually(() => second.output.includes('"leading"'), { within: 2_000 });
    await ctl("put", "/deis/cluster/units/db.service", JSON.stringify(record));
    await eventually(
      async () =>
        (await ctl("get", "--prefix", "--keys-only", "/deis/cluster/placements/")).includes("db.service"),
      { within: 10_000, every: 100 },
    );
    expect(await second.stop("SIGTERM")).to.equal(0);
  });

  it("exits 1 and says what to do when its settings cannot be read", async () => {
    const daemon = new Daemon(join(directory, "missing.toml"));
    daemons.push(daemon);
    await eventually(() => daemon.output.includes("Hint: "), { within: 20_000 });
    await eventually(async () => (await daemon.stop("SIGCONT")) === 1, { within: 5_000 });
    expect(daemon.output).to.match(/^Error: Cannot read ".*missing\.toml"/);
  });
});
