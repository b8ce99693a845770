import { expect } from "chai";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { beatingContainer, beatsOn } from "../support/heartbeats.ts";
import { tracesOn } from "../support/living-units.ts";

describe("a container whose unit must never run twice", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  it("is not started by Docker when its host comes back from a power cut after the unit has moved", async () => {
    const { deployed } = the;
    await deployed.write({
      "fenced.service": beatingContainer("fenced", "Fence=true", "Restart=always\nTimeoutStopSec=1"),
    });
    await deployed.deisctl("start", "fenced");
    await deployed.allActive(["fenced.service"]);
    const victim = deployed.hostWith("fenced.service");
    await victim.kill();
    const cutAt = Date.now();
    await eventually(() => ![victim.name, ""].includes(deployed.activeOn("fenced.service").join()), {
      within: 30_000,
    });
    await victim.start();
    await deployed.allPresent();
    await eventually(async () => expect(await tracesOn(victim)).to.deep.equal([]), {
      within: 20_000,
      every: 100,
    });
    const beats = await beatsOn(victim, "fenced");
    expect(beats).to.not.deep.equal([]);
    expect(beats.filter((at) => at > cutAt)).to.deep.equal([]);
    expect(deployed.placedOn("fenced.service")).to.deep.equal(deployed.activeOn("fenced.service"));
  });
});
