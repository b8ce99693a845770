import { expect } from "chai";
import type { Outcome } from "../../cluster/run.ts";
import { eventually } from "../support/eventually.ts";
import { MachineUnderTest, unitText } from "./machine-under-test.ts";

const first = "2026-11-21T03:00:00.000Z";
const second = "2026-11-21T04:00:00.000Z";

describe("an agent with a unit that is to end", () => {
  let host: MachineUnderTest;

  beforeEach(() => {
    host = new MachineUnderTest();
  });

  afterEach(async () => {
    await host.stop();
  });

  const outcome = (): Outcome | undefined => host.outcomes.table.get("job.service");
  const starts = (): number => host.steps("job.service").filter((step) => step === "start").length;
  const claimed = (run: string) =>
    eventually(() => expect(outcome()?.claim).to.include({ run }).and.not.have.property("ended"));
  const over = (run: string, ok: boolean) =>
    eventually(() => expect(outcome()?.claim).to.include({ run, ok }).and.have.property("ended"));

  /** A pass after all that is under way has decided nothing more. */
  async function atRest(): Promise<void> {
    let seen = -1;
    await eventually(
      () => {
        const busy = host.calls.length !== seen;
        seen = host.calls.length;
        host.ring();
        return !busy;
      },
      { every: 30 },
    );
  }

  for (const word of ["once", "each-tick"]) {
    it(`claims its run (${word}) before it starts it, and tells its end`, async () => {
      const claims: boolean[] = [];
      host.systemd.hook = (step) => {
        if (step === "start") claims.push(outcome()?.claim?.run === first);
      };
      await host.startSynced();
      host.place("job.service", unitText("runs", 1, word), { run: first });
      await claimed(first);
      await eventually(() => host.state("job.service")?.active === "active");
      expect(claims).to.deep.equal([true]);
      host.systemd.end("job.service", "inactive", 0);
      await over(first, true);
      expect(outcome()?.claim).to.include({ exitStatus: 0 });
      await atRest();
      expect(starts()).to.equal(1);
    });

    it(`does not run it (${word}) again after a restart of the agent or of the host`, async () => {
      await host.startSynced();
      host.place("job.service", unitText("runs", 1, word), { run: first });
      await claimed(first);
      await eventually(() => host.state("job.service")?.active === "active");
      host.systemd.end("job.service", "failed", 3);
      await over(first, false);
      expect(outcome()?.claim).to.include({ exitStatus: 3, problem: "Its process ended with status 3" });
      await host.stop();
      await host.startSynced();
      await atRest();
      await host.stop();
      host.systemd.residents.clear();
      await host.startSynced();
      await atRest();
      expect(starts()).to.equal(1);
    });
  }

  it("runs it again for another run, and stops the one that is under way", async () => {
    await host.startSynced();
    host.place("job.service", unitText("runs", 1, "once"), { run: first });
    await claimed(first);
    await eventually(() => host.state("job.service")?.active === "active");
    host.place("job.service", unitText("runs", 1, "once"), { run: second, generation: 1 });
    await claimed(second);
    await eventually(() => expect(host.state("job.service")).to.include({ active: "active", generation: 1 }));
    expect(host.steps("job.service").filter((step) => step !== "acknowledge")).to.deep.equal([
      "load",
      "start",
      "stop",
      "start",
    ]);
  });

  it("starts nothing while its claim is refused, and forgets what it told once the unit has left", async () => {
    host.refusesClaims = true;
    await host.startSynced();
    host.place("job.service", unitText("runs", 1, "once"), { run: first });
    await eventually(() =>
      host.events.some((event) => event.kind === "step-failed" && event.step === "claim"),
    );
    expect(starts()).to.equal(0);
    host.refusesClaims = false;
    await claimed(first);
    await eventually(() => host.state("job.service")?.active === "active");
    host.withdraw("job.service");
    await eventually(() => host.systemd.residents.size === 0 && outcome() === undefined);
  });

  it("adopts a run that goes on while the agent is restarted", async () => {
    await host.startSynced();
    host.place("job.service", unitText("runs", 1, "each-tick"), { run: first });
    await claimed(first);
    await eventually(() => host.state("job.service")?.active === "active");
    await host.stop();
    await host.startSynced();
    await atRest();
    expect(outcome()?.claim).to.not.have.property("ended");
    host.systemd.end("job.service", "inactive", 0);
    await over(first, true);
    expect(starts()).to.equal(1);
  });

  it("begins a run of RunOnce again that a reboot cut short", async () => {
    await host.startSynced();
    host.place("job.service", unitText("runs", 1, "once"), { run: first });
    await claimed(first);
    await eventually(() => host.state("job.service")?.active === "active");
    await host.stop();
    host.systemd.residents.clear();
    await host.startSynced();
    await eventually(() => host.systemd.residents.get("job.service")?.state.active === "active");
    expect(starts()).to.equal(2);
  });

  it("gives a tick up that a reboot cut short, and says so", async () => {
    await host.startSynced();
    host.place("job.service", unitText("runs", 1, "each-tick"), { run: first });
    await claimed(first);
    await eventually(() => host.state("job.service")?.active === "active");
    await host.stop();
    host.systemd.residents.clear();
    await host.startSynced();
    await over(first, false);
    expect(outcome()?.claim?.problem).to.equal("the run was cut short, and nobody saw its end");
    expect(starts()).to.equal(1);
  });

  it("tells a run that cannot be started as failed", async () => {
    await host.startSynced();
    host.place("job.service", unitText("fails", 1, "once"), { run: first });
    await over(first, false);
    expect(outcome()?.claim).to.include({ exitStatus: 3 });
    await atRest();
    expect(starts()).to.equal(1);
  });

  it("does not start it while its target is loaded", async () => {
    await host.startSynced();
    host.place("job.service", unitText("runs", 1, "once"), { target: "loaded" });
    await eventually(() => host.state("job.service")?.load === "loaded");
    await atRest();
    expect(starts()).to.equal(0);
    expect(outcome()).to.equal(undefined);
  });
});

