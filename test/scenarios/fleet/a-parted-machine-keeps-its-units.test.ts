import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { livesOf, livesOn, tracesOn } from "../../support/living-units.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a machine that is parted", function () {
  this.timeout(90_000);
  const the = useSharedCluster();

  it("from the network for longer than its lease keeps every unit as it was, and touches none when it is back", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const kinds = ["inactive", "loaded", "launched"];
    await deployed.write({
      ...Object.fromEntries(kinds.map((kind) => [`${kind}.service`, service({ fleet: onH4 })])),
      ...Object.fromEntries(kinds.map((kind) => [`all-${kind}.service`, service({ fleet: "Global=true" })])),
    });
    await deployed.deisctl("submit", "inactive.service", "all-inactive.service");
    await deployed.deisctl("load", "loaded.service", "all-loaded.service");
    await deployed.deisctl("start", "launched.service", "all-launched.service");
    const [traces, lives] = [await tracesOn(h4), await livesOf(deployed.hosts)];
    expect(traces).to.deep.equal([
      "all-launched.service",
      "all-loaded.service",
      "launched.service",
      "loaded.service",
    ]);
    const since = (await h4.exec(["date", "+%s"])).trim();

    await deployed.cluster.part([4]);
    await eventually(() => expect(deployed.present).to.not.include("h4"), { within: 20_000 });
    expect(await tracesOn(h4)).to.deep.equal(traces);
    expect(await livesOn(h4)).to.have.length(2);
    await deployed.cluster.heal();
    await deployed.allPresent();
    await deployed.allActive(["launched.service", "all-launched.service"]);
    // Everything that was to be done after the return has been done once a new unit runs here.
    await deployed.write({ "after.service": service({ fleet: onH4 }) });
    await deployed.deisctl("start", "after.service");
    await deployed.deisctl("destroy", "after.service");
    expect(await livesOf(deployed.hosts)).to.deep.equal(lives);
    expect(await tracesOn(h4)).to.deep.equal(traces);
    const log = await h4.exec([
      "journalctl",
      "--since",
      `@${since}`,
      "-u",
      "launched",
      "-u",
      "all-launched",
      "-o",
      "cat",
    ]);
    expect(log).to.not.match(/Stopp(ing|ed)/);
  });
});
