import { expect } from "chai";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { beatingService, beatsOn } from "../support/heartbeats.ts";
import { runningOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { service } from "../support/sleepers.ts";

const units = [1, 2, 3, 4, 5].map((instance) => `web@${instance}.service`);

describe("five units that conflict with each other, on three hosts", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  before("ask for all five", async () => {
    const { deployed } = the;
    await deployed.write({ "web@.service": service({ fleet: "Conflicts=web@*" }) });
  });

  it("are three that run, one on each host, and two that say why not", async function () {
    const { deployed } = the;
    const begun = performance.now();
    const { code, stdout, stderr } = await deployed.tryDeisctl("start", ...units);
    measured(this, "until deisctl knew", performance.now() - begun);
    expect(code, "nothing can take two of them").to.equal(3);
    expect(`${stdout}${stderr}`).to.match(/web@[45]\.service.*conflicts/);
    await eventually(() => units.filter((unit) => deployed.activeOn(unit).length === 1).length === 3);
    const running = await Promise.all(deployed.hosts.map((host) => runningOn(host)));
    expect(running.map((names) => names.length)).to.deep.equal([1, 1, 1]);
    const waiting = [...deployed.records.tables.unplaced.entries()];
    expect(waiting.map(([unit]) => unit).sort()).to.deep.equal(["web@4.service", "web@5.service"]);
    for (const [, { reason }] of waiting) {
      expect(reason).to.match(/^3 machines rejected it: 3 run units such as "web@[123]\.service"/);
    }
  });

  it("let a waiting one in as soon as one of them is destroyed", async function () {
    const { deployed } = the;
    const freed = deployed.placedOn("web@2.service");
    const begun = performance.now();
    await deployed.deisctl("destroy", "web@2.service");
    await deployed.allActive(["web@4.service"]);
    measured(this, "from destroy to the next one active", performance.now() - begun);
    expect(deployed.placedOn("web@4.service")).to.deep.equal(freed);
    expect(deployed.placedOn("web@5.service")).to.deep.equal([]);
    await eventually(async () => {
      const running = await Promise.all(deployed.hosts.map((host) => runningOn(host)));
      expect(running.map((names) => names.length)).to.deep.equal([1, 1, 1]);
    });
  });

  it("never run side by side, not even while the one that leaves takes its time", async () => {
    const { deployed } = the;
    await deployed.deisctl("destroy", ...units.filter((unit) => unit !== "web@2.service"));
    const slow = beatingService("%n", "Conflicts=slow@*", "ExecStop=/bin/sleep 1.5");
    await deployed.write({ "slow@.service": slow });
    await deployed.tryDeisctl("start", "slow@1", "slow@2", "slow@3", "slow@4");
    const host = deployed.hostWith("slow@1.service");
    await deployed.deisctl("destroy", "slow@1");
    await deployed.allActive(["slow@4.service"]);
    expect(deployed.hostWith("slow@4.service")).to.equal(host);
    await eventually(async () => (await beatsOn(host, "slow@4.service")).length > 0);
    const [first] = await beatsOn(host, "slow@4.service");
    expect((await beatsOn(host, "slow@1.service")).at(-1)).to.be.lessThan(Number(first));
  });
});
