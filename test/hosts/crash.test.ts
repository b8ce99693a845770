import { type ChildProcess, spawn } from "node:child_process";
import { expect } from "chai";
import { Cluster } from "../../hosts/cluster.ts";
import { selfCommand } from "../../hosts/leash.ts";
import { projectRoot } from "../../hosts/project.ts";
import { attempt } from "../../hosts/run.ts";
import { sweep } from "../../hosts/sweep.ts";
import { eventually } from "../support/eventually.ts";
import { freshClusterName } from "../support/host.ts";
import { footprint, packetFilter } from "./footprint.ts";

describe("What a command that was killed leaves", function () {
  this.timeout(120_000);
  this.slow(10_000);

  it("is removed by itself, when the process that was making a cluster dies of SIGKILL", async () => {
    const name = freshClusterName();
    const filter = await packetFilter();
    const maker = hosts("up", "--name", name);
    await running(name);
    maker.kill("SIGKILL");
    await eventually(async () => expect(await footprint(name)).to.deep.equal([]), {
      within: 30_000,
      every: 100,
    });
    expect(await packetFilter()).to.equal(filter);
  });

  it("is nothing after Ctrl-C", async () => {
    const name = freshClusterName();
    const maker = hosts("up", "--name", name);
    const ended = new Promise<number | null>((resolve) => maker.once("close", resolve));
    await running(name);
    maker.kill("SIGINT");
    expect(await ended).to.equal(130);
    await eventually(async () => expect(await footprint(name)).to.deep.equal([]));
  });

  it("is removed by the next sweep when even the leash was killed", async () => {
    const name = freshClusterName();
    const maker = hosts("up", "--name", name);
    await running(name);
    // The keeper of the leash holds the words "reap --name <cluster>".
    for (const line of await footprint(name)) {
      const [pid = ""] = line.split(" ");
      if (line.includes(`reap --name ${name}`)) process.kill(Number(pid), "SIGKILL");
    }
    const ended = new Promise((resolve) => maker.once("close", resolve));
    maker.kill("SIGKILL");
    await ended;
    expect(await footprint(name)).not.to.deep.equal([]);
    expect(await sweep()).to.include(name);
    await eventually(async () => expect(await footprint(name)).to.deep.equal([]));
  });

  it("does not include a cluster that was made to stay", async () => {
    const name = freshClusterName();
    const { code } = await attempt(
      [...selfCommand(), "up", "--name", name, "--hosts", "1", "--no-etcd", "--no-docker"],
      {
        cwd: projectRoot(),
        deadlineMs: 60_000,
      },
    );
    expect(code).to.equal(0);
    try {
      expect(await sweep()).not.to.include(name);
      expect((await Cluster.open(name)).host(1).state).to.equal("running");
    } finally {
      expect(
        (await attempt([...selfCommand(), "down", "--name", name], { cwd: projectRoot() })).code,
      ).to.equal(0);
    }
    await eventually(async () => expect(await footprint(name)).to.deep.equal([]));
  });
});

function hosts(...args: readonly string[]): ChildProcess {
  const [program = "", ...rest] = [...selfCommand(), ...args];
  return spawn(program, rest, { cwd: projectRoot(), stdio: "ignore" });
}

async function running(name: string): Promise<void> {
  const up = async () => (await footprint(name)).some((line) => line.includes("systemd-nspawn"));
  await eventually(up, { within: 30_000 });
}
