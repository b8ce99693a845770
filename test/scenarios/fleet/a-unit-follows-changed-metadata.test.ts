import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a unit finds its machine", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("by metadata that the operator changes while units run", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    await deployed.write({ "fast.service": service({ fleet: "MachineMetadata=disk=ssd" }) });
    expect((await deployed.tryDeisctl("start", "fast.service")).code).to.equal(3);
    const settings = await h4.exec(["cat", "/etc/deis/agent.toml"]);
    const section = "[machine.metadata]\n";
    expect(settings).to.contain(section);
    await h4.write("/etc/deis/agent.toml", settings.replace(section, `${section}disk = "ssd"\n`));
    await h4.exec(["systemctl", "reload", "deis-agent"]);
    try {
      await deployed.allActive(["fast.service"]);
      expect(deployed.placedOn("fast.service")).to.deep.equal(["h4"]);
    } finally {
      await h4.write("/etc/deis/agent.toml", settings);
      await h4.exec(["systemctl", "reload", "deis-agent"]);
    }
  });
});
