import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { runningOn } from "../../support/living-units.ts";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const units = [1, 2, 3, 4, 5, 6].map((instance) => `web@${instance}.service`);

describe("six units that conflict with each other, on four machines", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("are four that run, one on each, and two that say why not, until one of the four is destroyed", async function () {
    const { deployed } = the;
    const perMachine = async () =>
      (await Promise.all(deployed.hosts.map(runningOn))).map((names) => names.length);
    await deployed.write({ "web@.service": service({ fleet: "Conflicts=web@*" }) });
    const begun = performance.now();
    const { code, stdout, stderr } = await deployed.tryDeisctl("start", ...units);
    measured(this, "until deisctl knew", performance.now() - begun);
    expect(code, "nothing can take two of them").to.equal(3);
    expect(`${stdout}${stderr}`).to.match(/web@[56]\.service.*conflicts/);
    await eventually(() => units.filter((unit) => deployed.activeOn(unit).length === 1).length === 4);
    expect(await perMachine()).to.deep.equal([1, 1, 1, 1]);
    const waiting = [...deployed.records.tables.unplaced.entries()];
    expect(waiting.map(([unit]) => unit).sort()).to.deep.equal(["web@5.service", "web@6.service"]);
    for (const [, { reason }] of waiting)
      expect(reason).to.match(/^4 machines rejected it: 4 run units such as "web@[1-4]\.service"/);

    const freed = deployed.placedOn("web@2.service");
    const destroyed = performance.now();
    await deployed.deisctl("destroy", "web@2.service");
    await deployed.allActive(["web@5.service"]);
    measured(this, "from destroy to the next one active", performance.now() - destroyed);
    expect(deployed.placedOn("web@5.service")).to.deep.equal(freed);
    expect(deployed.placedOn("web@6.service")).to.deep.equal([]);
    expect(await perMachine()).to.deep.equal([1, 1, 1, 1]);
  });
});
