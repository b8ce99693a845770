import { expect } from "chai";
import { deisctl, type Ran } from "./run-command.ts";
import { h1, h2, ScriptedCluster } from "./scripted-cluster.ts";

describe("cordon and uncordon", () => {
  let cluster: ScriptedCluster;
  beforeEach(() => {
    cluster = new ScriptedCluster();
  });
  afterEach(() => cluster.close());
  const run = (words: string, terminal = false): Promise<Ran> =>
    deisctl(words, { store: cluster.store, terminal });
  const cordonOf = (id: string): unknown => {
    const text = cluster.store.etcd.dump().get(`/deis/cluster/cordons/${id}`);
    return text === undefined ? undefined : JSON.parse(text);
  };

  it("close a machine, meant by the beginning of its id or its address, and open it again", async () => {
    expect(await run("cordon f1ee0001 --reason=disk")).to.deep.equal({
      out: "Machine f1ee0001.../127.0.0.1 cordoned\n",
      err: "",
      code: 0,
    });
    expect(cordonOf(h1)).to.deep.equal({ drain: false, reason: "disk", since: "2026-11-20T19:22:05.000Z" });
    expect((await run("uncordon 127.0.0.1")).out).to.equal("Machine f1ee0001.../127.0.0.1 uncordoned\n");
    expect(cordonOf(h1)).to.equal(undefined);
    expect(await run("uncordon f1ee0001")).to.deep.equal({
      out: "",
      err: "Machine f1ee0001.../127.0.0.1 is not cordoned: nothing to do\n",
      code: 0,
    });
  });

  it("take a machine as lists show it", async () => {
    expect((await run("cordon f1ee0001...")).code).to.equal(0);
    expect((await run("cordon f1ee0002.../127.0.0.2")).code).to.equal(0);
    expect(cordonOf(h2)).to.include({ drain: false });
  });

  it("open a machine that is away", async () => {
    await run("cordon f1ee0002");
    cluster.store.removeMachine(h2);
    expect((await run("uncordon f1ee0002")).out).to.equal("Machine f1ee0002... uncordoned\n");
  });

  it("refuse what is no machine, or several", async () => {
    const none = await run("cordon nothing");
    expect(none.code).to.equal(1);
    expect(none.err).to.match(/^Error: No machine of the cluster is "nothing"\nHint: /);
    const both = await run("drain f1ee");
    expect(both.err).to.contain(`"f1ee" means 2 machines: ${h1}, ${h2}`);
    expect((await run("cordon")).code).to.equal(2);
  });

  it("show in list-machines: as a field, as a note for a person, and as JSON", async () => {
    await run("cordon f1ee0001 --reason=disk");
    await run("drain f1ee0002 --no-wait");
    const listed = await run("list-machines --fields=machine,cordon");
    expect(listed.out).to.equal("MACHINE\t\tCORDON\nf1ee0001...\tcordoned\nf1ee0002...\tdraining\n");
    expect(listed.err).to.equal("");
    const { err } = await run("list-machines", true);
    expect(err).to.equal("f1ee0001.../127.0.0.1 is cordoned: disk\nf1ee0002.../127.0.0.2 is being drained\n");
    const [first] = JSON.parse((await run("list-machines --output json")).out);
    expect(first.cordon).to.deep.equal({ drain: false, reason: "disk", since: "2026-11-20T19:22:05.000Z" });
  });

  it("drain without waiting tells what was begun", async () => {
    expect(await run("drain f1ee0001 --no-wait --reason kernel")).to.deep.equal({
      out: "Machine f1ee0001.../127.0.0.1 is being drained\n",
      err: "",
      code: 0,
    });
    expect(cordonOf(h1)).to.include({ drain: true, reason: "kernel" });
  });
});
