import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { beatingService, beatsOn } from "../../support/heartbeats.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("units that conflict with each other", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("never run side by side, not even while the one that leaves takes its time", async () => {
    const { deployed } = the;
    const slow = beatingService("%n", "Conflicts=slow@*", "ExecStop=/bin/sleep 1.5");
    await deployed.write({ "slow@.service": slow });
    await deployed.tryDeisctl("start", "slow@1", "slow@2", "slow@3", "slow@4", "slow@5");
    const host = deployed.hostWith("slow@1.service");
    await deployed.deisctl("destroy", "slow@1");
    await deployed.allActive(["slow@5.service"]);
    expect(deployed.hostWith("slow@5.service")).to.equal(host);
    await eventually(async () => (await beatsOn(host, "slow@5.service")).length > 0);
    const [first] = await beatsOn(host, "slow@5.service");
    expect((await beatsOn(host, "slow@1.service")).at(-1)).to.be.lessThan(Number(first));
  });
});
