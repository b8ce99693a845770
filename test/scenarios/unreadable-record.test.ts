import { expect } from "chai";
import { placementKey, unitKey } from "../../etcd/keys.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf } from "../support/living-units.ts";
import { container, service } from "../support/sleepers.ts";

const units = ["web@1.service", "web@2.service", "job@1.service", "job@2.service"];

describe("a record in etcd that cannot be read", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  before("spread units over the hosts", async () => {
    await the.deployed.write({ "web@.service": container(), "job@.service": service() });
    await the.deployed.deisctl("start", ...units);
    await the.deployed.allActive(units);
  });

  async function restGoesOn(unit: string): Promise<void> {
    await the.deployed.deisctl("start", unit);
    await the.deployed.deisctl("destroy", unit);
  }

  for (const unit of ["web@1.service", "job@1.service"]) {
    it(`of the placement of ${unit} leaves it as it runs and is told, and its removal mends it`, async () => {
      const { deployed } = the;
      const host = deployed.hostWith(unit);
      const [lives, placements] = [await livesOf(deployed.hosts), deployed.placements];
      const key = placementKey(deployed.machineOf(host), unit);
      await deployed.etcdctl(["put", key, "{ spoilt"]);
      await eventually(() =>
        expect(deployed.reported(unit).map(({ state }) => state.problem)).to.match(/cannot be read/),
      );
      await restGoesOn("job@9.service");
      expect(await livesOf(deployed.hosts)).to.deep.equal(lives);
      expect(deployed.activeOn(unit)).to.deep.equal([host.name]);
      const listed = await deployed.deisctl("list-units", "--no-legend", "--fields=unit,problem");
      expect(listed).to.match(new RegExp(`${unit}\\s+Left as it is: `));

      await deployed.etcdctl(["del", key]);
      await deployed.allActive(units);
      await eventually(() => expect(deployed.reported(unit)[0]?.state.problem).to.equal(undefined));
      expect(deployed.placements.length).to.equal(placements.length);
    });
  }

  it("of a unit leaves it as it runs and is told, and a good one in its place mends it", async () => {
    const { deployed } = the;
    const unit = "web@2.service";
    const [lives, placements] = [await livesOf(deployed.hosts), deployed.placements];
    const good = await deployed.etcdctl(["get", "--print-value-only", unitKey(unit)]);
    await deployed.etcdctl(["put", unitKey(unit), '{"hash":7}']);
    await restGoesOn("job@9.service");
    expect(await livesOf(deployed.hosts)).to.deep.equal(lives);
    expect(deployed.placements).to.deep.equal(placements);
    const leader = deployed.leader;
    const log = await leader?.exec(["journalctl", "-u", "deis-scheduler", "-o", "cat", "--no-pager"]);
    const told = (log ?? "").split("\n").filter((line) => line.includes(`"unit":"${unit}"`));
    expect(told.join("\n")).to.contain("unit cannot be read and is left as it is");

    await deployed.etcdctl(["put", unitKey(unit), good.trim()]);
    await restGoesOn("job@9.service");
    await deployed.deisctl("stop", unit);
    await deployed.deisctl("start", unit);
    await deployed.allActive(units);
  });
});
