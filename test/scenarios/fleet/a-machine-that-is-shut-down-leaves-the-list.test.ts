import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { listed } from "../../support/listed.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a machine that is shut down", function () {
  this.timeout(90_000);
  const the = useSharedCluster();

  it("leaves the list with the states of its units; one that is pinned to it waits, and runs when it is back", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    await deployed.write({ "pinned.service": service({ fleet: onH4 }) });
    await deployed.deisctl("start", "pinned.service");
    await h4.stop();
    await eventually(() => expect(deployed.present).to.not.include("h4"), { within: 20_000 });
    expect(await listed(deployed, "list-machines", "machine")).to.have.length(3);
    await eventually(() => expect(deployed.reported("pinned.service")).to.deep.equal([]));
    expect(await listed(deployed, "list-units", "unit")).to.deep.equal([]);
    const [waiting] = await listed(deployed, "list-unit-files", "unit,dstate,unplaced");
    expect(waiting).to.match(/^pinned\.service launched \w/);
    await h4.start();
    await deployed.allActive(["pinned.service"], 30_000);
  });
});
