import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { deisctl, type Ran } from "./run-command.ts";
import { h1, machine, ScriptedCluster } from "./scripted-cluster.ts";

const files = { "hello.service": "[Service]\nExecStart=/bin/sleep 1000\n" };

describe("deisctl events", () => {
  let cluster: ScriptedCluster;
  beforeEach(() => {
    cluster = new ScriptedCluster();
  });
  afterEach(() => cluster.close());

  const run = (words: string): Promise<Ran> => deisctl(words, { store: cluster.store, files });

  it("tells what became of a unit, in order", async () => {
    await run("start hello.service");
    await run("destroy hello.service");
    const { out, err, code } = await run("events hello");
    const place = "hello.service on f1ee0001.../127.0.0.1";
    expect(out.split("\n").map((line) => line.replace(/^\S+ /, ""))).to.deep.equal([
      "hello.service: submitted, target launched, file 2d432f4",
      `${place}: placed: least loaded`,
      `${place}: active (running)`,
      "hello.service: destroyed",
      `${place}: withdrawn`,
      `${place}: nothing of it is left there`,
      "",
    ]);
    expect({ err, code }).to.deep.equal({ err: "", code: 0 });
  });

  it("prints one JSON object a line with --output json", async () => {
    await run("start hello.service");
    const { out } = await run("events --output json hello");
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ kind }) => kind)).to.deep.equal(["unit-submitted", "unit-placed", "unit-state"]);
    expect(lines[2]).to.include({ unit: "hello.service", machine: h1, active: "active" });
  });

  it("shows the last ones with --lines, and takes globs and the beginnings of machines' ids", async () => {
    await run("start hello.service");
    expect((await run("events -n 1")).out).to.match(/^\S+ hello\.service on .*: active \(running\)\n$/);
    expect((await run("events -n 1 hel*")).out).to.contain("active (running)");
    expect((await run("events f1ee0001 -n 2")).out.split("\n")).to.have.length(3);
    expect((await run("events nothing-such")).out).to.equal("");
  });

  it("keeps to what happened since a time", async () => {
    await run("start hello.service");
    const all = (await run("events --since 2026-11-20T00:00:00Z hello")).out;
    expect(all.split("\n")).to.have.length(4);
    const refused = await run("events --since whenever");
    expect(refused.code).to.equal(2);
    expect(refused.err).to.match(/^--since is "whenever", allowed are a time .* or a span/);
  });

  it("follows until Ctrl-C", async () => {
    const ctrlC = new AbortController();
    let out = "";
    const following = deisctl("events -f --lines 0", {
      store: cluster.store,
      files,
      signal: ctrlC.signal,
      onOut: (text) => {
        out += text;
      },
    });
    await eventually(async () => {
      cluster.store.removeMachine(h1);
      cluster.store.addMachine(machine(h1, "127.0.0.1", "h1"));
      return out !== "";
    });
    expect(out).to.match(/^\S+ f1ee0001\.\.\.\/127\.0\.0\.1: (left|joined) the cluster/);
    ctrlC.abort();
    expect((await following).code).to.equal(130);
  });

  it("says that events were lost when etcd forgot them during a break", async () => {
    const store = new MemoryStore();
    const ctrlC = new AbortController();
    let out = "";
    const following = deisctl("events -f --lines 0", {
      store,
      files,
      signal: ctrlC.signal,
      onOut: (text) => {
        out += text;
      },
    });
    await eventually(() => {
      store.etcd.put(
        "/deis/cluster/unplaced/x.service",
        JSON.stringify({ hash: "a", reason: `${Math.random()}` }),
      );
      return out !== "";
    });
    store.etcd.cut();
    await turn();
    store.etcd.put("/deis/cluster/unplaced/y.service", JSON.stringify({ hash: "a", reason: "no room" }));
    store.etcd.put("/deis/cluster/unplaced/z.service", JSON.stringify({ hash: "a", reason: "no room" }));
    store.etcd.compact();
    store.etcd.resume();
    await eventually(() => out.includes("z.service: no room"), { within: 5_000 });
    ctrlC.abort();
    expect((await following).err).to.match(/^Some events were lost/);
  });
});
