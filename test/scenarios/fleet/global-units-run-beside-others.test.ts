import { expect } from "chai";
import { livesOf } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const everywhere = ["h1", "h2", "h3", "h4"];

describe("a global unit", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("runs on every machine beside units that run once, which are spread as if it were not there", async () => {
    const { deployed } = the;
    await deployed.write({
      "all.service": service({ fleet: "Global=true" }),
      "one@.service": service(),
    });
    await deployed.deisctl("start", "all.service", "one@1.service", "one@2.service");
    expect(deployed.activeOn("all.service")).to.deep.equal(everywhere);
    expect(deployed.hostWith("one@1.service")).to.not.equal(deployed.hostWith("one@2.service"));
    expect((await deployed.deisctl("status", "all")).match(/Active: active/g)).to.have.length(4);
    const before = await livesOf(deployed.hosts);
    await deployed.deisctl("restart", "all");
    const after = await livesOf(deployed.hosts);
    expect(after.filter((life) => before.includes(life)).map((life) => life.split(" ")[1])).to.have.members([
      "one@1.service",
      "one@2.service",
    ]);
    const listed = await deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,target");
    expect(listed).to.match(/^all\.service\s+global$/m);
  });

  it("that asks for metadata runs on the machines that have it", async () => {
    const { deployed } = the;
    await deployed.write({
      "some.service": service({ fleet: "Global=true\nMachineMetadata=host=h2\nMachineMetadata=host=h4" }),
    });
    await deployed.deisctl("start", "some.service");
    expect(deployed.activeOn("some.service")).to.deep.equal(["h2", "h4"]);
  });
});