describe("an agent with a unit that moves after failures", () => {
  let host: MachineUnderTest;

  beforeEach(async () => {
    host = new MachineUnderTest();
    await host.start();
    host.placements.sync();
    host.reported.sync();
  });

  afterEach(async () => {
    await host.stop();
  });

  const count = () => host.outcomes.table.get("web.service")?.failures?.count;
  const failAgain = (second: number) =>
    host.systemd.set("web.service", {
      active: "activating",
      sub: "auto-restart",
      since: new Date(Date.UTC(2026, 10, 21, 0, 0, second)).toISOString(),
    });

  it("counts each failure once, up to the limit, and goes on counting after a restart", async () => {
    host.place("web.service", unitText("runs", 1, "moves"));
    await eventually(() => host.state("web.service")?.active === "active");
    expect(count()).to.equal(undefined);
    failAgain(1);
    await eventually(() => expect(count()).to.equal(1));
    host.ring();
    host.systemd.set("web.service", { active: "active", sub: "running" });
    failAgain(2);
    await eventually(() => expect(count()).to.equal(2));
    await host.stop();
    await host.start();
    host.placements.sync();
    host.reported.sync();
    failAgain(3);
    await eventually(() => expect(count()).to.equal(3));
  });

  it("forgets failures of long ago, and those of an earlier file", async () => {
    host.place("web.service", unitText("runs", 1, "moves"));
    await eventually(() => host.state("web.service")?.active === "active");
    failAgain(1);
    await eventually(() => expect(count()).to.equal(1));
    failAgain(1_000);
    await eventually(() =>
      expect(host.outcomes.table.get("web.service")?.failures).to.include({
        count: 1,
        at: "2026-11-21T00:16:40.000Z",
      }),
    );
    host.place("web.service", unitText("runs", 2, "moves"));
    await eventually(() => expect(count()).to.equal(undefined));
  });

  it("tells nothing of units without the word", async () => {
    host.place("web.service", unitText("runs", 1));
    await eventually(() => host.state("web.service")?.active === "active");
    failAgain(1);
    await eventually(() => host.state("web.service")?.sub === "auto-restart");
    expect(host.outcomes.table.size).to.equal(0);
  });
});
