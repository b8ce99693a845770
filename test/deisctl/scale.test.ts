import { expect } from "chai";
import fc from "fast-check";
import { planScale } from "../../deisctl/run-scale.ts";
import { deisctl, type Ran, type RunOptions } from "./run-command.ts";
import { ScriptedCluster } from "./scripted-cluster.ts";

describe("planScale", () => {
  it("ends with as many as wanted, from the lowest free numbers, without the highest", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 30 })), fc.nat(20), (taken, wanted) => {
        const { start, destroy } = planScale(taken, wanted);
        expect(taken.length + start.length - destroy.length).to.equal(wanted);
        expect(start.some((number) => taken.includes(number))).to.equal(false);
        expect(start.length === 0 || destroy.length === 0).to.equal(true);
        const kept = taken.filter((number) => !destroy.includes(number));
        expect(Math.max(0, ...kept) < Math.min(Number.POSITIVE_INFINITY, ...destroy)).to.equal(true);
      }),
    );
  });
});

describe("deisctl scale", () => {
  let cluster: ScriptedCluster;
  const files = { "web@.service": "[Service]\nExecStart=/bin/sleep 1000\n" };
  beforeEach(() => {
    cluster = new ScriptedCluster();
  });
  afterEach(() => cluster.close());
  const run = (words: string, more: Partial<RunOptions> = {}): Promise<Ran> =>
    deisctl(words, { store: cluster.store, files, ...more });
  const units = async (): Promise<string[]> =>
    (await run("list-unit-files --no-legend --fields=unit")).out.split("\n").filter(Boolean);

  it("starts instances of a template beside you, fills gaps, and destroys the highest", async () => {
    expect((await run("scale web=3")).out.match(/launched on/g)).to.have.length(3);
    await run("destroy web@2");
    expect((await run("scale web=3")).out).to.contain("Unit web@2.service launched on");
    expect((await run("scale web=1")).out.split("\n").sort()).to.deep.equal([
      "",
      "Destroyed web@2.service",
      "Destroyed web@3.service",
    ]);
    expect(await units()).to.deep.equal(["web@1.service"]);
    expect(await run("scale web=1")).to.deep.equal({ out: "", err: "", code: 0 });
    await run("scale web@=0");
    expect(await units()).to.deep.equal([]);
  });

  it("scales components of the platform from their own templates", async () => {
    const { out, code } = await run("scale router=2");
    expect(code).to.equal(0);
    expect(out)
      .to.contain("deis-router@1.service: loaded\n")
      .and.contain("Unit deis-router@2.service launched on");
    expect(await units()).to.deep.equal(["deis-router@1.service", "deis-router@2.service"]);
    await run("scale router=1");
    expect(await units()).to.deep.equal(["deis-router@1.service"]);
  });

  it("prints one JSON array whatever it is made of", async () => {
    await run("scale web=2");
    const { out } = await run("scale web=1 router=1 --output json");
    expect(
      JSON.parse(out).map(({ unit, outcome }: Record<string, string>) => `${unit} ${outcome}`),
    ).to.deep.equal(["deis-router@1.service done", "deis-router@1.service done", "web@2.service done"]);
  });

  it("refuses what is no count, and what has no template", async () => {
    for (const words of ["scale", "scale web", "scale web=x", "scale web=99999"])
      expect((await run(words)).code).to.equal(2);
    const none = await run("scale nothing=1");
    expect(none.code).to.equal(1);
    expect(none.err).to.match(/nothing/);
  });
});

describe("deisctl dock", () => {
  let cluster: ScriptedCluster;
  const id = "c".repeat(64);
  beforeEach(async () => {
    cluster = new ScriptedCluster();
    const state = {
      load: "loaded",
      active: "active",
      sub: "running",
      hash: "a",
      generation: 0,
      since: "",
      containerId: id,
    };
    const put = (key: string, value: object): void =>
      cluster.store.etcd.put(`/deis/cluster/${key}`, JSON.stringify(value));
    await cluster.close();
    put("units/web@1.service", { hash: "a", target: "launched", generation: 0 });
    put("states/f1ee0001000000000000000000000000/web@1.service", state);
  });

  it("runs a command in the unit's container through ssh, each word as it was typed", async () => {
    let ran: readonly string[] = [];
    const onProgram = (program: string, args: readonly string[]): void => {
      ran = [program, ...args];
    };
    await deisctl("dock web@1 --user core -- echo it's $HOME", { store: cluster.store, onProgram });
    expect(ran).to.deep.equal([
      "ssh",
      "-l",
      "core",
      "127.0.0.1",
      "--",
      `docker exec -i ${id} echo 'it'\\''s' '$HOME'`,
    ]);
    await deisctl("dock web@1", { store: cluster.store, onProgram, terminal: true });
    expect(ran).to.deep.equal(["ssh", "-t", "127.0.0.1", "--", `docker exec -it ${id} sh`]);
  });

  it("says so when no container of the unit runs", async () => {
    const { err, code } = await deisctl("dock nope", { store: cluster.store });
    expect(code).to.equal(1);
    expect(err).to.match(/^Error: No container of "nope" runs\nHint: /);
  });
});
