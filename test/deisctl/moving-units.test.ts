/** Commands that move units, against the real scheduler and agents in one process. */
import { expect } from "chai";
import type { Machine } from "../../cluster/machine.ts";
import { eventually } from "../support/eventually.ts";
import { LoopbackCluster } from "../support/loopback-cluster.ts";
import { deisctl, type Ran, type RunOptions } from "./run-command.ts";
import { h1, h2, machine } from "./scripted-cluster.ts";

const sleeper = "[Service]\nExecStart=/bin/sleep 1000\n";
const alone = `${sleeper}\n[X-Fleet]\nConflicts=alone@*.service\n`;
const everywhere = `${sleeper}\n[X-Fleet]\nGlobal=true\n`;
const h3 = "f1ee0003000000000000000000000000";
const files = {
  "web@.service": sleeper,
  "alone@.service": alone,
  "glob.service": everywhere,
  "pinned.service": `${sleeper}\n[X-Fleet]\nMachineMetadata=host=h1\n`,
  "frail.service": `# behaves: fails\n${sleeper}`,
};
const on = (n: 1 | 2 | 3): string => `f1ee000${n}.../127.0.0.${n}`;
const third: Machine = machine(h3, "127.0.0.3", "h3");

describe("units that move", () => {
  let cluster: LoopbackCluster;
  beforeEach(() => {
    cluster = new LoopbackCluster([machine(h1, "127.0.0.1", "h1"), machine(h2, "127.0.0.2", "h2")]);
  });
  afterEach(() => cluster.close());

  const run = (words: string, more: Partial<RunOptions> = {}): Promise<Ran> =>
    deisctl(words, { store: cluster.store, files, ...more });
  const where = async (): Promise<string> => (await run("list-units --no-legend --fields=unit,machine")).out;

  describe("drain", () => {
    it("moves what is there, unit by unit, and ends when only global units are left", async () => {
      await run("start web@1 web@2 web@3 web@4 glob.service");
      const { out, err, code } = await run("drain f1ee0001", { terminal: true });
      const lines = out.trimEnd().split("\n");
      expect(lines.at(-1)).to.equal(`Machine ${on(1)} drained`);
      expect(lines.slice(0, -1).sort()).to.deep.equal(
        ["1", "3"].map((n) => `Unit web@${n}.service moved to ${on(2)}: active/running`),
      );
      expect(err).to.contain(`Unit web@1.service: moving to ${on(2)}`);
      expect(err).to.contain("Global units stay: glob.service\n");
      expect(code).to.equal(0);
      expect(await where()).to.not.match(/web@\d\.service\t+f1ee0001/);
    });

    it("is done at once where nothing has to leave", async () => {
      expect(await run("drain f1ee0002")).to.deep.equal({
        out: `Machine ${on(2)} drained\n`,
        err: "",
        code: 0,
      });
    });

    it("exits 1 with the reason of each unit that could not leave, which goes on running", async () => {
      await run("start pinned.service alone@1 alone@2 web@1");
      const { out, err, code } = await run("drain f1ee0001");
      expect(code).to.equal(1);
      expect(out).to.not.contain("drained");
      expect(err).to.match(
        /Unit pinned\.service has not left f1ee0001\.\.\.\/127\.0\.0\.1: 1 machine rejected it: .*host=h1/,
      );
      expect(err).to.match(/Unit alone@1\.service has not left .*conflicts with/);
      expect(err).to.contain("Machine f1ee0001.../127.0.0.1 is not empty: 2 units are left there\n");
      expect(err).to.match(/`deisctl why alone@1\.service` says .*`deisctl uncordon f1ee0001/);
      expect(await where()).to.match(/pinned\.service\t+f1ee0001/);
    });

    it("takes several machines, and lets nothing go from one to the other", async () => {
      cluster.join(third);
      await run("start web@1 web@2 web@3 web@4");
      const { code } = await run("drain f1ee0001 f1ee0002");
      expect(code).to.equal(0);
      expect((await where()).match(/f1ee0003/g)).to.have.length(4);
    });

    it("prints one JSON value", async () => {
      await run("start web@1");
      await run("start pinned.service");
      const { out } = await run("drain f1ee0001 --output json");
      const [drained] = JSON.parse(out);
      expect(drained).to.include({ machine: h1, drained: false });
      expect(drained.moved).to.deep.equal([{ unit: "web@1.service", to: h2, ready: true, reason: null }]);
      expect(drained.left[0]).to.include({ unit: "pinned.service" });
    });

    it("Ctrl-C leaves the drain to the cluster and says so", async () => {
      await run("start web@1");
      const ctrlC = new AbortController();
      const host = cluster.hosts.get(h2);
      if (!host) throw new Error("no host");
      let begun = false;
      host.hook = async (step) => {
        if (step !== "start") return;
        begun = true;
        await eventually(() => ctrlC.signal.aborted);
      };
      const draining = run("drain f1ee0001", { signal: ctrlC.signal });
      await eventually(() => begun);
      ctrlC.abort();
      const { err, code } = await draining;
      expect(code).to.equal(130);
      expect(err).to.contain("Hint: the drain goes on in the cluster");
      await eventually(async () => expect(await where()).to.match(/^web@1\.service\t+f1ee0002\S*\n$/));
    });

    it("uncordon calls it off, and nothing moves back by itself", async () => {
      await run("start web@1");
      await run("drain f1ee0001");
      await run("uncordon f1ee0001");
      expect(await where()).to.match(/web@1\.service\t+f1ee0002/);
    });
  });

  describe("move", () => {
    it("takes a unit to the machine that is named", async () => {
      await run("start web@1");
      expect(await run("move web@1 f1ee0002")).to.deep.equal({
        out: `Unit web@1.service moved to ${on(2)}: active/running\n`,
        err: "",
        code: 0,
      });
      expect((await run("move web@1 127.0.0.2")).err).to.equal(`Unit web@1.service is on ${on(2)} already\n`);
    });

    it("takes it anywhere else without one", async () => {
      await run("start web@1");
      expect((await run("move web@1")).code).to.equal(0);
      expect(await where()).to.match(/web@1\.service\t+f1ee0002/);
    });

    it("exits 3 with the reason when that machine cannot take it, which stays where it is", async () => {
      await run("start pinned.service");
      const { err, code } = await run("move pinned f1ee0002");
      expect(code).to.equal(3);
      expect(err).to.match(
        /^Cannot move "pinned\.service": f1ee0002\.\.\. .*host=h1.*\nHint: `deisctl why pinned\.service`/,
      );
      expect(await where()).to.match(/pinned\.service\t+f1ee0001/);
    });

    it("refuses what is nowhere, everywhere or unknown", async () => {
      await run("submit web@1");
      await run("start glob.service");
      expect((await run("move web@1")).err).to.match(
        /Cannot move "web@1\.service": it is on no machine\nHint: .*why/,
      );
      expect((await run("move glob")).err).to.match(/it is on 2 machines/);
      expect((await run("move nope")).err).to.match(/there is no such unit/);
      expect((await run("move")).code).to.equal(2);
    });
  });

  describe("rebalance", () => {
    beforeEach(async () => {
      await run("cordon f1ee0002");
      await run("start web@1 web@2 web@3 web@4");
      await run("uncordon f1ee0002");
    });

    it("shows the plan with reasons, and moves nothing where nobody can be asked", async () => {
      const { out, err, code } = await run("rebalance");
      expect(code).to.equal(0);
      expect(out).to.match(/^UNIT\t+FROM\t+TO\t+REASON\nweb@\d\.service\t+f1ee0001\S*\t+f1ee0002\S*\t+\S/);
      expect(err).to.contain("Nothing was moved: `deisctl rebalance --yes` does it\n");
      expect((await where()).match(/f1ee0001/g)).to.have.length(4);
    });

    it("does it when told, and has nothing to do then", async () => {
      const { out, err, code } = await run("rebalance", { answer: "yes" });
      expect(code).to.equal(0);
      expect(out.match(/^Unit web@\d\.service moved to f1ee0002/gm)).to.have.length(2);
      expect(err).to.match(/Moved 2 units\n$/);
      expect((await where()).match(/f1ee0001/g)).to.have.length(2);
      const again = await run("rebalance --yes");
      expect(again).to.include({ out: "", code: 0 });
    });

    it("prints the plan, and what became of it, as JSON", async () => {
      const plan = JSON.parse((await run("rebalance --output json")).out);
      expect(plan).to.have.property("done", false);
      expect(plan.moves[0]).to.include({ from: h1, to: h2 });
      const done = JSON.parse((await run("rebalance --yes --output json")).out);
      expect(done.moves.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal(["moved", "moved"]);
    });
  });

  describe("why", () => {
    it("says where a unit is and why there, with a reason for each machine", async () => {
      await run("start web@1");
      const { out, code } = await run("why web@1");
      expect(code).to.equal(0);
      expect(out).to.match(
        /^web@1\.service: .+\n {2}on f1ee0001\.\.\.\/127\.0\.0\.1: .+\nMACHINE\t+FITS\tREASON\n/,
      );
      expect(out).to.match(/\nf1ee0002\S*\tyes\t.+\n$/);
    });

    it("says why a unit is nowhere", async () => {
      await run("start alone@1 alone@2 alone@3 --no-block");
      await eventually(async () => expect((await where()).match(/\n/g)).to.have.length(2));
      const { out } = await run("why alone@3");
      expect(out).to.match(/f1ee0001\S*\tno\t.*alone@\d\.service/);
      expect(out).to.match(/f1ee0002\S*\tno\t.*alone@\d\.service/);
    });

    it("prints the scheduler's answers as JSON, and exits 1 for what does not exist", async () => {
      await run("start web@1");
      const { out, err, code } = await run("why web@1 nope --output json");
      expect(JSON.parse(out)[0]).to.have.property("unit", "web@1.service");
      expect(err).to.equal("Unit nope.service does not exist.\n");
      expect(code).to.equal(1);
    });
  });

  for (const [words, name] of [
    ["start alone@3", "alone@3"],
    ["load alone@3", "alone@3"],
    ["start alone@3 --replace --rolling", "alone@3"],
    ["start --replace alone@3", "alone@3"],
  ] as const) {
    it(`"${words}" says within a second that no machine can take it`, async () => {
      await run("start alone@1 alone@2");
      const began = performance.now();
      const { err, code } = await run(words);
      expect(code, err).to.equal(3);
      expect(err).to.contain(`Cannot place "${name}.service": 2 machines rejected it`);
      expect(performance.now() - began).to.be.lessThan(1_000);
    });
  }

  for (const words of ["start alone@3", "restart alone@3", "restart --rolling alone@3"]) {
    it(`"${words}" says so also of one that has waited for long`, async () => {
      await run("start alone@1 alone@2");
      await run("start alone@3");
      const began = performance.now();
      const { err, code } = await run(words);
      expect(code, err).to.equal(3);
      expect(performance.now() - began).to.be.lessThan(1_000);
    });
  }
});
