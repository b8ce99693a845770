import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import type { HostAgents } from "../../cluster/ports.ts";
import { deisctl, type Ran } from "./run-command.ts";
import { ScriptedCluster } from "./scripted-cluster.ts";

const agents: HostAgents = {
  async *journal(machine, unit, { lines, follow, output }) {
    yield `${machine.address} ${unit} ${lines} ${follow}`;
    yield ` ${output}\nlast line\n`;
  },
  async status(_machine, unit) {
    return `● ${unit} - Hello World\n     Loaded: loaded\n`;
  },
};

describe("deisctl status and journal", () => {
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = new ScriptedCluster();
    const files = {
      "hello.service": "[Unit]\nDescription=Hello World\n[Service]\nExecStart=/bin/true\n",
      "glob.service": "[Service]\nExecStart=/bin/true\n[X-Fleet]\nGlobal=true\n",
    };
    await deisctl("start hello glob", { store: cluster.store, files });
  });
  afterEach(() => cluster.close());

  const run = (words: string): Promise<Ran> => deisctl(words, { store: cluster.store, agents });

  it("status puts where and why under the host's first line", async () => {
    expect(await run("status hello")).to.deep.equal({
      out: "● hello.service - Hello World\n    Machine: f1ee0001.../127.0.0.1\n     Placed: least loaded\n     Wanted: launched\n     Loaded: loaded\n",
      err: "",
      code: 0,
    });
  });

  it("status does not repeat a problem that the host tells itself", async () => {
    cluster.script.set("ill.service", { does: "fails", problem: "port taken" });
    const files = { "ill.service": "[Container]\nImage=busybox\n" };
    await deisctl("start ill", { store: cluster.store, files });
    const telling: HostAgents = { ...agents, status: async () => "× ill.service\n    Problem: port taken\n" };
    const { out } = await deisctl("status ill", { store: cluster.store, agents: telling });
    expect(out.match(/port taken/g)).to.have.length(1);
  });

  it("status falls back to what the cluster knows when the host does not answer", async () => {
    const { out, err, code } = await deisctl("status hello", { store: cluster.store });
    expect(code).to.equal(0);
    expect(out).to.contain("Active: active (running) since 2026-11-20T19:21:26Z; 39s ago\n");
    expect(err).to.match(/^No word from the host itself: /);
  });

  it("status of what does not run answers as systemctl does", async () => {
    await run("stop hello");
    expect((await run("status hello")).code).to.equal(3);
    expect((await run("status nope")).code).to.equal(1);
  });

  it("journal prints what the host sends", async () => {
    expect(await run("journal --lines 3 -f --output cat hello")).to.deep.equal({
      out: "127.0.0.1 hello.service 3 true cat\nlast line\n",
      err: "",
      code: 0,
    });
    expect((await run("journal --output fancy hello")).code).to.equal(2);
  });

  it("journal labels the lines of several machines, or takes one", async () => {
    expect((await run("journal glob")).out).to.equal(
      [
        "f1ee0001.../127.0.0.1 glob.service: 127.0.0.1 glob.service 10 false short",
        "f1ee0001.../127.0.0.1 glob.service: last line",
        "f1ee0002.../127.0.0.2 glob.service: 127.0.0.2 glob.service 10 false short",
        "f1ee0002.../127.0.0.2 glob.service: last line",
        "",
      ].join("\n"),
    );
    expect((await run("journal --machine f1ee0002 glob")).out).to.match(/^127\.0\.0\.2 glob\.service/);
  });

  it("journal takes several units and globs, each line labelled", async () => {
    const { out, code } = await run("journal hel* glob");
    expect(code).to.equal(0);
    const labels = out
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(0, line.indexOf(": ")));
    expect([...new Set(labels)]).to.deep.equal([
      "f1ee0001.../127.0.0.1 hello.service",
      "f1ee0001.../127.0.0.1 glob.service",
      "f1ee0002.../127.0.0.2 glob.service",
    ]);
    const partly = await run("journal hello nope");
    expect(partly).to.include({ code: 1, err: "Unit nope.service does not exist.\n" });
    expect(partly.out).to.contain("last line");
  });

  it("journal --since asks for all that was written from then on", async () => {
    let asked: object | undefined;
    const noting: HostAgents = {
      ...agents,
      async *journal(_machine, _unit, request) {
        asked = request;
        yield "";
      },
    };
    await deisctl("journal hello --since 10min", { store: cluster.store, agents: noting });
    expect(asked).to.include({ since: "2026-11-20T19:12:05.000Z", lines: 1_000_000 });
  });

  it("journal of several goes on when one machine does not answer, and fails in the end", async () => {
    const half: HostAgents = {
      ...agents,
      journal: (machine, ...rest) => {
        if (machine.address === "127.0.0.1") throw new PlatformError("agent-unreachable", "It is silent");
        return agents.journal(machine, ...rest);
      },
    };
    const { out, err, code } = await deisctl("journal glob", { store: cluster.store, agents: half });
    expect(out).to.match(/^f1ee0002.*last line\n$/s);
    expect(err).to.equal("No word of glob.service from f1ee0001.../127.0.0.1: It is silent\n");
    expect(code).to.equal(1);
  });

  it("journal of a unit that is nowhere says so", async () => {
    await run("unload hello");
    expect((await run("journal hello")).err).to.equal("Unit hello.service does not appear to be running.\n");
  });
});
