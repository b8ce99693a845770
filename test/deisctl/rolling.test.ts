import { expect } from "chai";
import fc from "fast-check";
import { byNumber, type MemberStanding, maxUnavailable, nextMembers } from "../../deisctl/rolling.ts";
import { deisctl, type Ran } from "./run-command.ts";
import { h1, h2, machine, ScriptedCluster } from "./scripted-cluster.ts";

const text = (word: string): string => `[Service]\nExecStart=/bin/sleep ${word}\n`;
const global = (word: string): string => `${text(word)}\n[X-Fleet]\nGlobal=true\n`;

describe("nextMembers", () => {
  const standing = fc.record({
    stage: fc.constantFrom("left", "under-way", "done"),
    ready: fc.boolean(),
  }) as fc.Arbitrary<MemberStanding>;

  it("never lets more be down than allowed by taking up what is ready", () => {
    fc.assert(
      fc.property(
        fc.array(standing, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        (standings, most) => {
          const taken = nextMembers(standings, most);
          const underWay = standings.filter(({ stage }) => stage === "under-way").length;
          expect(underWay + taken.length <= most || taken.length === 0).to.equal(true);
          const healthy = taken.filter((at) => standings[at]?.ready);
          const down = standings.filter(({ stage, ready }) => stage === "under-way" || !ready).length;
          expect(healthy.length === 0 || down + healthy.length <= most).to.equal(true);
          expect(taken.every((at) => standings[at]?.stage === "left")).to.equal(true);
        },
      ),
    );
  });

  it("always gets on while nothing is under way and what was done is ready", () => {
    fc.assert(
      fc.property(fc.array(standing, { minLength: 1, maxLength: 12 }), (standings) => {
        const rest = standings.map(
          ({ stage, ready }): MemberStanding =>
            stage === "left" ? { stage, ready } : { stage: "done", ready: true },
        );
        const left = rest.some(({ stage }) => stage === "left");
        expect(nextMembers(rest, 1).length > 0).to.equal(left);
      }),
    );
  });

  it("takes what is not ready first", () => {
    const standings: MemberStanding[] = [
      { stage: "left", ready: true },
      { stage: "left", ready: false },
      { stage: "left", ready: true },
    ];
    expect(nextMembers(standings, 1)).to.deep.equal([1]);
    expect(nextMembers(standings, 2)).to.deep.equal([1, 0]);
  });

  it("waits while one that was done is not ready any more", () => {
    expect(
      nextMembers(
        [
          { stage: "done", ready: false },
          { stage: "left", ready: true },
        ],
        1,
      ),
    ).to.deep.equal([]);
  });
});

describe("maxUnavailable", () => {
  for (const [given, members, means] of [
    [undefined, 10, 1],
    ["3", 10, 3],
    ["25%", 10, 2],
    ["25%", 2, 1],
    ["100%", 7, 7],
  ] as const) {
    it(`${given ?? "nothing"} of ${members} is ${means}`, () => {
      expect(maxUnavailable(given, members)).to.equal(means);
    });
  }

  for (const bad of ["0", "0%", "101%", "-1", "x", ""]) {
    it(`refuses "${bad}"`, () => {
      expect(() => maxUnavailable(bad, 10)).to.throw(/--max-unavailable is/);
    });
  }
});

it("byNumber counts as people do", () => {
  expect(["web@10.service", "web@2.service", "web@1.service"].sort(byNumber)).to.deep.equal([
    "web@1.service",
    "web@2.service",
    "web@10.service",
  ]);
});

describe("rolling changes", () => {
  let cluster: ScriptedCluster;
  let files: Record<string, string>;

  beforeEach(async () => {
    cluster = new ScriptedCluster();
    files = { "web@.service": text("1"), "glob.service": global("1") };
    await run("submit web@.service");
    await run("start web@1 web@2 web@10");
  });
  afterEach(() => cluster.close());

  const run = (words: string): Promise<Ran> => deisctl(words, { store: cluster.store, files });
  /** What was wanted of units, in order: `restart web@1.service`. */
  const wishes = async (): Promise<string[]> => {
    const { out } = await run("events -n 1000 --output json");
    return out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === "unit-restart" || kind === "unit-replaced")
      .map(({ kind, unit }) => `${kind} ${unit}`);
  };
  const hashOf = async (word: string): Promise<string> => {
    files["probe.service"] = word;
    await run("submit probe.service");
    const { out } = await run("list-unit-files --full --no-legend --fields=unit,hash");
    await run("destroy probe.service");
    return /probe\.service\t([0-9a-f]{40})/.exec(out)?.[1] ?? "";
  };

  describe("restart --rolling", () => {
    it("restarts instances one after the other, in order of their numbers", async () => {
      const { out, err, code } = await run("restart --rolling web@*");
      expect(code).to.equal(0);
      expect(out).to.equal(
        ["1", "2", "10"].map((n) => `Unit web@${n}.service launched on f1ee0001.../127.0.0.1\n`).join(""),
      );
      expect(err).to.equal("Successfully restarted units [web@1.service web@2.service web@10.service].\n");
      expect(await wishes()).to.deep.equal([
        "unit-restart web@1.service",
        "unit-restart web@2.service",
        "unit-restart web@10.service",
      ]);
    });

    it("stops at the first that fails, and says what was done, what was not, and how to go on", async () => {
      cluster.script.set("web@2.service", { does: "fails", exitStatus: 7 });
      await run("restart web@2");
      const { out, err, code } = await run("restart --rolling web@1 web@2 web@10 --timeout 5");
      expect(code).to.equal(1);
      // What is down already is taken first.
      expect(out).to.equal("");
      expect(err).to.equal(
        [
          "Unit web@2.service failed on f1ee0001.../127.0.0.1: it exited with status 7",
          "Stopped. Done: none. Begun: web@2.service. Not touched: web@1.service, web@10.service.",
          "Hint: `deisctl journal web@2.service` shows its last lines",
          "Hint: `deisctl restart --rolling web@2.service web@1.service web@10.service` goes on",
          "",
        ].join("\n"),
      );
      expect(await wishes()).to.deep.equal(["unit-restart web@2.service", "unit-restart web@2.service"]);
    });

    it("stops when one is not ready in time, with the reason its agent gives", async () => {
      cluster.script.set("web@1.service", { does: "is-not-routed" });
      const { err, code } = await run("restart --rolling web@* --timeout 1");
      expect(code).to.equal(1);
      expect(err).to.match(
        /^Unit web@1\.service is not ready in time: still waiting for requests to reach it \(GET \/healthz gave 500\) on f1ee0001/,
      );
      expect(err).to.contain("Not touched: web@2.service, web@10.service.");
    });

    it("does not take a unit for ready that ends within --min-ready", async () => {
      cluster.script.set("web@1.service", { does: "dies-at-once", exitStatus: 9 });
      const { out, err, code } = await run("restart --rolling web@1 web@2 --min-ready 5");
      expect({ out, code }).to.deep.equal({ out: "", code: 1 });
      expect(err).to.match(/^Unit web@1\.service failed on .*: it exited with status 9\n/);
    });

    it("waits until each has been ready for --min-ready", async () => {
      const began = performance.now();
      expect((await run("restart --rolling web@1 web@2 --min-ready 1")).code).to.equal(0);
      expect(performance.now() - began).to.be.greaterThan(2_000);
    });

    it("leaves alone what is not launched, and tells of what it does not know", async () => {
      await run("stop web@2");
      const { err, code } = await run("restart --rolling web@* nothing");
      expect(code).to.equal(1);
      expect(err).to.contain("Units not found in registry: nothing.service\n");
      expect(err).to.contain("Unit web@2.service is loaded, not launched: it is left alone\n");
      expect(await wishes()).to.have.length(2);
    });

    it("takes a global unit machine by machine", async () => {
      await run("start glob.service");
      const { out, code } = await run("restart --rolling glob");
      expect(code).to.equal(0);
      expect(out).to.equal(
        "Unit glob.service launched on f1ee0001.../127.0.0.1\nUnit glob.service launched on f1ee0002.../127.0.0.2\n",
      );
      const { out: told } = await run("events -n 1000 --output json glob");
      const renewed = told
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ kind, generation }) => kind === "unit-state" && generation === 1);
      expect(renewed.map(({ machine }) => machine)).to.deep.equal([h1, h2]);
      const record = cluster.store.etcd.dump().get("/deis/cluster/units/glob.service");
      expect(JSON.parse(record ?? ""))
        .to.include({ generation: 1 })
        .and.not.have.property("held");
    });

    it("stops a global unit's roll at the machine that fails, holds the rest, and goes on from there", async () => {
      await run("start glob.service");
      cluster.script.set(`${h1}/glob.service`, { does: "hangs" });
      const stopped = await run("restart --rolling glob --timeout 1");
      expect(stopped.code).to.equal(1);
      expect(stopped.err).to.contain("Begun: glob.service on f1ee0001.../127.0.0.1.");
      expect(stopped.err).to.contain("Not touched: glob.service on f1ee0002.../127.0.0.2.");
      const placements = cluster.store.etcd.dump();
      expect(placements.get(`/deis/cluster/placements/${h1}/glob.service`)).to.contain('"generation":1');
      expect(placements.get(`/deis/cluster/placements/${h2}/glob.service`)).to.contain('"generation":0');
      const { out: status } = await run("status glob");
      expect(
        status.match(/Held: keeps file .{7}, restart 0, until `deisctl restart --rolling glob\.service`/g),
      ).to.have.length(1);
      cluster.script.delete(`${h1}/glob.service`);
      const resumed = await run("restart --rolling glob --timeout 2");
      expect(resumed.code).to.equal(0);
      expect(resumed.err).to.match(
        /^Unit glob\.service: going on with the change that 1 of 2 machines lack\n/,
      );
      expect(resumed.out).to.equal("Unit glob.service launched on f1ee0002.../127.0.0.2\n");
    });

    it("prints every unit's outcome as JSON, the untouched ones too", async () => {
      cluster.script.set("web@2.service", { does: "hangs" });
      const { out } = await run("restart --rolling web@1 web@2 web@10 --timeout 1 --output json");
      expect(
        JSON.parse(out).map(({ unit, outcome }: Record<string, string>) => [unit, outcome]),
      ).to.deep.equal([
        ["web@1.service", "done"],
        ["web@10.service", "untouched"],
        ["web@2.service", "timed-out"],
      ]);
    });

    it("Ctrl-C stops it with 130 and tells what is left", async () => {
      cluster.script.set("web@1.service", { does: "hangs" });
      const ctrlC = new AbortController();
      const running = deisctl("restart --rolling web@*", {
        store: cluster.store,
        signal: ctrlC.signal,
        terminal: true,
        onErr: (told) => {
          if (told.includes("1 of 3")) ctrlC.abort();
        },
      });
      const { err, code } = await running;
      expect(code).to.equal(130);
      expect(err).to.contain(
        "Interrupted\nStopped. Done: none. Begun: web@1.service. Not touched: web@2.service",
      );
    });
  });

  describe("start --replace --rolling", () => {
    it("gives a template's instances its new text, one after the other", async () => {
      files["web@.service"] = text("2");
      const { out, err, code } = await run("start --replace --rolling web@.service");
      expect(code).to.equal(0);
      expect(out.match(/launched on/g)).to.have.length(3);
      expect(err).to.equal("Successfully replaced units [web@1.service web@2.service web@10.service].\n");
      expect(await wishes()).to.deep.equal([
        "unit-replaced web@.service",
        "unit-replaced web@1.service",
        "unit-replaced web@2.service",
        "unit-replaced web@10.service",
      ]);
      expect((await run("cat web@10")).out).to.equal(text("2"));
    });

    it("passes over what has the file already, so the same command goes on", async () => {
      files["web@.service"] = text("2");
      cluster.script.set("web@2.service", { does: "hangs" });
      const stopped = await run("start --replace --rolling web@.service --timeout 1");
      expect(stopped.code).to.equal(1);
      expect(stopped.err).to.contain(
        "Done: web@1.service. Begun: web@2.service. Not touched: web@10.service.",
      );
      expect(stopped.err).to.contain("`deisctl start --replace --rolling web@.service` goes on");
      expect((await run("cat web@10")).out).to.equal(text("1"));
      cluster.script.delete("web@2.service");
      cluster.store.addMachine(machine(h2, "127.0.0.2", "h2"));
      const resumed = await run("start --replace --rolling web@.service --timeout 2");
      expect(resumed.code).to.equal(0);
      expect(resumed.out).to.not.contain("web@1.service");
      expect((await run("cat web@10")).out).to.equal(text("2"));
    });

    it("--undo-on-failure gives back the former file", async () => {
      files["web@.service"] = text("bad");
      cluster.script.set(await hashOf(text("bad")), { does: "fails", exitStatus: 1 });
      const { err, code } = await run("start --replace --rolling web@.service --undo-on-failure");
      expect(code).to.equal(1);
      expect(err).to.contain("Undoing: web@1.service\n");
      expect(err).to.contain("Successfully restored units [web@1.service].\n");
      for (const unit of ["web@.service", "web@1", "web@2"])
        expect((await run(`cat ${unit}`)).out).to.equal(text("1"));
    });

    it("--undo-on-failure has nothing to give back to a unit that had the bad file before", async () => {
      files["web@.service"] = text("bad");
      cluster.script.set(await hashOf(text("bad")), { does: "fails", exitStatus: 1 });
      await run("start --replace --rolling web@.service");
      const { err, code } = await run("start --replace --rolling web@.service --undo-on-failure");
      expect(code).to.equal(1);
      expect(err).to.contain("Unit web@1.service had this file before: there is nothing to undo\n");
      expect(err).to.not.contain("Undoing");
    });

    it("takes a pattern's units to the cluster's template", async () => {
      files["web@.service"] = text("2");
      await run("submit --replace web@.service");
      delete files["web@.service"];
      expect((await run("start --replace --rolling web@*")).code).to.equal(0);
      expect((await run("cat web@2")).out).to.equal(text("2"));
    });

    it("replaces a global unit machine by machine, and undoes only where it was begun", async () => {
      await run("start glob.service");
      files["glob.service"] = global("bad");
      const bad = await hashOf(global("bad"));
      cluster.script.set(bad, { does: "fails", exitStatus: 1 });
      const { err, code } = await run("start --replace --rolling glob.service --undo-on-failure");
      expect(code).to.equal(1);
      expect(err).to.contain("Undoing: glob.service on f1ee0001.../127.0.0.1\n");
      const dump = cluster.store.etcd.dump();
      expect(dump.get(`/deis/cluster/placements/${h2}/glob.service`)).to.not.contain(bad);
      expect(dump.get(`/deis/cluster/placements/${h1}/glob.service`)).to.not.contain(bad);
      expect(dump.get("/deis/cluster/units/glob.service")).to.not.contain("held");
    });

    it("is refused without --replace, and its flags without --rolling", async () => {
      expect((await run("start --rolling web@1")).code).to.equal(2);
      expect((await run("restart --rolling web@1 --max-unavailable=none")).code).to.equal(2);
      const stray = await run("restart web@1 --min-ready 3");
      expect(stray.code).to.equal(2);
      expect(stray.err).to.match(/^--min-ready says how a rolling change is made: add --rolling/);
    });
  });
});
